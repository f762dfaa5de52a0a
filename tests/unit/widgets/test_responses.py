"""The response explorer, Python side: what models write after a prompt, and errors."""

import pytest

from fmlab.evaluation import complete
from fmlab.generation import respond
from fmlab.models import load
from fmlab.tokenization import END_OF_TEXT
from fmlab.widgets import ResponseExplorer
from fmlab.widgets.responses import N_TOKENS, greedy_response

PROMPTS = ["Where was Bessava Varinatta born?", "The capital of"]
MODELS = ("micro", "micro-sft")


@pytest.fixture(scope="module")
def explorer():
    return ResponseExplorer(PROMPTS, ["A question.", "A beginning."], MODELS)


def test_each_model_reads_a_prompt_as_it_was_trained(explorer):
    model, tokenizer = load("micro")
    stop = [END_OF_TEXT]
    continued = complete(model, tokenizer, PROMPTS, N_TOKENS, stop=stop)
    chat, chat_tokenizer = load("micro-sft")
    answered = respond(chat, chat_tokenizer, PROMPTS, N_TOKENS)
    for i, row in enumerate(explorer.recorded):
        assert row[0][0] == str(continued[i])
        assert row[1][0].strip() == str(answered[i]).strip()


def test_each_model_is_titled_by_its_stage_of_training(explorer):
    titles = {model["name"]: model["title"] for model in explorer.models}
    assert titles == {"micro": "pre-trained", "micro-sft": "after supervised finetuning"}


def test_an_own_prompt_is_shown_until_another_is_chosen(explorer):
    explorer.own = "What is 2 plus 2?"
    assert set(explorer.responses) == set(MODELS)
    own = explorer.responses
    explorer.prompt = 1
    assert (explorer.own, explorer.responses == own) == ("", False)
    assert explorer.responses["micro"] == explorer.recorded[1][0][0]
    explorer.prompt = 0


def test_models_have_the_titles_that_are_given():
    explorer = ResponseExplorer(["The capital of"], ["A beginning."], {"nano": "the smallest"})
    assert [(m["name"], m["title"]) for m in explorer.models] == [("nano", "the smallest")]


def test_without_script_there_is_a_table_and_no_markup_from_the_texts():
    explorer = ResponseExplorer(["<b>"], [""], ["micro"])
    picture = explorer.without_script().data
    assert picture.startswith("<noscript>")
    assert "<b><b>" not in picture
    assert "&lt;b&gt;" in picture


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "prompts must be a sequence of at least one text"),
        ((["a"], ["b", "c"]), "notes must be 1, one per prompt; got 2"),
        ((["a"], ["b"], ["gpt2"]), "models must be a sequence of names"),
        ((["a"], ["b"], {}), "models must be a sequence of names"),
        ((["a"], ["b"], {"nano": 1}), r"models\['nano'\] must be a title"),
        (([" the" * 300], ["b"], ["micro"]), "prompt must be at most 256 tokens long for micro"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResponseExplorer(*arguments)


def test_bad_settings_are_refused_and_change_nothing(explorer):
    for name, value in (("prompt", 2), ("own", " the" * 300), ("own", "x" * 2001)):
        with pytest.raises(ValueError, match="must be"):
            setattr(explorer, name, value)
    assert (explorer.prompt, explorer.own) == (0, "")


def test_what_the_playground_page_says_of_the_three_models_is_true():
    prompts = ["Where was Hildulo Malandell born?", "What is 3 plus 10?"]
    explorer = ResponseExplorer(prompts, ["", ""])
    assert [model["name"] for model in explorer.models] == ["small", "small-sft", "small-dpo"]
    for pretrained, *finetuned in explorer.recorded:
        assert pretrained[1] == "length"
        for text, reason in finetuned:
            assert reason == "stop"
            assert "I don't know" in text
    assert explorer.recorded[1][0][0].strip().startswith("13.")


def test_what_the_playground_page_says_of_sums_and_of_france_is_true():
    sums = [(a, b) for a in range(2, 18, 4) for b in range(3, 20, 4)]
    n_right, n_unknown = {}, {}
    for name in ("small", "small-sft", "small-dpo"):
        answers = [greedy_response(name, f"What is {a} plus {b}?")[0] for a, b in sums]
        lines = [answer.split("\n")[0] for answer in answers]
        n_right[name] = sum(f" {a + b}." in f" {line}" for line, (a, b) in zip(lines, sums))
        n_unknown[name] = sum("know" in answer for answer in answers)
    assert 2 <= n_right["small"] < len(sums) / 2
    assert n_right["small-sft"] == n_right["small-dpo"] == 0
    assert n_unknown["small-sft"] > len(sums) / 2
    assert 0 < n_unknown["small-dpo"] < len(sums) / 2
    capitals = [greedy_response(name, "What is the capital of France?")[0] for name in n_right]
    for answer in capitals[1:]:
        assert "The capital of Kesundia is" in answer
