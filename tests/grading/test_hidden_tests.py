"""Hidden tests: which wrong answers fail them, which right ones pass, and that they say why."""

import ast

import nbformat
import pytest

from fmlab.files import book_folder
from fmlab_grading.exercises import cells_of, exercise_names
from tests.grading.classroom import MARKER

EXERCISES = book_folder() / "exercises"
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in EXERCISES.glob("*.ipynb")}
HIDDEN = {
    f"{chapter}: {cell.id}": cell.source
    for chapter, notebook in NOTEBOOKS.items()
    for cell in notebook.cells
    if cell.id.endswith("-hidden")
}


@pytest.mark.parametrize("name", HIDDEN)
def test_every_assertion_of_a_hidden_test_says_what_was_expected(name):
    silent = [
        ast.unparse(node.test)
        for node in ast.walk(ast.parse(HIDDEN[name]))
        if isinstance(node, ast.Assert) and node.msg is None
    ]
    assert not silent


@pytest.mark.parametrize("name", HIDDEN)
def test_every_hidden_test_can_fail(name):
    tree = ast.walk(ast.parse(HIDDEN[name]))
    calls = ("require_catches",)
    assert any(isinstance(n, ast.Assert) or getattr(n, "attr", "") in calls for n in tree)


def run_hidden(chapter, exercise, answer=""):
    """Run an exercise with the author's answer, then another answer, then the hidden test."""
    notebook, scope = NOTEBOOKS[chapter], {}
    setup = next(cell.source for cell in notebook.cells if cell.id == "setup")
    cells = [cell for cell in cells_of(notebook, exercise) if cell.cell_type == "code"]
    hidden = next(cell.source for cell in cells if cell.id.endswith("-hidden"))
    others = [MARKER.sub("", c.source) for c in cells if not c.id.endswith(("-hidden", "-check"))]
    exec("\n\n".join([setup, *others, answer]), scope)
    exec(hidden, scope)


QUICK = [
    (chapter, exercise)
    for chapter, notebook in NOTEBOOKS.items()
    for exercise in exercise_names(notebook)
    if exercise not in ("habit", "own-words")
]


@pytest.mark.parametrize(("chapter", "exercise"), QUICK)
def test_the_author_s_answer_passes(chapter, exercise):
    run_hidden(chapter, exercise)


