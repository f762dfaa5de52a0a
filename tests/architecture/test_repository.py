"""What no file of the repository may contain."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEARCH_PATH = b"PYTHON" + b"PATH"  # in two parts, so that this file does not contain it


def files():
    """The files of the repository: those in git, and those that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    paths = (ROOT / name.decode() for name in listed.split(b"\0") if name)
    return sorted(path for path in paths if path.is_file())


def test_nothing_sets_the_search_path_of_python():
    """The package is installed (``pip install -e .``), in every place where it is imported.

    A line that asserts its absence may name it.
    """
    lines = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if SEARCH_PATH in line and b'"' + SEARCH_PATH + b'" not in' not in line
    ]
    assert not lines, "\n".join(lines)


def patches_by_name(source):
    """Yield the lines on which a patch names its target in a string instead of passing the object.

    Such a string is not found when a module is renamed or moved.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            text = ast.unparse(node.func)
            if text.endswith(("monkeypatch.setattr", "monkeypatch.delattr", "mock.patch")):
                target = node.args[0]
                if isinstance(target, (ast.Constant, ast.JoinedStr, ast.BinOp)):
                    yield node.lineno


def test_patches_name_objects():
    patches = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files()
        if path.suffix == ".py"
        for line in patches_by_name(path.read_text(encoding="utf-8"))
    ]
    assert not patches, "\n".join(patches)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("monkeypatch.setattr('fmlab.models.load', f)", [1]),
        ("x = 1\nself.monkeypatch.setattr(f'{package}.load', f)", [2]),
        ("monkeypatch.delattr(NAME + '.load')", [1]),
        ("mock.patch('fmlab.models.load')", [1]),
        ("monkeypatch.setattr(models, 'load', f)", []),
        ("monkeypatch.setenv('HOME', 'a')", []),
    ],
)
def test_patch_by_name_is_found(source, lines):
    assert list(patches_by_name(source)) == lines


READERS = {
    *("get_attribute", "inner_text", "input_value", "text_content"),
    *("is_checked", "is_disabled", "is_enabled", "is_hidden", "is_visible"),
}


def reads_at_once(source):
    """Yield the lines on which an assertion reads a page at once instead of waiting for it.

    A page answers an action in a later frame, so such an assertion fails now and then on a slow
    machine. `expect(locator)` waits.
    """
    for statement in ast.walk(ast.parse(source)):
        if not isinstance(statement, ast.Assert):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                counts = node.func.attr == "count" and not node.args
                if counts or node.func.attr in READERS:
                    yield node.lineno


def test_assertions_about_a_page_wait_for_it():
    lines = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "tests" / "site").glob("*.py"))
        for line in reads_at_once(path.read_text(encoding="utf-8"))
    ]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("assert button.get_attribute('aria-pressed') == 'true'", [1]),
        ("page.click()\nassert not page.locator('p').is_visible()", [2]),
        ("assert page.locator('li').count() == 3", [1]),
        ("assert text.count('a') == 1", []),
        ("expect(button).to_have_attribute('aria-pressed', 'true')", []),
    ],
)
def test_assertion_that_reads_at_once_is_found(source, lines):
    assert list(reads_at_once(source)) == lines
