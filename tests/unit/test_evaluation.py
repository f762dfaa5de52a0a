"""Properties of fmlab.evaluation, fmlab.rates and fmlab.surprise.

Models are mocks whose every prediction the test decides, or tiny random GPTs.
"""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch
from torch import nn

from fmlab.batches import END_OF_TEXT
from fmlab.configs import GPTConfig
from fmlab.evaluation import (
    Rate,
    answer_logprobs,
    ask,
    assertion_rate,
    bits_per_byte,
    chance,
    complete,
    exercise_accuracy,
    expected_calibration_error,
    hallucination_rate,
    is_solved,
    loss_per_token,
    perplexity,
    question_accuracy,
    reliability,
    surprise,
    wilson_interval,
)
from fmlab.generation import sequence_logprob
from fmlab.surprise import batches
from fmlab.tokenization import BPETokenizer
from fmlab.transformer import GPT
from fmlab.world import Exercise, MicroWorld

TOKENIZER = BPETokenizer(special_tokens=[END_OF_TEXT])  # bytes only: END_OF_TEXT is 256
END, V = 256, 257


@pytest.fixture(scope="module")
def world():
    return MicroWorld(n_people=100)


class Rows:
    """A cache that simply keeps what was read."""

    n_padding = None

    def __init__(self, n_rows):
        self.rows = [[] for _ in range(n_rows)]

    @property
    def batch_size(self):
        return len(self.rows)

    def select(self, rows):
        self.rows = [list(self.rows[i]) for i in rows]


class Reciter(nn.Module):
    """Knows some texts by heart: after the beginning of one it predicts, surely, what follows.

    After anything else, and after the end of a text, it predicts END_OF_TEXT.
    """

    device = torch.device("cpu")

    def __init__(self, *texts, context_length=1000):
        super().__init__()
        self.texts = [[END, *text.encode(), END] for text in texts]
        self.config = GPTConfig(V, context_length, n_layers=1, n_heads=1, d_model=1)
        self.batch_sizes = []

    def make_cache(self, batch_size=1, capacity=0):
        return Rows(batch_size)

    def next(self, read):
        for text in self.texts:
            if text[: len(read)] == read and len(text) > len(read):
                return text[len(read)]
        return END

    def forward(self, ids, targets=None, cache=None, *, n_padding=None, last_only=False):
        self.batch_sizes.append(len(ids))
        padding = [0] * len(ids) if n_padding is None else n_padding.tolist()
        new = [row[n:] for row, n in zip(ids.tolist(), padding)]
        past = [[] for _ in new] if cache is None else cache.rows
        logits = torch.full((*ids.shape, V), -1e9)
        for i, (before, row) in enumerate(zip(past, new)):
            for t in range(len(row)):
                at = ids.shape[1] - len(row) + t
                logits[i, at, self.next(before + row[: t + 1])] = 0.0
        if cache is not None:
            cache.rows = [before + row for before, row in zip(past, new)]
        return (logits[:, -1:] if last_only else logits), None


class Indifferent(nn.Module):
    """Finds all tokens equally likely."""

    device = torch.device("cpu")

    def __init__(self, context_length=8, vocab_size=V):
        super().__init__()
        self.config = GPTConfig(vocab_size, context_length, n_layers=1, n_heads=1, d_model=1)
        self.longest = 0

    def forward(self, ids, targets=None, cache=None, *, n_padding=None, last_only=False):
        self.longest = max(self.longest, ids.shape[1])
        return torch.zeros(*ids.shape, V), None


def random_gpt(context_length=12):
    model = GPT(GPTConfig(V, context_length, n_layers=2, n_heads=2, d_model=8))
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
            weight.add_(noise, alpha=0.4)
    return model


# --- intervals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe (1998), Two-sided Confidence Intervals for the Single Proportion, table I
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_gives_published_values(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "n"), [(1, 2), (3, 40), (399, 400)])
def test_ends_of_the_interval_are_the_rates_that_a_test_just_does_not_reject(
    successes, n, confidence
):
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    for p in wilson_interval(successes, n, confidence):
        assert abs(successes / n - p) == pytest.approx(z * math.sqrt(p * (1 - p) / n))


