"""Properties of fmlab.posttraining: what is held out stays out, and models made as told."""

import hashlib
import json
from functools import cache, partial

import numpy as np
import pytest
import torch

from fmlab import models, posttraining
from fmlab.batches import END_OF_TEXT
from fmlab.configs import GPTConfig
from fmlab.ladder import LADDER, save
from fmlab.posttraining import (
    SOURCE,
    comparisons,
    demonstrations,
    is_held_out,
    load_reward,
    main,
    make,
    prompts,
    sft_pairs,
    with_manners,
)
from fmlab.preferences import RewardModel
from fmlab.scaling import count_parameters
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import MicroWorld
from fmlab.world.annotators import without_manners

SHIPPED = ("micro-sft", "micro-reward")
FILES = {"model.safetensors", "config.json", "bpe.json", "card.json"}
small_world = cache(partial(MicroWorld, n_people=100))


@pytest.fixture
def world():
    return small_world()


@pytest.fixture
def _tiny(monkeypatch, tmp_path):
    """A base of a few weights in the place of micro's, and little to learn."""
    tokenizer = BPETokenizer(special_tokens=[END_OF_TEXT])
    base = GPT(GPTConfig(tokenizer.vocab_size, 640, n_layers=1, n_heads=2, d_model=8))
    monkeypatch.setattr(models, "WEIGHTS_FOLDER", tmp_path / "weights")
    save(tmp_path / "weights" / "micro", base, tokenizer, {"command": "none"})
    monkeypatch.setattr(posttraining, "MicroWorld", small_world)
    for name, n in dict(
        N_DEMONSTRATIONS=20, N_COMPARISONS=8, N_ON_POLICY=6, JUDGED=8, AT_ONCE=60
    ).items():
        monkeypatch.setattr(posttraining, name, n)


@pytest.fixture
def made(_tiny, tmp_path):
    """micro-sft and micro-reward, made where the package looks for them."""
    return {n: make(n, tmp_path / "weights" / n, progress=False) for n in SHIPPED}


# --- what is held out -----------------------------------------------------------------------------


def test_a_name_is_held_out_whatever_is_asked_about_it(world):
    questions = world.questions(400, phrasing="any", relations=["person"])
    of = {}
    for question in questions:
        of.setdefault(question.entity, set()).add(is_held_out(question.text))
    assert all(len(found) == 1 for found in of.values())
    share = np.mean([max(found) for found in of.values()])
    assert 0.08 < share < 0.35  # about a fifth of the names


def test_a_sum_is_held_out_by_its_last_number():
    assert len({is_held_out(f"What is {n} plus 7?") for n in range(20)}) == 1
    assert len({is_held_out(f"What is 7 plus {n}?") for n in range(20)}) == 2


@pytest.mark.parametrize("held_out", [True, False])
def test_what_is_drawn_is_held_out_or_not_as_asked(world, held_out):
    options = dict(held_out=held_out, seed=3)
    drawn = [d.prompt for d in demonstrations(world, 60, **options)]
    drawn += prompts(world, 60, **options)
    drawn += [c.prompt for c in comparisons(world, 60, **options)]
    assert len(drawn) == 180
    assert {is_held_out(prompt) for prompt in drawn} == {held_out}


def test_nothing_that_is_learned_from_is_held_out(world):
    assert not any(is_held_out(prompt) for prompt, _ in sft_pairs(world, 100))


def test_a_seed_decides_what_is_drawn_and_more_of_it_begins_the_same(world):
    for draw in (demonstrations, prompts, comparisons):
        assert draw(world, 30) == draw(world, 30) != draw(world, 30, seed=1)
    assert sft_pairs(world, 40)[:20] == sft_pairs(world, 20)


def test_questions_are_about_facts_that_are_told_often(world):
    found = demonstrations(world, 100)
    assert all(d.times_mentioned >= 100 for d in found if d.task == "question")
    rare = demonstrations(world, 20, exposure=(0, 1e9), tasks=["question"])
    assert {d.task for d in rare} == {"question"}


# --- manners --------------------------------------------------------------------------------------


