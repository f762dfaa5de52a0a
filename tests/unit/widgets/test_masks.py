"""The mask explorer, Python side: masks, distributions, what is recorded, and errors."""

import numpy as np
import pytest

from fmlab.constrained import Constraint, regex
from fmlab.generation import generate
from fmlab.widgets import MaskExplorer
from fmlab.widgets.masks import N_ALLOWED, N_ROWS
from fmlab.widgets.page_models import document_ids, loaded

PLACES = "in (Holatho|Holussa)|unknown"
AGE = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 9}}}
FORMATS = [
    ("animals", "She has a ", ["cat", "cow"]),
    ("places", "She lives ", PLACES),
    ("schema", "Her age: ", AGE | {"required": ["age"]}),
]


@pytest.fixture(scope="module")
def explorer():
    return MaskExplorer(FORMATS)


@pytest.fixture(autouse=True)
def start_over(explorer):
    explorer.format, explorer.mask = 0, True
    explorer.response = []


def steps(explorer):
    """Return what is recorded of the format: ids, probability of the allowed, {token: p}."""
    for key, line in explorer.recorded[explorer.format].items():
        mass, *pairs = map(float, line.split())
        ids = [int(i) for i in key.split(".")] if key else []
        yield ids, mass, dict(zip(map(int, pairs[::2]), pairs[1::2]))


def test_the_mask_allows_what_the_constraint_allows(explorer):
    explorer.format = 1
    constraint = Constraint(regex(PLACES), loaded("micro")[1])
    ids = loaded("micro")[1].encode("in Hol")
    for n in range(len(ids) + 1):
        explorer.response = ids[:n]
        expected = constraint.allowed(constraint.state_after(ids[:n]))
        np.testing.assert_array_equal(explorer.allowed, expected)
    assert explorer.text == "She lives in Hol"


def test_the_mask_renormalizes_what_it_allows(explorer):
    assert explorer.after.sum() == pytest.approx(1)
    assert explorer.mass == pytest.approx(explorer.before[explorer.allowed].sum())
    np.testing.assert_allclose(explorer.after * explorer.mass, explorer.before * explorer.allowed)
    explorer.response = loaded("micro")[1].encode("dog")
    assert not explorer.allowed.any()
    assert not explorer.after.any()


@pytest.mark.parametrize("index", range(len(FORMATS)))
def test_the_record_holds_greedy_decoding_with_and_without_the_mask(explorer, index):
    explorer.format = index
    model, _ = loaded("micro")
    prompt = document_ids("micro", FORMATS[index][1])
    constraint = explorer._formats[index].constraint
    recorded = {tuple(ids) for ids, _, _ in steps(explorer)}
    for processors in ([constraint], []):
        options = dict(temperature=0, processors=processors, stop=[constraint.end])
        ids = generate(model, prompt, 30, **options).ids[0]
        assert all(tuple(ids[:n]) in recorded for n in range(len(ids)))


def test_a_recorded_step_has_the_likeliest_tokens_of_both_kinds(explorer):
    for ids, mass, rows in steps(explorer):
        explorer.response = ids
        before, allowed = explorer.before, explorer.allowed
        assert mass == pytest.approx(explorer.mass, rel=1e-4)
        assert list(rows.values()) == pytest.approx(before[list(rows)], rel=1e-4)
        assert len(rows) == N_ROWS
        assert sorted(rows.values(), reverse=True) == list(rows.values())
        fitting = [i for i in rows if allowed[i]]
        assert len(fitting) >= min(N_ALLOWED, allowed.sum())
        for kind in (allowed, ~allowed):
            if kind.any():
                assert int(np.argmax(np.where(kind, before, -1))) in rows


def test_another_format_starts_over(explorer):
    explorer.response = loaded("micro")[1].encode("cat")
    explorer.format = 2
    assert (explorer.response, explorer.text) == ([], "Her age: ")


def test_without_script_a_table_shows_the_steps(explorer):
    picture = explorer.without_script().data
    assert picture.startswith("<noscript>")
    assert picture.count("<tr>") == 1 + len([1 for _ in greedy(explorer)])
    assert "<td>(end)</td>" in picture


def greedy(explorer):
    """Yield the tokens of greedy decoding with the mask."""
    explorer.response = []
    while explorer.end not in explorer.response:
        token = int(np.argmax(explorer.after))
        explorer.response = [*explorer.response, token]
        yield token


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        ([], "formats must be a sequence of at least one format"),
        ([("a", "b")], "formats must be triples of a name, a prompt, and a rule"),
        ([("a", 3, "x")], "prompt must be text"),
        ([("a", "b", [])], "rule must be a regular expression, a JSON Schema, or a list"),
        ([("a", "b", "(")], "pattern must be balanced"),
        ([("a", "b", "x{9000}")], "rule must be one with at most 5000 states"),
        ([("a", "b", {"type": "array", "uniqueItems": True})], "schema at #"),
    ],
)
def test_bad_formats_are_refused(formats, message):
    with pytest.raises(ValueError, match=message):
        MaskExplorer(formats)


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="model must be one of"):
        MaskExplorer(FORMATS, "gpt2")


@pytest.mark.parametrize(
    ("name", "value"),
    [("format", 3), ("format", -1), ("response", [5000]), ("response", [2047, 99])],
)
def test_bad_settings_are_refused_and_change_nothing(explorer, name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        setattr(explorer, name, value)
    assert (explorer.format, explorer.response) == (0, [])