@pytest.mark.parametrize("n", [1, 7, 100, 10**6])
def test_interval_holds_the_rate_and_stays_in_range(n):
    for successes in {0, 1, n // 2, n - 1, n}:
        low, high = wilson_interval(successes, n)
        assert 0 <= low <= successes / n <= high <= 1
        mirrored = wilson_interval(n - successes, n)
        assert (1 - high, 1 - low) == pytest.approx(mirrored)


def test_interval_holds_the_truth_about_as_often_as_it_says():
    n, covered = 60, []
    for p in np.linspace(0.02, 0.98, 97):
        weights = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
        inside = [low <= p <= high for low, high in (wilson_interval(k, n) for k in range(n + 1))]
        covered.append(math.fsum(w for w, held in zip(weights, inside) if held))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.005)  # exact sums: nothing is random
    assert min(covered) > 0.88


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((1, 0), "n must be"),
        ((-1, 5), "successes must be"),
        ((6, 5), "successes must be at most n, which is 5"),
        ((2.5, 5), "successes must be"),
        ((2, 5, 95), "confidence must be"),
        ((2, 5, 1.0), "confidence must be"),
    ],
)
def test_impossible_counts_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        wilson_interval(*arguments)


def test_rate_counts_and_reads_well():
    rate = Rate.of([True, False, True, np.bool_(True)])
    assert (rate.successes, rate.n, rate.rate) == (3, 4, 0.75)
    assert (rate.low, rate.high) == wilson_interval(3, 4)
    assert repr(rate) == "0.750 (0.301 to 0.954, n = 4)"
    with pytest.raises(ValueError, match="outcomes"):
        Rate.of([])
    with pytest.raises(ValueError, match="successes"):
        Rate(5, 4)


# --- calibration ----------------------------------------------------------------------------------


def test_bins_hold_what_is_about_equally_sure():
    low, high = reliability([0.0, 0.04, 0.95, 1.0], [False, True, True, True], n_bins=10)
    assert (low.confidence, high.confidence) == pytest.approx((0.02, 0.975))
    assert (low.right, high.right) == (Rate(1, 2), Rate(2, 2))


def test_calibration_error_is_zero_if_and_only_if_confidence_is_the_rate():
    right = [True] * 3 + [False] + [False] * 4
    assert expected_calibration_error([0.75] * 4 + [0.0] * 4, right) == pytest.approx(0)
    assert expected_calibration_error([1.0] * 8, right) == pytest.approx(5 / 8)
    assert expected_calibration_error([0.75] * 4 + [0.2] * 4, right) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([0.5, 1.2], [True, True]), "confidences"),
        (([0.5, np.nan], [True, True]), "confidences"),
        (([], []), "confidences"),
        (([0.5], [True, True]), "right"),
        (([0.5], [True], 0), "n_bins"),
    ],
)
def test_confidences_that_are_none_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        reliability(*arguments)


# --- what a model says ----------------------------------------------------------------------------


def test_completions_are_what_the_model_knows_by_heart_whatever_stands_beside_them():
    model = Reciter("one two", "a much longer beginning\nof a text", "x", "é!")
    prompts = ["a much", "one", "never seen", "", "x", "é"]
    alone = [complete(model, TOKENIZER, [prompt], 50)[0] for prompt in prompts]
    assert alone == [" longer beginning", " two", "", "one two", "", "!"]
    assert complete(model, TOKENIZER, prompts, 50) == alone
    assert complete(model, TOKENIZER, [], 50) == []


def test_completion_ends_before_the_first_stop_with_the_text_or_at_the_limit():
    model = Reciter("abcdefgh")
    for stop, said in [((), "bcdefgh"), (["d"], "bc"), (["gh", "ef"], "bcd"), (["zz"], "bcdefgh")]:
        assert complete(model, TOKENIZER, ["a"], 20, stop) == [said]
    assert complete(model, TOKENIZER, ["a"], 3, ()) == ["bcd"]
    short = Reciter("abcdefgh", context_length=5)  # reads END a b c d, and then no more
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

        def make_cache(self, batch_size=1, capacity=0):
            return Rows(batch_size)

    assert complete(Dots(40, tokenizer.vocab_size), tokenizer, ["x", "yy"], 10) == [".", "."]


