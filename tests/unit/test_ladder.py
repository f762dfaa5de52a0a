"""Properties of fmlab.ladder: a model from nothing, and a card that tells the truth about it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

import fmlab
from fmlab import ladder
from fmlab.batches import END_OF_TEXT, Batches
from fmlab.checkpoints import CURRENT
from fmlab.configs import GPTConfig
from fmlab.ladder import LADDER, Rung, card, main, train
from fmlab.scaling import count_parameters, forward_flops
from fmlab.tokenization import BPETokenizer
from fmlab.training import Run, Settings, pretrain
from fmlab.transformer import GPT
from fmlab.world import MicroWorld

CONFIG = GPTConfig(vocab_size=300, context_length=16, n_layers=1, n_heads=2, d_model=8)
FINISHED = {"model.safetensors", "config.json", "bpe.json", "card.json"}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    """A rung that takes a fraction of a second, and no measuring of the machine."""
    monkeypatch.setitem(LADDER, "nano", Rung(CONFIG, n_epochs=2, learning_rate=0.01))
    monkeypatch.setattr(ladder, "VOCAB_SIZE", 300)
    monkeypatch.setattr(ladder, "CONTEXT_LENGTH", 16)
    monkeypatch.setattr(ladder, "DEFAULT_DOCUMENTS", 20)
    monkeypatch.setattr(ladder, "MicroWorld", partial(MicroWorld, n_people=100))
    monkeypatch.setattr("fmlab.training.peak_flops", lambda *_: 1e9)


def files(folder):
    return {path.name for path in folder.iterdir()}


def card_in(folder):
    return json.loads((folder / "card.json").read_text(encoding="utf-8"))


def pretrain_and_interrupt(*arguments, **options):
    """What Ctrl-C after three steps makes of a run."""

    def interrupt(run):
        if len(run.losses) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    return pretrain(*arguments, on_step=interrupt, **options)


# --- a rung ---------------------------------------------------------------------------------------


def test_a_model_is_made_from_nothing_and_kept(tmp_path):
    model, tokenizer, run = train("nano", tmp_path, progress=False)
    assert run.finished
    assert files(tmp_path) == FINISHED
    assert model.config == CONFIG
    assert not model.training
    assert tokenizer.vocab_size == 300
    assert END_OF_TEXT in tokenizer.special_tokens
    kept = GPT.load(tmp_path)
    for name, weight in model.state_dict().items():
        assert torch.equal(kept.state_dict()[name], weight.half().float())
    assert BPETokenizer.load(tmp_path / "bpe.json").merges == tokenizer.merges
    assert sum(run.losses[-3:]) / 3 < run.losses[0] - 0.05


def test_the_same_again_is_the_same_model():
    runs = [train("nano", progress=False) for _ in range(2)]
    assert runs[0][2].losses == runs[1][2].losses
    assert torch.equal(runs[0][0].lm_head.weight, runs[1][0].lm_head.weight)


def test_it_reads_the_worlds_corpus_as_often_as_it_says():
    tokenizer, run = train("nano", progress=False)[1:]
    texts = list(MicroWorld(n_people=100).documents(20))
    batches = Batches(texts, tokenizer, 16, 16)
    assert len(run.losses) == 2 * batches.per_epoch
    assert tokenizer.merges == BPETokenizer.train(texts, 300, special_tokens=[END_OF_TEXT]).merges


def test_stopped_it_keeps_a_checkpoint_and_goes_on_to_the_same_model(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ladder, "pretrain", pretrain_and_interrupt)
        run = train("nano", tmp_path, progress=False)[2]
    assert (len(run.losses), run.finished) == (3, False)
    assert files(tmp_path) == {CURRENT}
    model = train("nano", tmp_path, progress=False)[0]
    assert files(tmp_path) == FINISHED
    assert torch.equal(model.lm_head.weight, train("nano", progress=False)[0].lm_head.weight)


@pytest.mark.parametrize("name", ["config.json", "bpe.json", "card.json"])
def test_if_the_disk_is_full_at_the_very_end_the_same_command_still_finishes(
    tmp_path, monkeypatch, name
):
    write = Path.write_text

    def full(path, text, **options):
        if path.name.startswith(name):
            write(path, text[:9], **options)
            raise OSError("No space left on device")
        return write(path, text, **options)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            train("nano", tmp_path, progress=False)
    run = train("nano", tmp_path, progress=False)[2]
    assert run.finished
    assert files(tmp_path) == FINISHED


def test_a_finished_model_is_not_overwritten(tmp_path):
    train("nano", tmp_path, progress=False)
    before = {name: (tmp_path / name).read_bytes() for name in FINISHED}
    with pytest.raises(
        ValueError, match=r"folder must be one without a finished model.*; got '.*'"
    ):
        train("nano", tmp_path, progress=False)
    assert {name: (tmp_path / name).read_bytes() for name in FINISHED} == before


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="name must be one of nano, micro, small; got 'huge'"):
        train("huge")


def test_the_rungs_of_the_book_grow_and_fit_the_tokenizer(monkeypatch):
    monkeypatch.undo()
    sizes = [count_parameters(rung.config) for rung in LADDER.values()]
    assert sizes == sorted(sizes)
    for rung in LADDER.values():
        assert rung.config.vocab_size == ladder.VOCAB_SIZE
        assert rung.config.context_length == ladder.CONTEXT_LENGTH


# --- the card -------------------------------------------------------------------------------------


def test_the_card_is_consistent_with_the_run(tmp_path):
    model, tokenizer, run = train("nano", tmp_path, progress=False)
    facts = card_in(tmp_path)
    n_steps, n_params = len(run.losses), sum(weight.numel() for weight in model.parameters())
    texts = list(MicroWorld(n_people=100).documents(20))
    batches = Batches(texts, tokenizer, 16, 16)
    assert facts["name"] == "nano"
    assert facts["command"] == "python -m fmlab.training nano"
    assert facts["data"] == "MicroWorld().documents(20), 2 times"
    assert facts["data_sha256"] == batches.fingerprint
    assert facts["corpus_tokens"] == batches.n_tokens
    assert GPTConfig(**facts["config"]) == CONFIG
    assert facts["settings"]["n_steps"] == n_steps
    assert facts["settings"]["batch_size"] == 16
    assert facts["parameters"] == n_params
    assert facts["tokens"] == n_steps * 16 * 16 == facts["curve"]["tokens"][-1]
    assert facts["tokens_per_parameter"] == pytest.approx(facts["tokens"] / n_params, abs=0.05)
    assert facts["flops"] == 3 * forward_flops(CONFIG, 16, batch=16) * n_steps
    assert facts["seconds"] == round(run.seconds)
    assert facts["loss"] == facts["curve"]["loss"][-1]
    assert facts["versions"]["torch"] == torch.__version__
    for name in FINISHED - {"card.json"}:
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert facts["sha256"][name] == digest
    assert facts["sha256"].keys() == FINISHED - {"card.json"}


@pytest.mark.parametrize("n_steps", [1, 199, 200, 201, 999, 1000])
def test_the_curve_of_a_card_is_the_losses_a_few_at_a_time(n_steps):
    batches = Batches(["abcdefgh"], BPETokenizer(special_tokens=[END_OF_TEXT]), 2, 3)
    losses = [5 / (1 + i) for i in range(n_steps)]
    run = Run(losses, losses, seconds=2.0, n_tokens=6 * n_steps, utilization=0.5, finished=True)
    curve = card("nano", batches, Settings(n_steps), run)["curve"]
    assert len(curve["loss"]) == len(curve["tokens"]) <= 200
    assert curve["tokens"][-1] == 6 * n_steps
    steps = [0, *(tokens // 6 for tokens in curve["tokens"])]
    for start, end, loss in zip(steps, steps[1:], curve["loss"]):
        assert end - start == steps[1] or end == n_steps
        assert loss == pytest.approx(sum(losses[start:end]) / (end - start), abs=5.1e-5)


# --- the command line -----------------------------------------------------------------------------


def test_the_command_makes_a_model_and_says_where(tmp_path, capsys):
    main(["nano", "--folder", str(tmp_path / "made")])
    shown = capsys.readouterr()
    assert shown.out == f"finished; the model is in {tmp_path / 'made'}\n"
    assert "writing 20 documents" in shown.err
    assert files(tmp_path / "made") == FINISHED


def test_without_a_folder_the_command_takes_one_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["nano"])
    assert files(tmp_path / "trained" / "nano") == FINISHED


def test_the_command_can_pause_and_go_on(tmp_path, capsys):
    main(["nano", "--folder", str(tmp_path), "--minutes", "0"])
    assert capsys.readouterr().out == "stopped after 0 steps; the same command goes on from there\n"
    assert files(tmp_path) == {CURRENT}
    main(["nano", "--folder", str(tmp_path)])
    assert "finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a card too many"),
        OSError("no room"),
        SafetensorError("no room"),
        FloatingPointError("it diverged"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_goes_wrong_is_said_in_one_line_and_the_exit_status_is_1(capsys, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(ladder, "train", fail)
    with pytest.raises(SystemExit) as left:
        main(["nano"])
    assert left.value.code == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"{error}\n")


def test_a_folder_with_a_model_and_minutes_that_are_none_are_said_in_one_line(tmp_path, capsys):
    (tmp_path / "card.json").write_text("{}")
    for arguments, message in (
        (["--folder", str(tmp_path)], "folder must be one without a finished model"),
        (["--folder", str(tmp_path / "new"), "--minutes", "nan"], "minutes must be a number of at"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["nano", *arguments])
        assert left.value.code == 1
        lines = capsys.readouterr().err.splitlines()
        assert message in lines[-1]
        assert not any("Traceback" in line for line in lines)


def test_fmlab_training_is_the_command():
    environment = os.environ | {"PYTHONPATH": str(Path(fmlab.__file__).parents[1])}
    command = [sys.executable, "-m", "fmlab.training", "huge"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 2
    assert "usage: python -m fmlab.training" in done.stderr
    assert all(name in done.stderr for name in ("'huge'", "nano", "micro", "small"))
    assert "Traceback" not in done.stderr
