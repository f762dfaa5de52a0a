"""Properties of fmlab.recipes.make: post-trained models, their cards, and their reproduction."""

import hashlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from fmlab import models
from fmlab.alignment.reward_model import RewardModel, load_reward
from fmlab.models import pretrained
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.pretrained import save
from fmlab.recipes import data, preference, reward, sft
from fmlab.recipes.__main__ import main
from fmlab.recipes.make import RECIPES, make
from fmlab.recipes.pretrain import LADDER
from fmlab.scaling.costs import count_parameters
from tests.unit.recipes.small import FINISHED, WORLD, files
from tests.unit.tiny import TOKENIZER

ROOT = Path(__file__).parents[3]
SHIPPED = ("small-sft", "small-reward")


@contextmanager
def make_tiny(folder):
    """Replace small by a model of a few weights in a folder, with little to train on."""
    base = GPT(GPTConfig(TOKENIZER.vocab_size, 640, n_layers=1, n_heads=2, d_model=8))
    save(folder / "small", base, TOKENIZER, {"command": "none"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained, "WEIGHTS_FOLDER", folder)
        patch.setattr(data, "PER_SEED", 60)
        patch.setattr(sft, "N_DEMONSTRATIONS", 20)
        patch.setattr(preference, "N_SAMPLED", 6)
        patch.setattr(preference, "N_CANDIDATES", 8)
        patch.setattr(data, "N_QUESTIONS", 40)
        for module in (sft, reward, preference):
            patch.setattr(module, "MicroWorld", lambda: WORLD)
        for module in (sft, reward):
            patch.setattr(module, "N_GRADED", 8)
        yield lambda name: make(name, folder / name, progress=False)


@pytest.fixture
def _tiny(tmp_path):
    with make_tiny(tmp_path / "weights"):
        yield


@pytest.fixture
def made(tmp_path):
    """The cards of small-sft and small-reward, made where the package looks for them."""
    with make_tiny(tmp_path / "weights") as make_named:
        yield {name: make_named(name) for name in SHIPPED}


def test_models_are_made_and_loaded_by_name(made):
    model, tokenizer = models.load("small-sft")
    assert tokenizer.vocab_size == model.config.vocab_size == 259
    reward, same = load_reward()
    assert isinstance(reward, RewardModel)
    assert same.special_tokens == tokenizer.special_tokens
    assert np.isfinite(reward.score(same, ["Hi?"], ["Yes."])).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_card_is_consistent(made, tmp_path, name):
    facts, folder = made[name], tmp_path / "weights" / name
    assert files(folder) == FINISHED
    assert facts == json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert facts["command"] == f"python -m fmlab.recipes {name}"
    assert facts["parameters"] == count_parameters(GPTConfig(**facts["config"]))
    assert facts["steps"] >= len(facts["curve"])
    assert facts["loss"] == facts["curve"][-1]
    assert facts["tokens"] > 0
    base = "small" if name == "small-sft" else "small-sft"
    weights = (tmp_path / "weights" / base / "model.safetensors").read_bytes()
    assert facts["base"] == {"name": base, "sha256": hashlib.sha256(weights).hexdigest()}


def test_making_it_again_gives_the_same_weights(made, tmp_path):
    for name in SHIPPED:
        again = make(name, tmp_path / "again" / name, progress=False)
        assert again["sha256"] == made[name]["sha256"]


def test_making_it_in_memory_gives_the_same_weights(made, tmp_path):
    for folder in ("first", "second"):
        save(tmp_path / folder, *RECIPES["small-reward"](progress=False))
        assert models.card(tmp_path / folder)["sha256"] == made["small-reward"]["sha256"]


MAKE = """
import sys
from pathlib import Path
from tests.unit.recipes.test_make import make_tiny

with make_tiny(Path(sys.argv[1])) as make:
    print(make("small-sft")["sha256"], make("small-reward")["sha256"])
"""


@pytest.mark.parametrize(("n_threads", "hash_seed"), [(1, 1), (2, 2)])
def test_another_process_makes_the_same_weights(made, tmp_path, n_threads, hash_seed):
    """Whatever the number of threads, and the order of sets of strings."""
    settings = {"PYTHONHASHSEED": str(hash_seed), "OMP_NUM_THREADS": str(n_threads)}
    command = [sys.executable, "-c", MAKE, str(tmp_path / "other")]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    sums = [made[name]["sha256"] for name in SHIPPED]
    assert done.stdout == f"{sums[0]} {sums[1]}\n"


def test_models_are_made_on_one_thread(monkeypatch, tmp_path):
    """The number of threads decides the order of sums, and so the last bits of the weights."""

    def fail(progress):
        counts.append(torch.get_num_threads())
        raise KeyboardInterrupt

    counts, n_threads = [], torch.get_num_threads()
    monkeypatch.setitem(RECIPES, "small-reward", fail)
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyboardInterrupt):
            make("small-reward", tmp_path / "new")
        assert counts == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)


def test_damaged_reward_model_is_named(made, tmp_path):
    path = tmp_path / "weights" / "small-reward" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    advice = r"model\.safetensors is damaged: .*'python -m fmlab.recipes small-reward'"
    with pytest.raises(ValueError, match=advice):
        load_reward()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        load_reward()


def test_reward_model_and_language_model_are_told_apart(made):
    with pytest.raises(ValueError, match=r"folder must be one with score\.weight"):
        load_reward("small-sft")
    with pytest.raises(ValueError, match=r"gives scores: use fmlab\.alignment\.load_reward"):
        models.load("small-reward")
    with pytest.raises(ValueError, match=r"weight transformer\.score\.weight must be absent"):
        models.load(pretrained.folder_of("small-reward"))


def test_finished_model_is_not_overwritten(made, tmp_path):
    with pytest.raises(ValueError, match="folder must be one without a finished model"):
        make("small-sft", tmp_path / "weights" / "small-sft", progress=False)
    with pytest.raises(ValueError, match=r"name must be one of micro-sft, small-sft.*; got 'x'"):
        make("x", tmp_path)


@pytest.mark.usefixtures("_tiny")
def test_command_makes_a_model_and_prints_where(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["small-sft"])
    assert capsys.readouterr().out == "finished; the model is in trained/small-sft\n"
    assert files(tmp_path / "trained" / "small-sft") == FINISHED
    with pytest.raises(SystemExit) as exit_info:
        main(["small-sft"])
    assert exit_info.value.code == 1
    assert "folder must be one without" in capsys.readouterr().err


def test_models_of_the_book_match_their_cards():
    model, tokenizer = models.load("small-sft")
    reward, same = load_reward()
    expected = LADDER["small"].config
    for config in (model.config, reward.config):
        assert (config.n_layers, config.d_model) == (expected.n_layers, expected.d_model)
        assert config.vocab_size == tokenizer.vocab_size == same.vocab_size == 2050
    assert not model.training
    assert not reward.training
    base = models.card("small")["sha256"]["model.safetensors"]
    assert models.card("small-sft")["base"]["sha256"] == base
    own = models.card("small-sft")["sha256"]["model.safetensors"]
    assert models.card("small-reward")["base"]["sha256"] == own
    assert all(torch.isfinite(weight).all() for weight in model.parameters())