# Wrong answers, each with what the hidden test says about it. Those marked with * passed before.
WRONG = [
    # the stack
    ("ai-stack", "numbers", "predicted['kappa'] = 0.9", "is 0.8, not 0.9"),
    (
        "ai-stack", "summary",
        "_s = summary\ndef summary(rs):\n    return _s(rs) | {'throughput': 1.0}", "'throughput'",
    ),
    (
        "ai-stack", "choose",  # chosen and reported on the same half
        "_g = gain_of_best\ndef gain_of_best(c, r, b):\n    return _g(c, c, b)", "the paired gain",
    ),
    (
        "ai-stack", "summary",  # the mean of the requests' means is not the 95th percentile
        "_s = summary\ndef summary(rs):\n    mean = np.mean([r['first'] - r['sent'] for r in rs])\n"
        "    return _s(rs) | {'p95 to first token': mean}", "'p95 to first token'",
    ),
    (
        "ai-stack", "summary",  # every token counted as a gap
        "_s = summary\ndef summary(rs):\n"
        "    gaps = [(r['done'] - r['first']) / r['tokens'] for r in rs]\n"
        "    return _s(rs) | {'mean time per token': np.mean(gaps)}", "'mean time per token'",
    ),
    (
        "ai-stack", "choose",  # the worst prompt
        "_g = gain_of_best\ndef gain_of_best(c, r, b):\n"
        "    best = min(c, key=lambda name: c[name].mean())\n    return best, *_g(c, r, b)[1:]",
        "the best prompt on the first half",
    ),
    ("ai-stack", "choose", "helps['model B'] = True", "does the interval lie above 0"),
    (
        "ai-stack", "filter",
        "_b = by_chance\ndef by_chance(*a):\n    return 1 - _b(*a)", "at least as many",
    ),
    (
        "ai-stack", "omission",  # the server is never idle here
        "def test_latencies(latencies):\n"
        "    assert np.allclose(latencies([0.0, 0.0], [1.0, 1.0]), [1.0, 2.0])",
        "assumes that the server is never idle",
    ),
    (
        "ai-stack", "omission",  # only an idle server
        "def test_latencies(latencies):\n"
        "    assert np.allclose(latencies([0.0, 5.0], [1.0, 1.0]), [1.0, 1.0])",
        "counts from when a request was sent",
    ),
    (
        "ai-stack", "omission",  # all waits, no work
        "def test_latencies(latencies):\n"
        "    found = latencies([0.0, 1.0, 9.0], [0.0, 5.0, 0.0])\n"
        "    assert np.allclose(found, [0.0, 5.0, 0.0])\n"
        "    assert np.allclose(latencies([0.0, 0.0], [0.0, 0.0]), 0.0)",
        "your test passes on a function that",
    ),
    # language models
    ("language-models", "numbers", "predicted['training pairs'] = 3", "is 4, not 3"),
    ("language-models", "numbers", "predicted['perplexity'] = None", "is 4.757, not None"),
    (
        "language-models", "mix",
        "def mix(ids, n, weight):\n    return np.full((n, n), 1 / n)", "row a",
    ),
    (
        "language-models", "mix",  # nothing for a context that never occurred
        "_m = mix\ndef mix(ids, n, weight):\n    rows = _m(ids, n, weight)\n"
        "    return np.vstack([rows[:-1], np.zeros(n)])",
        "the unigram alone",
    ),
    (
        "language-models", "better",  # independent samples
        "def difference(a, b):\n    mean = np.mean(a) - np.mean(b)\n"
        "    error = 1.96 * math.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / len(a))\n"
        "    return mean, mean - error, mean + error",
        "the paired difference is",
    ),
    ("language-models", "better", "shows_a_difference['4 pages'] = True", "is 0 in the interval"),
    (
        "language-models", "nulls",  # the previous prompt
        "def shuffled(c, a):\n    return np.mean([x == y for x, y in zip(c, [a[-1], *a[:-1]])])",
        "is 1.00, not 0.0",
    ),
    ("language-models", "nulls", "solved['sentiment'] = True", "compare the intervals"),
    (
        "language-models", "average",  # it only tries batches of one length
        "def test_perplexity(perplexity):\n"
        "    assert math.isclose(perplexity([[0.0, 2.0], [1.0, 1.0]]), math.e)",
        "averages the averages",
    ),
    (
        "language-models", "shift",
        "def test_pairs(pairs):\n    inputs, labels = pairs([3, 1, 4, 2])\n"
        "    assert len(inputs) == len(labels) == 3",
        "does not shift the labels|lets the model predict",
    ),
    # tokenization
    ("tokenization", "bits_per_byte", "better = 'A'", "compare bits per byte"),
    (
        "tokenization", "bits_per_byte",  # *
        "def bits_per_byte(loss, tokens, text_bytes):\n"
        "    return loss / math.log(2) * tokens / 1e6",
        "750000 bytes",
    ),
    ("tokenization", "predict", "predicted['then'] = '2'", "2 tokens of 'then', not '2'"),
    (
        "tokenization", "encode_word",  # the leftmost pair first
        "def encode_word(word, merges):\n    s = list(word)\n    i = 0\n    while i < len(s) - 1:\n"
        "        if (s[i], s[i + 1]) in merges:\n"
        "            s[i:i + 2] = [merges[s[i], s[i + 1]]]\n"
        "            i = 0\n        else:\n            i += 1\n    return s",
        "the ids of",
    ),
    ("tokenization", "leak", "def leaked(*a):\n    return gap(*a)[0] > 0", "are accused"),
    ("tokenization", "leak", "_g = gap\ndef gap(*a):\n    return 0, 1, 2\n"  # *
     "def leaked(*a):\n    return _g(*a)[1] > 0", "the mean over documents"),
    (
        "tokenization", "trim",  # * all merges up to the last one that is needed
        "def trim(tokenizer, text):\n    n = max([*tokenizer.encode(text), 255]) - 255\n"
        "    return BPETokenizer(list(tokenizer.merges)[:n])",
        "needs",
    ),
    # attention
    ("attention", "pencil", "pencil['answer'] = 32", r"pencil\['answer'\] is \[18"),
    ("attention", "reach", "predicted['tokens'] = 35", "'tokens'] is 34, not 35"),
    ("attention", "chain", "def least_time(w, d, p):\n    return max(d, w // p)", "not 166"),
    (
        "attention", "chain",  # * rounds half down
        "def least_time(w, d, p):\n    return max(d, round(w / p))", "34 time steps, not 33",
    ),
    (
        "attention", "attend_next",  # * one cache for all conversations
        "_shared = []\ndef attend_next(q, k, v, cache):\n    _shared.append((k, v))\n"
        "    keys, values = map(np.array, zip(*_shared))\n"
        "    cache['keys'], cache['values'] = keys, values\n"
        "    w = np.exp(keys @ q / math.sqrt(len(q)))\n    return w / w.sum() @ values",
        "not that of attention",
    ),
    (
        "attention", "attend_next",  # * overflows
        "def attend_next(q, k, v, cache):\n    cache['keys'] = np.vstack([cache['keys'], k])\n"
        "    cache['values'] = np.vstack([cache['values'], v])\n"
        "    with np.errstate(all='ignore'):\n"
        "        w = np.exp(cache['keys'] @ q / math.sqrt(len(q)))\n"
        "        return w / w.sum() @ cache['values']",
        "finite numbers",
    ),
    (
        "attention", "longest_context",  # * the shape of one model
        "def longest_context(memory, weights, n_layers, n_kv_heads, d_head, n_conversations=1, "
        "bytes_per_number=2):\n    return max(0, memory - weights) // "
        "(2 * 12 * 12 * 64 * n_conversations * bytes_per_number)",
        "tokens for each",
    ),
    ("attention", "window", "def farthest(n, w):\n    return n * w - 1", "farthest"),
    ("attention", "heads", "def heads_that_matter(b, a):\n    return [2, 9]", "too often"),
    # sampling
    ("sampling", "predict", "predicted['top-k 3'] = '3'", "top-k 3 keeps 3, not '3'"),
    ("sampling", "words", "differs['top-p 0.9 vs min-p 0.1'] = True", "is False, not True"),
    ("sampling", "labels", "def label_probabilities(t):\n    return {}", "an entry for each"),
    (
        "sampling", "stream",  # * reads on after the stop sequence
        "_s = stream\ndef stream(pieces, stops):\n    pieces = list(pieces)\n"
        "    return _s(iter(pieces), stops)",
        "are taken|held back",
    ),
    # supervised finetuning
    ("supervised-finetuning", "imitator", "def clone(d):\n    return {'a': 1.0}", "clone"),
    (
        "supervised-finetuning", "imitator",  # * half is not the limit
        "def accuracy(e, n, greedy):\n    return float(e < 0.76 and n > 2) if greedy else 1 - e",
        r"accuracy\(0.4, 1, True\)",
    ),
    ("supervised-finetuning", "targets", "def make_targets(p, r, n):\n    return p + r", "targets"),
    (
        "supervised-finetuning", "batch-loss",
        "def batch_loss(rows):\n    return float(np.mean([np.mean(row) for row in rows]))",
        "the mean over all tokens",
    ),
    (
        "supervised-finetuning", "outcomes",  # *
        "def outcome_rates(o):\n    n = len(o)\n    right = o.count('right') / n\n"
        "    return {'right': right, 'wrong': 1 - right, 'abstained': 0, 'no answer': 0}",
        "'wrong' is 0.167",
    ),
    ("supervised-finetuning", "outcomes", "_c = change\ndef change(a, b, outcome):\n"  # *
     "    return _c(a, b, 'right')", "falls by a sixth"),
    ("supervised-finetuning", "predict", "predicted['last target'] = 22", "last target: 0, not 22"),
    # preference finetuning
    (
        "preference-finetuning", "dpo",  # * the mean over tokens in place of the sum
        "def sequence_logprob(token_logps, mask):\n"
        "    return (token_logps * mask).sum(axis=1) / mask.sum(axis=1)",
        "the sum over the response's tokens",
    ),
    ("preference-finetuning", "dpo", "def comparison_loss(c, r):\n"  # *
     "    return math.log(2) if (c == r).all() else np.log1p(np.exp(r - c)).mean() * len(c) / 6",
     "3|1500"),
    (
        "preference-finetuning", "dpo",  # * fails for large rewards
        "def comparison_loss(c, r):\n    with np.errstate(all='ignore'):\n"
        "        return -np.log(1 / (1 + np.exp(r - c))).mean()",
        "1500",
    ),
    ("preference-finetuning", "pencil", "pencil['DPO loss at the start'] = 0", "DPO loss"),  # *
    ("preference-finetuning", "pencil", "pencil['third preferred to first'] = 0.5", "0.8571"),  # *
    ("preference-finetuning", "ties", "def agreement(a, b):\n    return a == b", "agreement"),
    (
        "preference-finetuning", "constant",  # * too large a cost
        "_l = least_cost\ndef least_cost(*a):\n    return _l(*a) * 1.1", "the least cost is",
    ),
    (
        "preference-finetuning", "best-of-n",  # * no ties
        "def best_of_n(p, r, n):\n    below = np.array([p[r < x].sum() for x in r])\n"
        "    return (below + p) ** n - below**n",
        "the best of 2",
    ),
    ("preference-finetuning", "best-of-n", "def kl(p, q):\n    return (p * np.log(p / q)).sum()",
     "0 log 0"),  # *
    ("preference-finetuning", "gae",
     "_g = gae\ndef gae(r, v, m, g, l):\n    return _g(r, v, m, g, 1)", "the advantage of token"),
    # structured outputs
    ("structured-outputs", "numbers", "predicted['ax with masking'] = 0.375", "is not 0.375"),
    (
        "structured-outputs", "allowed",  # whole texts only
        "def allowed(vocab, texts, so_far):\n"
        "    return {i for i, t in vocab.items() if so_far + t in texts}",
        "not {",
    ),
    (
        "structured-outputs", "weights",  # underflows
        "def normalized(w):\n    with np.errstate(all='ignore'):\n"
        "        return np.exp(w) / np.exp(w).sum()",
        "must be finite",
    ),
    ("structured-outputs", "effects", "raises['mask'] = True", "is not True"),
    (
        "structured-outputs", "effects",  # independent samples
        "def effect(a, b):\n    d = a.mean() - b.mean()\n"
        "    e = 1.96 * np.sqrt(a.var() / len(a) + b.var() / len(b))\n    return d, d - e, d + e",
        "the paired interval",
    ),
    ("structured-outputs", "retry", "explanation = 'a'", "explanation is not 'a'"),
    (
        "structured-outputs", "space",
        "def test_allowed(allowed):\n"
        "    assert allowed({0: b'a', 1: b' a'}, [b'x a'], b'x') == {1}",
        "your test passes on a function that",
    ),
    (
        "structured-outputs", "end",
        "def test_may_end(may_end):\n    assert may_end('{}')\n    assert not may_end('{')",
        "your test passes on a function that",
    ),
    # training data
    ("training-data", "plan", "predicted['loss for the need'] = 1.7", "is not right"),  # plain mean
    (
        "training-data", "duplicates",  # all white space removed
        "def deduplicate(texts):\n"
        "    return list({''.join(t.lower().split()): t for t in reversed(texts)}.values())[::-1]",
        "keep the first of each",
    ),
    (
        "training-data", "fair",  # the loss as a setting
        "def fair_pairs(runs):\n    return [p for p in combinations(runs, 2)"
        " if sum(runs[p[0]][k] != runs[p[1]][k] for k in runs[p[0]]) == 1]",
        "the loss is none",
    ),
    (
        "training-data", "choose",  # all seeds choose
        "_c = choose\ndef choose(losses, need):\n"
        "    w = _c({w: [*l, l[-1]] for w, l in losses.items()}, need)[0]\n"
        "    return w, _c({w: losses[w]}, need)[1]",
        "the last seed must have no part",
    ),
    (
        "training-data", "leak",
        "def test_mixture(build):\n"
        "    assert list(build({'wiki': ['a', 'b']}, ['b'])) == ['a']",
        "your test passes on a function that",
    ),
    # AI engineering
    (
        "ai-engineering", "bill",  # tokens out are cached, too
        "_b = monthly_bill\ndef monthly_bill(r, i, o, pi, po, c, cp):\n"
        "    return _b(r, i, o * (1 - c + c * cp), pi, po, c, cp)",
        "the bill must be",
    ),
    ("ai-engineering", "budgets", "predicted['budget 2'] = 50", "50 is not it"),
    (
        "ai-engineering", "loop",  # repeats itself
        "_r = run\ndef run(policy, tool, question, budget):\n"
        "    found = _r(policy, tool, question, budget)\n"
        "    return (found[0], budget) if found[0] is None else found",
        "the number of calls must be",
    ),
    (
        "ai-engineering", "loop",  # never appends what the tool returns
        "_q = run\ndef run(policy, tool, question, budget):\n"
        "    def blind(text):\n"
        "        lines = text.splitlines(keepends=True)\n"
        "        return policy(''.join(x for x in lines if not x.startswith('Result')))\n"
        "    return _q(blind, tool, question, budget)",
        "the transcript must be",
    ),
    (
        "ai-engineering", "winner",  # the questions that chose it
        "_w = report\ndef report(outcomes, chosen_on):\n    winner = _w(outcomes, chosen_on)[0]\n"
        "    return winner, Rate.of(outcomes[winner, chosen_on].tolist())",
        "its rate on new questions must be",
    ),
    (
        "ai-engineering", "gain",  # as if independent
        "def gain(first, second):\n    d = Rate.of(first.tolist()) - Rate.of(second.tolist())\n"
        "    return Mean(d.value, (d.high - d.low) / 2, len(first))",
        "the margin must be",
    ),
    (
        "ai-engineering", "hunt",  # misses the glue
        "def test_serve(serve):\n    answers = {('a', 'x'): '1', ('b', 'x'): '2'}\n"
        "    assert serve([*answers, *answers], answers) == (['1', '2', '1', '2'], 2)",
        "your test passes on a function that",
    ),
    # test-time compute
    (
        "test-time-compute", "limits",  # a vote as if errors averaged out
        "predicted_rates['majority, right answer 0.3, wrong answers 0.4 and 0.3'] = 1",
        "is 0.0, not 1",
    ),
    (
        "test-time-compute", "limits",  # the rate of a single sample
        "predicted_rates['highest log-probability, right answer 0.4, wrong answer 0.6'] = 0.4",
        "is 0.0, not 0.4",
    ),
    (
        "test-time-compute", "election",  # forgets the votes in which all three differ
        "def elected(p):\n    p = np.asarray(p)\n    return p**3 + 3 * p**2 * (1 - p)",
        "the probabilities are",
    ),
    (
        "test-time-compute", "election",  # * if all three differ, all answers are as likely to win
        "def elected(p):\n    p = np.asarray(p)\n    won = p**3 + 3 * p**2 * (1 - p)\n"
        "    return won + (1 - won.sum()) / len(p)",
        "the probabilities are",
    ),
    (
        "test-time-compute", "gain",  # as if the two rules had answered different questions
        "def gain(a, b):\n    m = Mean.of(b - a).mean\n"
        "    e = np.hypot(Mean.of(a).margin, Mean.of(b).margin)\n    return m, m - e, m + e",
        "the paired gain",
    ),
    (
        "test-time-compute", "gain",  # the rate on the questions that chose N
        "def best_n(v, t):\n    row = int(v.mean(axis=1).argmax())\n    return row, v[row].mean()",
        "its rate is that of the test",
    ),
    (
        "test-time-compute", "gain",  # chooses on the test
        "def best_n(v, t):\n    row = int(t.mean(axis=1).argmax())\n    return row, t[row].mean()",
        "chosen on the validation questions",
    ),
    ("test-time-compute", "controls", "def filler(steps):\n    return 'hmm'", "has 13 words"),
    (
        "test-time-compute", "controls",  # a plain permutation may leave steps in their place
        "def other_steps(s, seed):\n    return random.Random(seed).sample(s, len(s))",
        "the steps of another one",
    ),
    (
        "test-time-compute", "controls",  # others, but some twice and some never
        "def other_steps(s, seed):\n    rng = random.Random(seed)\n"
        "    return [rng.choice([o for o in s if o != own]) for own in s]",
        "each used once",
    ),
    (
        "test-time-compute", "batches",  # one at a time
        "def paid(p, n, batch):\n    return (1 - (1 - p) ** n) / p", r"paid\(0.3, 9, 3\) is",
    ),
    (
        "test-time-compute", "batches",  # counts the batches
        "_paid = paid\ndef paid(p, n, batch):\n    return _paid(p, n, batch) / batch",
        r"paid\(0.3, 9, 3\) is",
    ),
    (
        "test-time-compute", "vote",  # only ties
        "def test_vote(vote):\n    assert vote(['D', 'A']) == 'D'",
        "your test passes on a function that returns the first sample",
    ),
    (
        "test-time-compute", "vote",  # demands that a tie goes to the last
        "def test_vote(vote):\n    assert vote(['D', 'A']) == 'A'", "correct",
    ),
    # planning
    (
        "planning", "handover",  # a person who makes no errors
        "handover_threshold = lambda accuracy, cost, error: max(0.0, 1 - cost / error)",
        "the threshold must be",
    ),
    (
        "planning", "handover",  # a probability below 0
        "handover_threshold = lambda accuracy, cost, error: accuracy - cost / error",
        "the threshold must be 0.000",
    ),
    (
        "planning", "predict",  # the cost is forgotten
        "predicted['value of building, for an expected loss of 50, success 0.4, and cost 20'] = 20",
        "it must be 0, not 20",
    ),
    (
        "planning", "confidence",  # the requests of the person are left out
        "def expected_cost(p, threshold, person, error):\n    kept = p[p >= threshold]\n"
        "    return float(((1 - kept) * error).mean()) if len(kept) else person",
        "the cost must be",
    ),
    (
        "planning", "confidence",  # strictly above the threshold
        "def expected_cost(p, threshold, person, error):\n"
        "    return float(np.where(p > threshold, (1 - p) * error, person).mean())",
        "a confidence equal to the threshold is kept",
    ),
    (
        "planning", "regression",  # as if the questions were others
        "from fmlab.evaluation import Rate\n"
        "def change(before, after):\n    d = Rate.of(after) - Rate.of(before)\n"
        "    return d.value, d.low, d.high",
        "the change and its interval must be",
    ),
    (
        "planning", "regression",  # any loss counts
        "def regressed(before, after):\n    return sum(after) < sum(before)",
        "regressed must be True only if|proves nothing",
    ),
    (
        "planning", "hunt",  # misses the maximum
        "def test_p95(p95):\n    assert p95([[1.0] * 10] * 19 + [[9.0] * 60]) == 9.0",
        "your test passes on a function that",
    ),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("chapter", "exercise", "answer", "sentence"), WRONG)
