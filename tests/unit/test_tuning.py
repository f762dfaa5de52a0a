"""How micro-dpo and micro-ppo are made, and how the experiment about them counts."""

import numpy as np
import pytest

from fmlab import tuning
from fmlab.alignment.best_of_n import Drawn
from fmlab.alignment.runs import Run, Sample, Step
from fmlab.experiments.overoptimization import Watched
from fmlab.experiments.preference_lab import Lab, as_dict, curve, lines_of_code
from fmlab.rates import Rate
from fmlab.responses import Mean
from tests.unit.tiny_chat import TOKENIZER, tiny_model


def run_of(n):
    sample = Sample("a?", "b", 1.0)
    return Run([Step(i, {"reward": float(i)}, [sample]) for i in range(n)])


def test_moments_are_spread_from_the_first_step_to_the_last():
    found = tuning.moments(run_of(31), n=4)
    assert [moment["step"] for moment in found] == [0, 10, 20, 30]
    assert found[0]["samples"] == [{"prompt": "a?", "response": "b", "reward": 1.0}]


def test_flops_are_two_a_weight_and_token_and_six_where_it_is_trained_on():
    model = tiny_model()
    n_params = sum(weight.numel() for weight in model.parameters())
    one = tuning.flops(model, {"generated": 1, "read": 0, "trained": 1})
    more = tuning.flops(model, {"generated": 3, "read": 2, "trained": 1})
    assert one == 8 * n_params
    assert more - one == 2 * n_params * 4


def test_a_model_is_tuned_from_any_base_and_leaves_it_as_it_was():
    base = tiny_model()
    settings = tuning.PPOSettings(n_steps=2, batch_size=8, max_new_tokens=6)

    def reward(prompts, responses):
        return [float(len(text)) for text in responses]

    tuned = tuning.tune_ppo(["a?", "b"], reward, settings, base=(base, TOKENIZER), progress=False)
    assert tuned.run.finished
    weights = zip(tuned.model.parameters(), base.parameters(), tiny_model().parameters())
    assert all((kept == fresh).all() for _, kept, fresh in weights)
    assert any((a != b).any() for a, b in zip(tuned.model.parameters(), base.parameters()))


def test_a_curve_is_the_mean_of_windows_and_leaves_out_the_rest():
    assert curve({"a": [1, 3, 5, 7, 100], "b": [0] * 5}, 2) == {"a": [2, 6], "b": [0, 0]}


def test_lines_of_code_leave_out_blank_lines_comments_and_docstrings(tmp_path, monkeypatch):
    counted = 'x = """a\nb"""  # data', "def f():", "    return (\n        x\n    )"
    source = '"""Doc\n\nstring."""\n\n# why\n{}\n\n\n{}\n    """Doc."""\n{}\n'.format(*counted)
    (tmp_path / "counted_module.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert lines_of_code("counted_module") == 2 + 1 + 3


@pytest.mark.parametrize("found", [Mean.of([1.0, 2.0, 4.5]), Rate(3, 4)])
def test_an_interval_is_recorded_around_its_middle(found):
    recorded = as_dict(found)
    assert recorded["low"] < recorded["value"] < recorded["high"]
    assert recorded["low"] == pytest.approx(found.low, abs=1e-4)


def test_true_utilities_belong_to_the_prompt_of_their_row():
    class World:
        def utility(self, prompt, response):
            return 10.0 * int(prompt) + len(response)

    lab = Lab.__new__(Lab)
    lab.world = World()
    drawn = Drawn(["1", "2"], [["a", "bb"], ["", "cccc"]], np.zeros((2, 2)))
    assert lab.true_utilities(drawn).tolist() == [[11, 12], [20, 24]]


def test_a_watched_reward_pays_by_the_proxy_and_notes_the_truth():
    class World:
        def utility(self, prompt, response):
            return -float(len(response))

    lab = Lab.__new__(Lab)
    lab.world = World()
    watched = Watched(lab, lambda prompts, responses: [float(len(text)) for text in responses])
    assert watched(["a", "b"], ["x", "yyy"]) == [1, 3]
    assert watched(["a"], ["zz"]) == [2]
    assert watched.true == [-2, -2]
