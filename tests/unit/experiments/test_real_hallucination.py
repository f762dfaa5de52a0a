"""Invented countries, dialogues with a false capital, and the first name of an answer."""

import math

from fmlab.experiments import real_hallucination as real
from fmlab.experiments.results import read


class Words:
    """A tokenizer with one token per letter."""

    def decode(self, ids, errors="strict"):
        return "".join(map(chr, ids))


def test_invented_countries_are_different_and_not_real():
    names = real.invented_countries()
    assert len(set(names)) == real.N_INVENTED
    assert not set(names) & set(read("capitals")["countries"])


def test_the_first_name_ends_before_punctuation():
    ids = list(map(ord, " Rome, Italy"))
    name, p = real._first_name(Words(), ids, [-0.1] * len(ids))
    assert name == "Rome"
    assert math.isclose(p, math.exp(-0.5), rel_tol=0.01)  # the comma does not count


def test_a_false_capital_is_stated_by_the_user_the_model_or_nobody():
    claim = "The capital of France is Quito."
    for source, role in (("user", "user"), ("model", "assistant"), ("nobody", None)):
        turns = real.dialogue("France", "Quito", source)
        assert [turn["role"] for turn in turns if turn["content"] == claim] == [role] * (
            role is not None
        )
        assert turns[-1]["content"].startswith("So, in one sentence: what is the capital of France")


def test_as_a_control_the_same_capital_is_stated_for_another_country():
    for speaker, role in (("user", "user"), ("model", "assistant")):
        turns = real.dialogue("France", "Quito", f"{speaker}, another country", "Peru")
        claim = {"role": role, "content": "The capital of Peru is Quito."}
        assert claim in turns
        assert not any("France" in turn["content"] for turn in turns[:-1])
        assert "France" in turns[-1]["content"]


def test_a_false_capital_belongs_to_another_country():
    pairs = [(f"Country {i}", f"City {i}") for i in range(20)]
    for country, capital, false in real.claims(pairs, [name for name, _ in pairs]):
        assert false != capital
        assert (country, capital) in pairs
