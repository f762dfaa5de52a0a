"""A failed check shows its sentence first, and no traceback of its own."""

import IPython
import pytest
from IPython.core.interactiveshell import InteractiveShell

from fmlab.checks import empty_answers, sampling
from fmlab.checks.assertions import CheckFailed, compare, expect
from tests.unit.checks.test_sampling import NUMBERS, RIGHT


@pytest.fixture
def shown(monkeypatch):
    """Run a cell in IPython, and return the lines of the traceback that it shows."""
    shell, lines = InteractiveShell(), []
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    empty_answers.explain_in_notebooks()
    monkeypatch.setattr(shell, "_showtraceback", lambda kind, value, stb: lines.extend(stb))

    def of(code, **names):
        shell.push(names)
        result = shell.run_cell(code)
        assert result.error_in_exec
        return "\n".join(lines)

    yield of
    shell.history_manager.end_session()


def test_a_failed_check_is_an_assertion_that_failed():
    assert issubclass(CheckFailed, AssertionError)
    for fail in (lambda: expect(False, "why"), lambda: compare("x", 1, 2, "why")):
        with pytest.raises(CheckFailed, match="why"):
            fail()


def test_the_notebook_shows_the_sentence_and_no_source_of_the_check(shown):
    wrong = RIGHT | {"top-p 0.7": 1}
    text = shown("checks.check_predictions(wrong, **n)", checks=sampling, wrong=wrong, n=NUMBERS)
    assert text.splitlines()[0].endswith(str(_error(wrong)))
    assert len(text.splitlines()) == 1
    assert "Traceback" not in text


def _error(wrong):
    with pytest.raises(CheckFailed) as error:
        sampling.check_predictions(wrong, **NUMBERS)
    return error.value


def test_an_error_in_the_answer_keeps_its_traceback(shown):
    text = shown("check(lambda logits, bits: 1 / 0)", check=sampling.check_temperature_for)
    assert "ZeroDivisionError" in text
    assert "<lambda>" in text


STUB = "def temperature_for(logits, bits):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (f"{STUB}checks.check_temperature_for(temperature_for)", "temperature_for is still empty."),
        ("predicted = {}\n# YOUR CODE HERE\nraise NotImplementedError()", "your answer is still"),
    ],
)
def test_an_empty_answer_is_a_sentence(shown, code, what):
    text = shown(code, checks=sampling)
    assert f"Not yet:\x1b[0m {what}" in text
    assert len(text.splitlines()) == 1


def test_an_error_that_says_what_is_not_implemented_keeps_its_traceback(shown):
    text = shown("raise NotImplementedError('rows of unequal length')")
    assert "rows of unequal length" in text
    assert "still empty" not in text