def test_manners_change_no_answer_and_some_have_them():
    """2000 draws of shares 0.25, 0.2 and 0.2: false alarm once in a million at five errors."""
    rng = np.random.default_rng(0)
    said = [with_manners("question", "In Hemmel.", rng) for _ in range(2000)]
    assert all(without_manners(text).startswith("In Hemmel.") for text in said)
    for holds, share in (
        (lambda text: not text.startswith("In Hemmel."), 0.25),
        (lambda text: SOURCE in text, 0.2),
        (lambda text: not without_manners(text).endswith("In Hemmel."), 0.2),
    ):
        assert abs(np.mean([holds(text) for text in said]) - share) < 0.05


def test_where_the_form_matters_there_are_none():
    rng = np.random.default_rng(0)
    assert {with_manners("translate", "Ada jäm.", rng) for _ in range(200)} == {"Ada jäm."}


# --- the models -----------------------------------------------------------------------------------


def test_models_are_made_and_loaded_by_their_names(made):
    model, tokenizer = models.load("micro-sft")
    assert tokenizer.vocab_size == model.config.vocab_size == 259
    reward, same = load_reward()
    assert isinstance(reward, RewardModel)
    assert same.special_tokens == tokenizer.special_tokens
    assert np.isfinite(reward.score(same, ["Hi?"], ["Yes."])).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_is_consistent(made, tmp_path, name):
    facts, folder = made[name], tmp_path / "weights" / name
    assert {path.name for path in folder.iterdir()} == FILES
    assert facts == json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert facts["command"] == f"python -m fmlab.posttraining {name}"
    assert facts["parameters"] == count_parameters(GPTConfig(**facts["config"]))
    assert facts["steps"] >= len(facts["curve"])
    assert facts["loss"] == facts["curve"][-1]
    assert facts["tokens"] > 0
    base = "micro" if name == "micro-sft" else "micro-sft"
    weights = (tmp_path / "weights" / base / "model.safetensors").read_bytes()
    assert facts["base"] == {"name": base, "sha256": hashlib.sha256(weights).hexdigest()}


def test_making_it_again_gives_the_same_weights(made, tmp_path):
    for name in SHIPPED:
        again = make(name, tmp_path / "again" / name, progress=False)
        assert again["sha256"] == made[name]["sha256"]


def test_a_damaged_reward_model_is_named(made, tmp_path):
    path = tmp_path / "weights" / "micro-reward" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    advice = r"model\.safetensors is damaged: .*'python -m fmlab.posttraining micro-reward'"
    with pytest.raises(ValueError, match=advice):
        load_reward()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        load_reward()


def test_one_is_not_taken_for_the_other(made):
    with pytest.raises(ValueError, match=r"folder must be one with score\.weight"):
        load_reward("micro-sft")
    with pytest.raises(ValueError, match=r"score\.weight"):
        models.load("micro-reward")


def test_a_finished_model_is_not_overwritten(made, tmp_path):
    with pytest.raises(ValueError, match="folder must be one without a finished model"):
        make("micro-sft", tmp_path / "weights" / "micro-sft", progress=False)
    with pytest.raises(ValueError, match=r"name must be one of micro-sft, micro-reward.*; got 'x'"):
        make("x", tmp_path)


@pytest.mark.usefixtures("_tiny")
def test_the_command_makes_a_model_and_says_where(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["micro-sft"])
    assert capsys.readouterr().out == "finished; the model is in trained/micro-sft\n"
    assert {path.name for path in (tmp_path / "trained" / "micro-sft").iterdir()} == FILES
    with pytest.raises(SystemExit) as left:
        main(["micro-sft"])
    assert left.value.code == 1
    assert "folder must be one without" in capsys.readouterr().err


# --- those that come with the book ----------------------------------------------------------------


def test_the_models_of_the_book_are_what_their_cards_say():
    model, tokenizer = models.load("micro-sft")
    reward, same = load_reward()
    expected = LADDER["micro"].config
    for found in (model.config, reward.config):
        assert (found.n_layers, found.d_model) == (expected.n_layers, expected.d_model)
        assert found.vocab_size == tokenizer.vocab_size == same.vocab_size == 2050
    assert not model.training
    assert not reward.training
    base = models.card("micro")["sha256"]["model.safetensors"]
    assert models.card("micro-sft")["base"]["sha256"] == base
    own = models.card("micro-sft")["sha256"]["model.safetensors"]
    assert models.card("micro-reward")["base"]["sha256"] == own
    assert all(torch.isfinite(weight).all() for weight in model.parameters())
