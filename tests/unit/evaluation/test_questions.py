"""Properties of fmlab.evaluation.questions: completions, answers, and how often they are right.

Models are mocks whose every prediction the test decides, or tiny random GPTs.
"""

import pytest
import torch

from fmlab.evaluation.questions import (
    ask,
    assertion_rate,
    chance,
    complete,
    exercise_accuracy,
    hallucination_rate,
    is_solved,
    question_accuracy,
)
from fmlab.evaluation.statistics import Rate
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import Exercise, MicroWorld
from tests.unit.evaluation.mock_models import Indifferent, Reciter
from tests.unit.tiny import END, TOKENIZER, random_gpt


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=100)


def test_completions_are_what_the_model_has_memorized_whatever_the_batch():
    model = Reciter("one two", "a much longer beginning\nof a text", "x", "é!")
    prompts = ["a much", "one", "never seen", "", "x", "é"]
    alone = [complete(model, TOKENIZER, [prompt], 50)[0] for prompt in prompts]
    assert alone == [" longer beginning", " two", "", "one two", "", "!"]
    assert complete(model, TOKENIZER, prompts, 50) == alone
    assert complete(model, TOKENIZER, [], 50) == []


def test_completion_ends_before_the_first_stop_with_the_text_or_at_the_limit():
    model = Reciter("abcdefgh")
    for stop, text in [((), "bcdefgh"), (["d"], "bc"), (["gh", "ef"], "bcd"), (["zz"], "bcdefgh")]:
        assert complete(model, TOKENIZER, ["a"], 20, stop) == [text]
    assert complete(model, TOKENIZER, ["a"], 3, ()) == ["bcd"]
    short = Reciter("abcdefgh", context_length=5)  # reads END a b c d, then its context is full
    assert complete(short, TOKENIZER, ["a"], 20, ()) == ["bcde"]


def test_nothing_is_generated_beyond_a_stop_or_the_end_of_the_text():
    class Endless(Reciter):
        def next(self, read):
            return b"a\nb"[len(read) - 2] if len(read) < 5 else END if len(read) == 5 else 99

    model = Endless()
    assert complete(model, TOKENIZER, ["x"], 20, ()) == ["a\nb"]
    assert len(model.batch_sizes) == len("a\nb") + 1
    model = Endless()
    assert complete(model, TOKENIZER, ["x"], 20) == ["a"]
    assert len(model.batch_sizes) == len("a\n")


def test_stop_inside_a_token_ends_the_text_before_it():
    tokenizer = BPETokenizer.train(
        ".\n.\n.\n", 259, pattern=r"(?s).+", special_tokens=[END_OF_TEXT]
    )
    assert b".\n" in tokenizer.vocab.values()

    class Dots(Indifferent):
        def forward(self, ids, *_, **__):
            logits = torch.zeros(*ids.shape, tokenizer.vocab_size)
            logits[..., tokenizer.encode(".\n")[0]] = 9.0
            return logits[:, -1:], None

    assert complete(Dots(40, tokenizer.vocab_size), tokenizer, ["x", "yy"], 10) == [".", "."]


def test_batches_are_small_for_any_number_of_prompts():
    model = Reciter("q")
    complete(model, TOKENIZER, ["q"] * 200, 4)
    assert max(model.batch_sizes) == 64
    model = Reciter("q", context_length=9000)
    complete(model, TOKENIZER, ["q" * 3000] * 5, 4)
    assert max(model.batch_sizes) == 2


def test_model_that_knows_the_answers_is_always_right_and_one_that_does_not_never(world):
    questions = world.questions(30)
    expert = Reciter(*(f"{q.prompt} {q.answer}.\nQuestion: more" for q in questions))
    assert ask(expert, TOKENIZER, questions) == [f"{q.answer}." for q in questions]
    texts = [q.text for q in questions[:3]]
    assert ask(expert, TOKENIZER, texts) == [f"{q.answer}." for q in questions[:3]]
    assert question_accuracy(expert, TOKENIZER, world, questions) == Rate(30, 30)
    assert question_accuracy(Reciter(), TOKENIZER, world, questions) == Rate(0, 30)
    half = Reciter(*(f"{q.prompt} {q.answer}." for q in questions[::2]))
    assert question_accuracy(half, TOKENIZER, world, questions) == Rate(15, 30)


def test_questions_can_have_another_form():
    model = Reciter("Q: {why}?\nA: Yes.")
    assert ask(model, TOKENIZER, ["{why}?"], form="Q: {}\nA:") == ["Yes."]
    assert ask(model, TOKENIZER, ["{why}?"]) == [""]


