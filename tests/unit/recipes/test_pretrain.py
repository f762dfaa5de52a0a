"""Properties of fmlab.recipes.pretrain: a model from scratch, and a card that is true of it."""

import hashlib
import json
import os
import signal
from pathlib import Path

import pytest
import torch

from fmlab.data.packing import Batches
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.recipes import pretrain
from fmlab.recipes.pretrain import LADDER, ladder_card, train
from fmlab.scaling.costs import count_parameters, forward_flops
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from fmlab.training.checkpoints import CURRENT
from fmlab.training.loop import Settings
from fmlab.training.run import Run
from tests.unit.recipes.small import CONFIG, FINISHED, SMALL, WORLD, files
from tests.unit.tiny import TOKENIZER, changed, weights_of


def trained(folder=None, **options):
    return train("nano", folder, progress=False, **SMALL | options)


def test_model_is_trained_from_scratch_and_saved(tmp_path):
    model, tokenizer, run = trained(tmp_path)
    assert run.finished
    assert files(tmp_path) == FINISHED
    assert model.config == CONFIG
    assert not model.training
    assert tokenizer.vocab_size == 300
    assert END_OF_TEXT in tokenizer.special_tokens
    saved = GPT.load(tmp_path)
    for name, weight in model.state_dict().items():
        assert torch.equal(saved.state_dict()[name], weight.half().float())
    assert BPETokenizer.load(tmp_path / "bpe.json").merges == tokenizer.merges
    assert sum(run.losses[-3:]) / 3 < run.losses[0] - 0.05


def test_same_call_gives_the_same_model():
    (model, _, run), (same, _, other) = trained(), trained()
    assert run.losses == other.losses
    assert not changed(model, weights_of(same))


def test_training_data_is_the_corpus_for_the_given_number_of_epochs():
    tokenizer, run = trained()[1:]
    texts = list(WORLD.documents(20))
    batches = Batches(texts, tokenizer, 16, 16)
    assert len(run.losses) == 2 * batches.per_epoch
    assert tokenizer.merges == BPETokenizer.train(texts, 300, special_tokens=[END_OF_TEXT]).merges


def test_interrupted_run_keeps_a_checkpoint_and_resumes_to_the_same_model(tmp_path):
    def interrupt(run):
        if len(run.losses) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    run = trained(tmp_path, on_step=interrupt)[2]
    assert (len(run.losses), run.finished) == (3, False)
    assert files(tmp_path) == {CURRENT}
    model = trained(tmp_path)[0]
    assert files(tmp_path) == FINISHED
    assert not changed(model, weights_of(trained()[0]))


@pytest.mark.parametrize("name", ["config.json", "bpe.json", "card.json"])
def test_after_a_full_disk_at_the_very_end_the_same_call_finishes(tmp_path, monkeypatch, name):
    write = Path.write_text

    def full(path, text, **options):
        if path.name.startswith(name):
            write(path, text[:9], **options)
            raise OSError("No space left on device")
        return write(path, text, **options)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            trained(tmp_path)
    assert trained(tmp_path)[2].finished
    assert files(tmp_path) == FINISHED


def test_finished_model_is_not_overwritten(tmp_path):
    trained(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FINISHED}
    with pytest.raises(ValueError, match="folder must be one without a finished model"):
        trained(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in FINISHED} == before


def test_unknown_name_is_refused():
    with pytest.raises(ValueError, match="name must be one of nano, micro, small; got 'huge'"):
        train("huge")


def test_rungs_of_the_book_grow_and_fit_the_tokenizer():
    sizes = [count_parameters(rung.config) for rung in LADDER.values()]
    assert sizes == sorted(sizes)
    for rung in LADDER.values():
        assert rung.config.vocab_size == pretrain.VOCAB_SIZE
        assert rung.config.context_length == pretrain.CONTEXT_LENGTH


# --- the card -------------------------------------------------------------------------------------


def test_card_is_consistent_with_the_run(tmp_path):
    model, tokenizer, run = trained(tmp_path)
    facts = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    n_steps, n_params = len(run.losses), sum(weight.numel() for weight in model.parameters())
    batches = Batches(list(WORLD.documents(20)), tokenizer, 16, 16)
    assert facts["name"] == "nano"
    assert facts["command"] == "python -m fmlab.recipes nano"
    assert facts["data"] == "MicroWorld(0, n_people=100).documents(20), 2 times"
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
def test_curve_of_a_card_is_the_means_of_windows_of_the_losses(n_steps):
    batches, run = Batches(["abcdefgh"], TOKENIZER, 2, 3), Run()
    losses = [5 / (1 + i) for i in range(n_steps)]
    for loss in losses:
        run.add({"loss": loss, "gradient_norm": loss})
        run.count(trained=6)
    facts = ladder_card("nano", GPT(CONFIG), batches, Settings(n_steps), run, "text")
    assert facts["data"] == "text"
    curve = facts["curve"]
    assert len(curve["loss"]) == len(curve["tokens"]) <= 200
    assert curve["tokens"][-1] == 6 * n_steps
    steps = [0, *(tokens // 6 for tokens in curve["tokens"])]
    for start, end, loss in zip(steps, steps[1:], curve["loss"]):
        assert end - start == steps[1] or end == n_steps
        assert loss == pytest.approx(sum(losses[start:end]) / (end - start), abs=5.1e-5)
