"""Properties of files in the hub's format: tied weights, several files, damaged settings."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from fmlab.models.gpt import GPT
from fmlab.models.llama import Llama
from tests.unit.tiny import TINY, with_noise
from tests.unit.tiny_llama import random_llama

EMBEDDINGS = {GPT: "transformer.wte.weight", Llama: "model.embed_tokens.weight"}


@pytest.fixture(params=[GPT, Llama])
def saved(request, tmp_path):
    """A folder with a tied model, the model, and its class."""
    model = with_noise(GPT(TINY), 0.3).eval() if request.param is GPT else random_llama()
    model.save(tmp_path)
    return tmp_path, model, request.param


def rewritten(folder, change):
    """Change the weights in a folder: change(weights) -> weights."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path)


def same(model, other):
    ids = torch.tensor([[1, 2, 3]])
    return torch.allclose(model(ids)[0], other(ids)[0], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_untied_file_of_a_tied_model_is_refused(saved, dtype):
    folder, model, kind = saved
    other = torch.randn(model.lm_head.weight.shape, generator=torch.Generator().manual_seed(1))
    rewritten(folder, lambda weights: weights | {"lm_head.weight": other.to(dtype)})
    with pytest.raises(ValueError, match=r"lm_head.weight must be the same as"):
        kind.load(folder)


def test_untied_module_of_a_tied_configuration_is_refused():
    module = GPT(TINY).to_huggingface()
    module.lm_head.weight = torch.nn.Parameter(module.lm_head.weight.detach() + 1)
    with pytest.raises(ValueError, match=r"lm_head.weight must be the same as"):
        GPT.from_huggingface(module)


def test_tied_matrix_may_have_either_name_or_both(saved):
    folder, model, kind = saved
    name = EMBEDDINGS[kind]
    rewritten(folder, lambda weights: weights | {"lm_head.weight": weights[name].clone()})
    assert same(kind.load(folder), model)
    rewritten(folder, lambda weights: {n: w for n, w in weights.items() if n != name})
    assert same(kind.load(folder), model)


def test_names_that_compiling_a_model_changes_are_read(saved):
    folder, model, kind = saved
    rewritten(folder, lambda weights: {f"_orig_mod.{n}": w for n, w in weights.items()})
    assert same(kind.load(folder), model)


def split(folder):
    """Store the weights in two files with an index, as transformers does with large models."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    where = {name: files[i % 2] for i, name in enumerate(weights)}
    for file in files:
        save_file({n: w for n, w in weights.items() if where[n] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return files


def test_weights_in_several_files_are_read(saved):
    folder, model, kind = saved
    files = split(folder)
    assert same(kind.load(folder), model)
    (folder / files[1]).unlink()
    with pytest.raises(FileNotFoundError, match=files[1]):
        kind.load(folder)


@pytest.mark.parametrize("index", ["[]", "{}", "no JSON", '{"weight_map": {"a": 1}}'])
def test_damaged_index_is_named(saved, index):
    folder, _, kind = saved
    split(folder)
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ValueError, match=r"index.json is damaged"):
        kind.load(folder)


def test_index_names_only_files_of_its_folder(saved):
    folder, _, kind = saved
    split(folder)
    outside = {"weight_map": {"a": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(outside))
    with pytest.raises(ValueError, match="weight_map must be names of files beside"):
        kind.load(folder)


@pytest.mark.parametrize("content", ["[]", "null", '"text"', "3"])
def test_settings_must_be_an_object(saved, content):
    folder, _, kind = saved
    (folder / "config.json").write_text(content)
    with pytest.raises(ValueError, match=r"config.json must be a JSON object"):
        kind.load(folder)


SIZES = {GPT: ("n_embd", "n_layer", "vocab_size"), Llama: ("hidden_size", "num_attention_heads")}


@pytest.mark.parametrize("value", [None, "8", 8.5, [8], True, 0, -8])
def test_sizes_must_be_integers(saved, value):
    folder, _, kind = saved
    path = folder / "config.json"
    settings = json.loads(path.read_text())
    for name in SIZES[kind]:
        path.write_text(json.dumps(settings | {name: value}))
        with pytest.raises(ValueError, match="must be an integer >= 1"):
            kind.load(folder)


@pytest.mark.parametrize("value", ["x", [1], 3])
def test_rope_parameters_must_be_an_object(tmp_path, value):
    random_llama().save(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rope_parameters": value}))
    with pytest.raises(ValueError, match=r"rope_parameters in config.json must be an object"):
        Llama.load(tmp_path)
