"""The playground, Python side: traits, what the kernel sends, the picture, errors for bad input."""

import json
import re

import ipywidgets
import numpy as np
import pytest

from fmlab.generation import generate
from fmlab.models import SHIPPED, load
from fmlab.models.pretrained import REWARD, WEIGHTS_FOLDER
from fmlab.widgets import Playground
from fmlab.widgets.page_models import WORKER, model_files, worker_script
from fmlab.widgets.playground import DEFAULTS, EXAMPLES, MODELS, STORY


@pytest.fixture(scope="module")
def sent():
    """Return what a playground sends in answer to a message of the page."""

    def to(message, **options):
        playground, answers = Playground(**options), []
        playground.send = lambda content, buffers=(): answers.append((content, list(buffers)))
        playground._handle_custom_msg(message, [])
        return answers

    return to


def test_at_first_micro_writes_with_the_default_settings():
    playground = Playground()
    assert (playground.name, playground.compare, playground.text) == ("micro", "", "")
    assert {name: getattr(playground, name) for name in DEFAULTS} == DEFAULTS
    assert playground.defaults == DEFAULTS


def test_models_are_those_that_write():
    assert set(MODELS) == set(SHIPPED) - {"nano", "micro-agent", "small-thinking", REWARD}
    for entry in Playground().models:
        sizes = [path.stat().st_size for path in model_files(entry["name"])]
        assert entry["bytes"] == sum(sizes)
        assert entry["layers"] * entry["heads"] == 16


def test_a_page_can_offer_some_of_the_models_only():
    playground = Playground(["micro-sft", "small-sft"], prompt="Who?")
    assert [entry["name"] for entry in playground.models] == ["micro-sft", "small-sft"]
    assert playground.name == "micro-sft"
    assert {example["name"] for example in playground.examples} == {"micro-sft"}


def test_the_options_are_arguments_of_generate():
    playground = Playground(temperature=0, max_new_tokens=5)
    model, tokenizer = load("micro")
    ids = tokenizer.encode("The")
    row = generate(model, ids, **playground.options)
    assert len(row.ids[0]) == 5
    playground.top_k, playground.top_p, playground.min_p = 5, 0.9, 0.1
    steps = {"temperature": 0.0, "top_k": 5, "top_p": 0.9, "min_p": 0.1}
    assert playground.options == steps | {"max_new_tokens": 5}


def test_a_reset_restores_the_settings_that_it_was_made_with():
    playground = Playground(temperature=0.3, seed=7)
    assert playground.defaults == DEFAULTS | {"temperature": 0.3, "seed": 7}


def test_what_the_page_writes_can_be_observed():
    playground, texts = Playground(), []
    playground.observe(lambda change: texts.append(change.new), "text")
    playground.set_state({"text": " garden.", "temperature": 0.5})
    assert texts == [" garden."]
    assert playground.temperature == 0.5


def test_two_playgrounds_can_be_linked():
    first, second = Playground(), Playground()
    ipywidgets.link((first, "prompt"), (second, "prompt"))
    first.prompt = "The"
    assert second.prompt == "The"


def test_the_state_of_the_page_holds_no_weights():
    assert len(json.dumps(Playground().get_state(), default=str)) < 80_000


def test_the_kernel_sends_the_script_of_the_worker(sent):
    [(content, buffers)] = sent({"kind": "worker"})
    assert content == {"kind": "worker", "source": worker_script()}
    assert buffers == []


@pytest.mark.parametrize("name", MODELS)
def test_the_kernel_sends_a_model_as_it_is_stored(sent, name):
    [(content, [weights])] = sent({"kind": "model", "name": name})
    assert weights == (WEIGHTS_FOLDER / name / "model.safetensors").read_bytes()
    assert json.loads(content["config"])["n_layer"] == 4
    assert json.loads(content["tokenizer"])["merges"]
    assert content["name"] == name


@pytest.mark.parametrize(
    "message",
    [{"kind": "model", "name": "../secret"}, {"kind": "model"}, {"kind": "other"}, {}, "x", None],
)
def test_the_kernel_sends_nothing_else(sent, message):
    assert sent(message) == []


