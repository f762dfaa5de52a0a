"""Properties of fmlab.recipes.preference: how small-dpo and small-ppo are made."""

import numpy as np

from fmlab import models
from fmlab.alignment.reward_model import RewardModel
from fmlab.recipes import preference
from fmlab.scaling.costs import count_parameters
from tests.unit.tiny_chat import COMPARISONS, TOKENIZER, changed, tiny_model, weights_of


def test_any_base_is_finetuned_and_left_as_it_was():
    base = tiny_model()
    settings = preference.PPOSettings(n_steps=2, batch_size=8, max_new_tokens=6)

    def reward(prompts, responses):
        return [float(len(text)) for text in responses]

    options = dict(base=(base, TOKENIZER), progress=False)
    tuned = preference.tune_ppo(["a?", "b"], reward, settings, **options)
    assert tuned.run.finished
    assert not changed(base, weights_of(tiny_model()))
    assert changed(tuned.model, weights_of(base))


def test_dpo_starts_from_small_sft_and_its_card_has_the_curve(monkeypatch):
    base = tiny_model()
    monkeypatch.setattr(models, "load", lambda name: {"small-sft": (base, TOKENIZER)}[name])
    tuned = preference.tune_dpo(COMPARISONS, progress=False, batch_size=2)
    assert tuned.run.finished
    assert not changed(base, weights_of(tiny_model()))
    assert changed(tuned.model, weights_of(base))
    facts = tuned.card("small-dpo", data="text")
    assert facts["command"] == "python -m fmlab.recipes small-dpo"
    assert facts["base"]["name"] == "small-sft"
    assert facts["data"] == "text"
    assert facts["tokens"] == tuned.run.tokens
    assert facts["flops"] > 6 * count_parameters(base.config) * tuned.run.n_tokens
    assert facts["curve"].keys() == tuned.run.steps[0].numbers.keys()
    np.testing.assert_allclose(facts["curve"]["loss"], tuned.run.losses, atol=5.1e-5)


def test_settings_are_those_on_the_cards():
    assert models.card("small-dpo")["settings"] == preference.DPO
    settings = models.card("small-ppo")["settings"]
    assert preference.PPOSettings(**settings) == preference.PPO


def test_reward_model_is_a_reward_function():
    model = RewardModel(tiny_model())
    model.head.weight.data.fill_(1.0)
    reward, texts = preference.as_reward(model, TOKENIZER), (["a", "b"], ["c", "d"])
    assert reward(*texts).tolist() == model.score(TOKENIZER, *texts).tolist() != [0.0, 0.0]