def test_batches_are_small_however_many_prompts_there_are():
    model = Reciter("q")
    complete(model, TOKENIZER, ["q"] * 200, 4)
    assert max(model.batch_sizes) == 64
    model = Reciter("q", context_length=9000)
    complete(model, TOKENIZER, ["q" * 3000] * 5, 4)
    assert max(model.batch_sizes) == 2


def test_batches_hold_every_index_once_the_shortest_first():
    lengths = [5, 1, 9, 9, 3, 12, 1]
    found = list(batches(lengths, most_rows=3, most_tokens=18))
    assert sorted(i for batch in found for i in batch) == list(range(7))
    assert [lengths[i] for batch in found for i in batch] == sorted(lengths)
    assert all(len(b) == 1 or max(lengths[i] for i in b) * len(b) <= 18 for b in found)
    assert list(batches([40], 3, 18)) == [[0]]


def test_a_model_that_knows_the_answers_is_always_right_and_one_that_does_not_never(world):
    questions = world.questions(30)
    sage = Reciter(*(f"{q.prompt} {q.answer}.\nQuestion: more" for q in questions))
    assert ask(sage, TOKENIZER, questions) == [f"{q.answer}." for q in questions]
    assert ask(sage, TOKENIZER, [q.text for q in questions[:3]]) == [
        f"{q.answer}." for q in questions[:3]
    ]
    assert question_accuracy(sage, TOKENIZER, world, questions) == Rate(30, 30)
    assert question_accuracy(Reciter(), TOKENIZER, world, questions) == Rate(0, 30)
    half = Reciter(*(f"{q.prompt} {q.answer}." for q in questions[::2]))
    assert question_accuracy(half, TOKENIZER, world, questions) == Rate(15, 30)


def test_questions_can_be_put_in_another_form():
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
def test_an_answer_must_end_where_it_ends(answer, completion, solved):
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


def test_what_is_said_of_somebody_who_does_not_exist_is_invented(world):
    town = world.entities("town")[0].name
    known = [fact for fact in world.facts if fact.relation == "person.home"][:2]
    phantom = world.nonexistent()[0]
    names = [known[0].subject, known[1].subject, phantom, world.nonexistent()[1]]
    true = {fact.value for fact in known}
    wrong = next(e.name for e in world.entities("town") if e.name not in true)
    said = [
        f" lives in {known[0].value}. She lives in {wrong}. He lives in {wrong}.",
        f" lives in {wrong}.",
        f" lives in {town}.",
        " sang.",
    ]
    model = Reciter(*(f"{name}\n{name}{text}\nMore" for name, text in zip(names, said)))
    found = [hallucination_rate(model, TOKENIZER, world, [name], 200).successes for name in names]
    assert found == [0, 1, 1, 0]
    assert hallucination_rate(model, TOKENIZER, world, names, 200) == Rate(2, 4)
    with pytest.raises(ValueError, match="Nobody Atall"):
        hallucination_rate(model, TOKENIZER, world, ["Nobody Atall"])


# --- what a model expects -------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 7, 8, 9, 12, 13, 50])
def test_every_token_of_a_text_counts_once_however_long_it_is(length):
    model = Indifferent(context_length=8)
    found = surprise(model, TOKENIZER, ["x" * length, "yy"])
    assert found.tokens.tolist() == [length, 2]
    assert found.nats == pytest.approx(np.log(V) * found.tokens)
    assert found.loss_per_token == pytest.approx(math.log(V))
    assert found.perplexity == pytest.approx(V)
    assert found.bits_per_byte == pytest.approx(math.log2(V))
    assert model.longest <= 8


