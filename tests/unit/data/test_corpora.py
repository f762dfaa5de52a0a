"""Properties of fmlab.data.corpora: text comes back unchanged; downloads are in test_files."""

import hashlib
import warnings

import pytest

from fmlab.data import corpora
from fmlab.data.corpora import DOCUMENTED, python_docs, read

TEXT = "Grüße, 東京!\r\n" * 9000
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


# Installed documentation


def test_python_docs_are_the_same_on_every_machine():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # other versions than the pinned ones fail here, by name
        data = python_docs().encode()
    assert 4e6 < len(data) < 6e6
    assert (
        hashlib.sha256(data).hexdigest()
        == "27687a6ab462e0491c9c4b63b8251ccc6c622f17d486227a53ce7c9786c66f8e"
    )


def test_another_version_gives_a_warning_that_names_both(monkeypatch):
    monkeypatch.setattr(corpora, "version", lambda _: "0.1+cpu")
    monkeypatch.setattr(corpora, "_documented_files", lambda: iter(()))
    with pytest.warns(UserWarning, match=r"0\.1 is installed") as caught:
        python_docs.__wrapped__()
    messages = [str(warning.message) for warning in caught]
    for message, (name, (pin, _)) in zip(messages, DOCUMENTED.items(), strict=True):
        assert message.startswith(f"{name} 0.1 is installed; ")
        assert f"made with {pin}" in message
    assert {warning.filename for warning in caught} == {__file__}


# Files and folders


def test_a_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "notes"
    path.write_bytes(TEXT.encode())
    assert read(path) == read(str(path)) == read(path, sha256=SHA256.upper()) == TEXT


def test_a_folder_is_its_text_files_sorted_with_a_blank_line_between(tmp_path):
    (tmp_path / "b").mkdir()
    for name, text in {
        "c.md": "third\n",
        "a.txt": "first",
        "b/x.rst": "second",
        "b/x.py": "not text",
        "txt": "no suffix",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "a-folder.md").mkdir()
    assert read(tmp_path) == "first\n\nsecond\n\nthird\n"
    assert read(tmp_path, sha256=hashlib.sha256(read(tmp_path).encode()).hexdigest())


def test_a_missing_file_raises_and_says_what_is_allowed(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"path_or_url must be a file, .*; got '.*gone', which"
    ):
        read(tmp_path / "gone")


def test_a_folder_without_text_raises_and_says_what_it_looked_for(tmp_path):
    (tmp_path / "data.csv").write_text("1,2")
    with pytest.raises(
        FileNotFoundError, match=r"files that end in \.md, \.rst, \.txt; got '.*', a"
    ):
        read(tmp_path)


def test_a_file_with_another_sha256_raises_and_gives_the_true_one(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(TEXT.encode())
    with pytest.raises(ValueError, match=rf"notes.txt has the sha256 {SHA256}, not 0{{64}}"):
        read(path, sha256="0" * 64)


@pytest.mark.parametrize("named", ["odd.txt", "."])
def test_what_is_not_utf_8_raises_and_the_file_is_named(tmp_path, named):
    (tmp_path / "fine.txt").write_text("fine")
    (tmp_path / "odd.txt").write_bytes("Gr\xfc\xdfe".encode("latin-1"))
    with pytest.raises(ValueError, match=r"must be UTF-8 text; got '.*odd\.txt', whose byte 2"):
        read(tmp_path / named)


def test_pages_are_the_whole_text_and_every_nth_is_held_out():
    text = "\n\n".join(f"paragraph {i} " + "x" * (i % 7) for i in range(100))
    training, held_out = corpora.split_pages(text, length=40, every=4)
    n_pages = len(training) + len(held_out)
    assert n_pages // 4 <= len(held_out) <= n_pages // 4 + 1
    assert all(len(page) >= 38 for page in training)
    paragraphs = [p for page in training + held_out for p in page.split("\n\n")]
    assert sorted(paragraphs) == sorted(text.split("\n\n"))


@pytest.mark.parametrize(("length", "every"), [(0, 2), (10, 1)])
def test_pages_need_a_length_and_something_to_train_on(length, every):
    with pytest.raises(ValueError, match=r"(length|every) must be"):
        corpora.split_pages("text", length, every)


def test_docstrings_are_found_however_deep_they_are_nested(tmp_path):
    source = '''
"""module"""
if True:
    try:
        pass
    except ValueError:
        with open("x") as f:
            class A:
                """class"""
                for i in range(3):
                    async def f():
                        """method"""
match 1:
    case 1:
        def g():
            """in a case"""
            return lambda: """no docstring"""
'''
    (tmp_path / "nested.py").write_text(source)
    found = list(corpora._docs_in(tmp_path / "nested.py"))
    assert found == ["module", "class", "method", "in a case"]


def test_texts_given_to_compiled_functions_are_found_inside_expressions(tmp_path):
    source = 'x = [add_docstr(f, """first\\nline""" + "more")]\ndef g():\n    """second"""\n'
    (tmp_path / "calls.py").write_text(source)
    assert list(corpora._docs_in(tmp_path / "calls.py")) == ["first\nline", "second"]