def test_exercises_are_solved_by_the_answer_and_nothing_else(world):
    exercises = [e for task in ("repeat", "sum", "key", "story") for e in world.exercises(6, task)]
    right = Reciter(*(e.prompt + e.answer for e in exercises))
    assert exercise_accuracy(right, TOKENIZER, exercises) == Rate(24, 24)
    wrong = Reciter(*(f"{e.prompt} not{e.answer}" for e in exercises))
    assert exercise_accuracy(wrong, TOKENIZER, exercises) == Rate(0, 24)
    chatty = Reciter(*(f"{e.prompt}{e.answer}\nand so on" for e in exercises))
    assert exercise_accuracy(chatty, TOKENIZER, exercises) == Rate(24, 24)


@pytest.mark.parametrize(
    ("answer", "completion", "solved"),
    [
        (" 12", " 12", True),
        (" 12", " 12\n3", True),
        (" 12", " 12, 15", True),
        (" 12", " 120", False),
        (" 12", " 1", False),
        (" 12", "12", False),
        (" a b", " a b c", False),
        (" In the attic.", " In the attic. She slept.", True),
        (" In the attic.", " In the attic", False),
        (" Arvish", " Arvishal", False),
    ],
)
def test_answer_must_not_be_continued(answer, completion, solved):
    assert is_solved(Exercise("any", "?", answer), completion) is solved


def test_chance_is_one_over_the_choices_or_the_most_frequent_answer():
    def choose(n):
        return Exercise("labels", "?", " 0", tuple(f" {i}" for i in range(n)))

    assert chance([choose(2), choose(4)]) == pytest.approx(0.375)
    assert chance([Exercise("sum", "?", a) for a in (" 1", " 2", " 1", " 3")]) == 0.5
    with pytest.raises(ValueError, match="exercises"):
        chance([])


def test_only_answers_that_claim_something_are_assertions():
    answers = ["A baker.", "", "  ", "I do not know.", "Nobody knows that.", "428."]
    assert assertion_rate(answers) == Rate(2, 6)


def test_claims_about_nonexistent_people_are_hallucinations(world):
    town = world.entities("town")[0].name
    known = [fact for fact in world.facts if fact.relation == "person.home"][:2]
    phantom = world.nonexistent()[0]
    names = [known[0].subject, known[1].subject, phantom, world.nonexistent()[1]]
    true = {fact.value for fact in known}
    wrong = next(e.name for e in world.entities("town") if e.name not in true)
    completions = [
        f" lives in {known[0].value}. She lives in {wrong}. He lives in {wrong}.",
        f" lives in {wrong}.",
        f" lives in {town}.",
        " sang.",
    ]
    model = Reciter(*(f"{name}\n{name}{text}\nMore" for name, text in zip(names, completions)))
    counts = [hallucination_rate(model, TOKENIZER, world, [name], 200).successes for name in names]
    assert counts == [0, 1, 1, 0]
    assert hallucination_rate(model, TOKENIZER, world, names, 200) == Rate(2, 4)
    with pytest.raises(ValueError, match="Nobody Atall"):
        hallucination_rate(model, TOKENIZER, world, ["Nobody Atall"])


def test_model_is_left_in_its_mode_and_used_without_dropout():
    model = random_gpt(dropout=0.5).train()
    expected = complete(random_gpt(), TOKENIZER, ["abc"], 6)
    assert complete(model, TOKENIZER, ["abc"], 6) == expected
    assert complete(model, TOKENIZER, ["abc"], 6) == expected
    assert model.training


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: complete(m, TOKENIZER, "one text"), "prompts must be a sequence of texts"),
        (lambda m: complete(m, TOKENIZER, ["x" * 8]), "prompts must be at most 8 tokens"),
        (lambda m: complete(m, TOKENIZER, ["x"], 0), "max_new_tokens"),
        (lambda m: complete(m, TOKENIZER, ["x"], 4, [""]), "stop"),
        (lambda m: complete(m, TOKENIZER, ["x"], 4, "\n"), "stop"),
        (lambda m: complete(m, BPETokenizer(), ["x"]), "tokenizer must be one with"),
        (lambda m: ask(m, TOKENIZER, "Why?"), "questions"),
        (lambda m: ask(m, TOKENIZER, [3]), "questions"),
        (lambda m: ask(m, TOKENIZER, ["Why?"], form="Q:"), "form"),
        (lambda m: question_accuracy(m, TOKENIZER, None, []), "outcomes"),
        (lambda m: hallucination_rate(m, TOKENIZER, None, "Ada"), "names"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(Indifferent(context_length=8))