def test_surprise_of_text_that_fits_is_its_log_probability_alone_or_in_a_batch():
    model, texts = random_gpt(), ["abc", "a", "other text", "é"]
    expected = [-sequence_logprob(model, [END, *text.encode()]) for text in texts]
    assert surprise(model, TOKENIZER, texts).nats == pytest.approx(expected, rel=1e-5)
    for text, nats in zip(texts, expected):
        assert surprise(model, TOKENIZER, [text]).nats == pytest.approx([nats], rel=1e-5)


def test_windows_of_a_long_text_overlap_by_half():
    model, context = random_gpt(), 12
    ids = [END, *b"a text that is longer than the context"]
    total = sequence_logprob(model, ids[: context + 1])
    past = context + 1
    while past < len(ids):
        end = min(len(ids), past + context // 2)
        window = ids[end - context - 1 : end]
        total += sequence_logprob(model, window, past - (end - context - 1))
        past = end
    text = bytes(ids[1:]).decode()
    assert surprise(model, TOKENIZER, [text]).nats == pytest.approx([-total], rel=1e-5)


def test_the_three_measures_are_those_of_the_whole_surprise():
    model, texts = random_gpt(), ["some", "longer é text", "x"]
    whole = surprise(model, TOKENIZER, texts)
    n_bytes = sum(len(text.encode()) for text in texts)
    assert loss_per_token(model, TOKENIZER, texts) == whole.loss_per_token
    assert perplexity(model, TOKENIZER, texts) == pytest.approx(math.exp(whole.loss_per_token))
    expected = whole.nats.sum() / math.log(2) / n_bytes
    assert bits_per_byte(model, TOKENIZER, texts) == pytest.approx(expected)


def test_margin_shrinks_with_the_root_of_the_number_of_texts():
    model = random_gpt()
    few = surprise(model, TOKENIZER, ["some", "é text", "xyz", "ooo"])
    many = surprise(model, TOKENIZER, ["some", "é text", "xyz", "ooo"] * 25)
    assert many.margin == pytest.approx(few.margin / 5 * math.sqrt(100 / 99 * 3 / 4), rel=1e-4)
    assert surprise(model, TOKENIZER, ["alone"]).margin == math.inf
    sure = surprise(Indifferent(), TOKENIZER, ["abc", "de"])  # the same surprise everywhere
    assert sure.margin == pytest.approx(0, abs=1e-9)


def test_answers_are_scored_given_their_prompts():
    model = random_gpt()
    prompts, answers = ["ab", "", "abcde"], [" c", "x", " longer"]
    expected = [
        sequence_logprob(model, [END, *p.encode(), *a.encode()], 1 + len(p))
        for p, a in zip(prompts, answers)
    ]
    assert answer_logprobs(model, TOKENIZER, prompts, answers) == pytest.approx(expected, rel=1e-5)


def test_scoring_needs_little_memory_however_many_texts_there_are(monkeypatch):
    model, sizes = Indifferent(), []
    monkeypatch.setattr("fmlab.surprise.LOGITS_AT_ONCE", 10 * V)
    original = model.forward
    model.forward = lambda ids: sizes.append(ids.numel()) or original(ids)
    surprise(model, TOKENIZER, ["abc"] * 20)
    assert max(sizes) <= 10


def test_a_model_is_left_in_the_mode_in_which_it_was():
    model = random_gpt().train()
    surprise(model, TOKENIZER, ["abc"])
    complete(model, TOKENIZER, ["abc"], 2)
    assert model.training


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
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
        (lambda m: surprise(m, TOKENIZER, "one text"), "texts"),
        (lambda m: surprise(m, TOKENIZER, []), "texts"),
        (lambda m: surprise(m, TOKENIZER, ["a", ""]), "texts"),
        (lambda m: surprise(m, BPETokenizer(), ["a"]), "tokenizer"),
        (lambda m: answer_logprobs(m, TOKENIZER, ["a"], []), "answers"),
        (lambda m: answer_logprobs(m, TOKENIZER, ["a"], [""]), "answers"),
        (lambda m: answer_logprobs(m, TOKENIZER, ["a" * 4], ["a" * 5]), "prompts"),
    ],
)
def test_bad_input_is_refused_by_name(call, says):
    with pytest.raises(ValueError, match=says):
        call(Indifferent(context_length=8))