def test_the_worker_imports_nothing_and_each_name_in_it_is_unique():
    script = worker_script()
    code = re.sub("//.*", "", script)
    assert not re.search(r"^\s*import\b|\bimport\(|\beval\(|new Function", code, re.M)
    names = re.findall(r"^(?:export )?(?:async )?(?:const|let|class|function) (\w+)", script, re.M)
    assert len(names) == len(set(names)) > 40
    assert len(WORKER) == 6


def test_without_script_there_is_a_text_that_the_model_wrote_and_its_first_candidates():
    picture = Playground().without_script().data
    assert picture.startswith("<noscript>")
    assert f"<b>{STORY}</b> kitchen, and there" in picture
    rows = re.findall(r"<th>␣(\w+)</th><td>([\d.]+)%", picture)
    assert rows[0][0] == "kitchen"
    shares = [float(share) for _, share in rows]
    assert len(rows) == 6
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(("name", "n_added"), [("micro", 1), ("micro-sft", 3)])
def test_a_prompt_fits_the_picture_if_it_fits_the_context(name, n_added):
    """A letter is a token, and there are special tokens beside the prompt."""
    fitting = Playground([name], prompt="\n".join("a" * ((256 - n_added + 1) // 2)))
    _, tokenizer = load(name)
    n_tokens = n_added + len(tokenizer.encode(fitting.prompt))
    assert n_tokens in (255, 256)
    assert "<figure>" in fitting.without_script().data
    for more in ("\na\na", "\na" * 200, " b" * 2000):
        with pytest.raises(ValueError, match=f"prompt must be at most 256 tokens, .* of {name}; "):
            Playground([name], prompt=fitting.prompt + more).without_script()


def test_the_picture_of_an_assistant_is_its_answer_and_holds_no_markup_of_the_prompt():
    picture = Playground(name="micro-sft", prompt="<i>Who?</i>").without_script().data
    assert "<i>" not in picture
    assert "<|" not in picture


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": []}, "models must be a sequence of names"),
        ({"models": "micro"}, "models must be a sequence of names"),
        ({"models": ["micro", "gpt2"]}, "models must be a sequence of names"),
        ({"models": [REWARD]}, "models must be a sequence of names"),
        ({"name": "nano"}, "name must be one of 'micro'"),
        ({"compare": "nano"}, "compare must be one of 'micro'"),
        ({"prompt": 3}, r"prompt must be text \(str\)"),
        ({"prompt": "\ud83d"}, "prompt must be without lone surrogates"),
        ({"prompt": "x" * 5001}, "prompt must be at most 5000 characters long; got 5001"),
        ({"temperature": 2.1}, "temperature must be a number from 0 to 2; got 2.1"),
        ({"temperature": float("nan")}, "temperature must be a number"),
        ({"top_p": 0}, r"top_p must be a number from 0\.05 to 1"),
        ({"min_p": 0.6}, r"min_p must be a number from 0 to 0\.5"),
        ({"repetition": 0}, r"repetition must be a number from 0\.5 to 2"),
        ({"frequency": 3}, "frequency must be a number from -2 to 2"),
        ({"presence": None}, "presence must be a number from -2 to 2"),
        ({"top_k": -1}, "top_k must be an integer >= 0"),
        ({"max_new_tokens": 0}, "max_new_tokens must be an integer >= 1"),
        ({"max_new_tokens": 256}, "max_new_tokens must be an integer from 1 to 255"),
        ({"seed": 2**32}, "seed must be an integer from 0 to 4294967295"),
        ({"speed": -1}, "speed must be a number from 0"),
    ],
)
def test_what_the_page_could_not_show_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Playground(**arguments)


@pytest.mark.parametrize(("name", "value"), [("temperature", 3), ("name", "nano"), ("seed", -1)])
def test_a_setting_that_is_refused_changes_nothing(name, value):
    playground = Playground()
    before = getattr(playground, name)
    with pytest.raises(ValueError, match=f"^{name} must be"):
        setattr(playground, name, value)
    assert getattr(playground, name) == before


def test_numbers_of_numpy_are_numbers():
    playground = Playground(top_k=np.int64(2), top_p=np.float32(0.5))
    assert (playground.top_k, playground.top_p) == (2, 0.5)


def test_examples_are_prompts_of_a_model_that_is_there():
    for example in EXAMPLES:
        assert example["name"] in MODELS
        assert set(example) == {"label", "prompt", "name"}