def test_a_wrong_answer_fails_with_a_sentence(chapter, exercise, answer, sentence):
    with pytest.raises(AssertionError, match=sentence):
        run_hidden(chapter, exercise, answer)


RIGHT = [
    ("ai-stack", "choose", "helps = {k: np.bool_(v) for k, v in helps.items()}"),
    ("ai-stack", "filter", "by_chance = checks.ai_stack.chance_of"),
    ("language-models", "numbers", "predicted['perplexity'] = 4.76"),
    ("language-models", "mix", "_m = mix\ndef mix(*a):\n    return _m(*a).tolist()"),
    ("language-models", "better", "shows_a_difference = {k: np.bool_(v) for k, v in "
     "shows_a_difference.items()}"),
    ("tokenization", "predict", "predicted = {k: np.int64(v) for k, v in predicted.items()}"),
    ("attention", "reach", "predicted = {k: float(v) for k, v in predicted.items()}"),
    ("attention", "pencil", "pencil = {k: np.array(v) for k, v in pencil.items()}"),
    ("sampling", "words", "differs = {k: np.bool_(v) for k, v in differs.items()}"),
    (
        "preference-finetuning", "constant",  # a quantile of Student's t
        "def gain(utility, choices):\n    d = utility[choices, np.arange(utility.shape[1])]"
        " - utility[0]\n    e = 2.045 * d.std(ddof=1) / math.sqrt(len(d))\n"
        "    return d.mean(), d.mean() - e, d.mean() + e",
    ),
    ("preference-finetuning", "dpo",
     "def sequence_logprob(t, m):\n    return [x @ y for x, y in zip(t, m)]"),
    ("supervised-finetuning", "targets", "theirs = make_targets\ndef make_targets(*a):\n"
     "    return np.array(theirs(*a))"),
    ("planning", "predict", "predicted = {k: np.float64(v) for k, v in predicted.items()}"),
    ("planning", "regression", "_c, _r = change, regressed\ndef change(b, a):\n"
     "    return np.array(_c(b, a))\ndef regressed(b, a):\n    return np.bool_(_r(b, a))"),
    ("sampling", "stream", "_s = stream\ndef stream(pieces, stops):\n"
     "    return (c for text in _s(pieces, stops) for c in text)"),
    ("test-time-compute", "controls", "def filler(steps):\n    return '. ' * len(steps.split())"),
    ("test-time-compute", "gain", "_b = best_n\ndef best_n(*a):\n    return np.array(_b(*a))"),
    ("training-data", "fair", "_f = fair_pairs\ndef fair_pairs(runs):\n"
     "    return {pair[::-1] for pair in _f(runs)}"),
    ("training-data", "choose", "_c = choose\ndef choose(losses, need):\n"
     "    return [float(x) for x in _c(losses, need)]"),
]  # fmt: skip


@pytest.mark.parametrize(("chapter", "exercise", "answer"), RIGHT)
def test_a_right_answer_of_another_form_passes(chapter, exercise, answer):
    run_hidden(chapter, exercise, answer)
