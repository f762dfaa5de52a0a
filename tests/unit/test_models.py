"""Properties of fmlab.models: a model is loaded whole, or the error says what is wrong with it."""

import json
import shutil
from functools import partial

import pytest
import torch

from fmlab import ladder, models
from fmlab.batches import END_OF_TEXT
from fmlab.configs import GPTConfig
from fmlab.ladder import LADDER, Rung, train
from fmlab.models import card, load, next_tokens
from fmlab.world import MicroWorld

CONFIG = GPTConfig(vocab_size=300, context_length=16, n_layers=1, n_heads=2, d_model=8)
NAMES = ["model.safetensors", "config.json", "bpe.json"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder that a tiny run made, and the model and tokenizer that it kept."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LADDER, "nano", Rung(CONFIG, n_epochs=2, learning_rate=0.01))
        patch.setattr(ladder, "VOCAB_SIZE", 300)
        patch.setattr(ladder, "CONTEXT_LENGTH", 16)
        patch.setattr(ladder, "DEFAULT_DOCUMENTS", 20)
        patch.setattr(ladder, "MicroWorld", partial(MicroWorld, n_people=100))
        patch.setattr("fmlab.training.peak_flops", lambda *_: 1e9)
        return folder, *train("nano", folder, progress=False)[:2]


@pytest.fixture
def folder(made, tmp_path):
    """A copy of that folder, to damage."""
    return shutil.copytree(made[0], tmp_path / "copy")


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


# --- sound ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["text", "path"])
def test_a_folder_gives_the_model_and_the_tokenizer_that_were_kept(made, kind):
    folder, model, tokenizer = made
    found, same = load(kind(folder))
    assert found.config == CONFIG
    assert not found.training
    for name, weight in model.state_dict().items():
        assert torch.equal(found.state_dict()[name], weight.half().float())
    assert (same.merges, same.special_tokens) == (tokenizer.merges, tokenizer.special_tokens)


def test_a_card_is_what_the_file_says(made):
    assert card(made[0]) == json.loads((made[0] / "card.json").read_text(encoding="utf-8"))
    assert card(str(made[0]))["name"] == "nano"


def test_a_name_of_the_ladder_is_the_folder_that_comes_with_the_package(
    made, monkeypatch, tmp_path
):
    shutil.copytree(made[0], tmp_path / "weights" / "nano")
    monkeypatch.setattr(models, "WEIGHTS_FOLDER", tmp_path / "weights")
    (tmp_path / "nano").mkdir()
    monkeypatch.chdir(tmp_path)  # where a folder has that name as well
    assert load("nano")[0].config == CONFIG
    assert card("nano") == card(made[0])


# --- not sound ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        load(folder)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_one_flipped_bit_is_damage_and_the_file_is_named(folder, name, share):
    n_bits = 8 * (folder / name).stat().st_size
    flip(folder / name, int(share * (n_bits - 1)))
    advice = f"{name} is damaged: its sha256 .*, or make it with 'python -m fmlab.training nano'"
    with pytest.raises(ValueError, match=advice):
        load(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_is_damage(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        load(folder)


def test_one_flipped_bit_in_a_checksum_of_the_card_is_noticed(folder):
    path = folder / "card.json"
    digest = card(folder)["sha256"]["config.json"]
    flip(path, 8 * path.read_bytes().index(digest.encode()))
    with pytest.raises(ValueError, match=r"config\.json is damaged"):
        load(folder)


@pytest.mark.parametrize("ask", [load, card])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:-10], ""),
        (lambda text: "", ""),
        (lambda text: "[]", ""),
        (lambda text: "7", ""),
        (lambda text: '{"command": "x"}', "sha256"),
        (lambda text: text.replace('"sha256"', '"rha256"'), "sha256"),
        (lambda text: text.replace('"bpe.json"', '"cpe.json"'), r"it lacks bpe\.json"),
        (lambda text: text.replace('"command"', '"bommand"'), "it lacks command"),
        (lambda text: text.encode().replace(b"nano", b"n\xe1no"), ""),
    ],
)
def test_a_damaged_card_is_named(folder, ask, damage, message):
    path = folder / "card.json"
    found = damage(path.read_text(encoding="utf-8"))
    path.write_bytes(found if isinstance(found, bytes) else found.encode())
    with pytest.raises(ValueError, match=rf"card\.json is damaged: .*{message}"):
        ask(folder)


def test_a_model_that_is_not_installed_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(models, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(ValueError, match="source must be a model that is installed; got 'micro'"):
        load("micro")
    with pytest.raises(FileNotFoundError, match=r"card\.json"):
        card("micro")


def test_an_unknown_name_is_looked_for_on_the_hub_and_refused(monkeypatch):
    asked = []

    def fetch(name, file):
        asked.append(name)
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)
    with pytest.raises(ValueError, match=r"'no/such' must be a folder with .* on the hub"):
        load("no/such")
    assert asked == ["no/such"]
    with pytest.raises(FileNotFoundError, match=r"no/such/card\.json"):
        card("no/such")


# --- what comes next ------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "The mayor of"])
def test_the_likeliest_tokens_are_those_of_the_logits_after_a_text(made, text):
    _, model, tokenizer = made
    ids = [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(text)]
    with torch.no_grad():
        probabilities = model(torch.tensor([ids]))[0][0, -1].softmax(dim=-1)
    found = next_tokens(model, tokenizer, text, n=300)
    expected = sorted(probabilities.tolist(), reverse=True)
    assert [p for _, p in found] == pytest.approx(expected, rel=1e-5)
    assert found[0][0] == tokenizer.decode([probabilities.argmax().item()])
    assert next_tokens(model, tokenizer, text, n=3) == found[:3]
    assert next_tokens(model, tokenizer, text, n=999) == found


def test_what_cannot_be_asked_is_named(made):
    _, model, tokenizer = made
    assert len(next_tokens(model, tokenizer, "x" * 15, n=1)) == 1
    with pytest.raises(ValueError, match="text must be at most 15 tokens long; got 16"):
        next_tokens(model, tokenizer, "x" * 16)
    with pytest.raises(ValueError, match="n must be an integer >= 1; got 0"):
        next_tokens(model, tokenizer, "x", n=0)
