"""Code and its documentation use the field's terms, plain words, and American spelling.

The rule and its two lists are in this folder: `words.py`, `avoided_words.txt`, and
`avoided_words_allowed.txt` for exceptions.
"""

from fnmatch import fnmatch

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.architecture.words import ROOT, SEARCHED, exceptions, files, hits_in, search, text_of

PATHS = files()


@pytest.mark.parametrize("folder", SEARCHED)
def test_no_avoided_word_is_used(folder):
    paths = [path for path in PATHS if path in set(ROOT.glob(folder))]
    assert paths
    if hits := [str(hit) for path in paths for hit in hits_in(path)]:
        pytest.fail("\n".join(hits), pytrace=False)


def test_every_exception_is_used():
    """One that is not was left behind when the text changed."""
    texts = {path.relative_to(ROOT).as_posix(): text_of(path) for path in PATHS}
    unused = [
        (pattern, phrase.pattern)
        for pattern, phrase in exceptions()
        if not any(fnmatch(name, pattern) and phrase.search(text) for name, text in texts.items())
    ]
    assert not unused, unused


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Made anew.", "anew"),
        ("the_law = 1", "law"),
        ("class FittedLaw:", "Law"),
        ("# It goes\n# on.", "goes # on"),
        ('"the files of "\n"which"', 'of " "which'),
        ("Its Behaviour", "Behaviour"),
        ("renormalised", "renormalised"),
    ],
)
def test_avoided_word_is_found(text, words):
    (hit,) = search("src/example.py", "x = 1\n" + text)[-1:]
    assert (hit.words, hit.line) == (words, 2)


@pytest.mark.parametrize("text", ["A power law.", "fit_power_law", "lawn", "wise, noise, centrist"])
def test_other_words_are_not(text):
    assert search("src/example.py", text) == []


def test_exception_holds_for_its_path_only():
    assert search("src/fmlab/scaling/laws.py", "law") == []
    assert len(search("src/fmlab/scaling/costs.py", "law")) == 1


def test_cells_of_notebooks_are_read(tmp_path):
    path = tmp_path / "page.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("one\ntwo"), new_code_cell("3")]), path)
    assert text_of(path) == "one\ntwo\n3"
