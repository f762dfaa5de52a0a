"""The API page documents every name that a room offers, once.

That the page builds without a warning is checked where it is built: ``make book`` runs with -W -n.
"""

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from docutils.core import publish_doctree
from docutils.parsers.rst import directives

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "book" / "_ext"))

import rooms  # noqa: E402

SINGLE_FILES = ("fmlab.plotting", "fmlab.files")
ROOMS = [
    "microworld",
    "fmlab.alignment.tabular",
    *SINGLE_FILES,
    *sorted(f"fmlab.{path.parent.name}" for path in ROOT.glob("src/fmlab/*/__init__.py")),
]
MEMBERS = re.compile(r"^\.\. automodule:: (\S+)\n   :members:(.*)$", re.M)
DATA = re.compile(r"^\.\. py:data:: (\S+)\n   :module: (\S+)$", re.M)


@pytest.fixture(scope="module")
def page():
    """The rooms on the page, in order, each with the options of its directive."""
    found = []

    class Recorder(rooms.Room):
        def run(self):
            found.append((self.arguments[0], self.options))
            return []

    directives.register_directive("room", Recorder)
    text = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```\{eval-rst\}\n(.*?)^```", text, re.M | re.S):
        if ".. room::" in block:
            publish_doctree(block, settings_overrides={"report_level": 3, "halt_level": 3})
    return found


def documented(room, options):
    """Return the full names that the page documents of a room, with repetitions."""
    text = rooms.text_of(room, **options)
    names = [f"{module}.{name}" for name, module in DATA.findall(text)]
    for module, members in MEMBERS.findall(text):
        listed = [name.strip() for name in members.split(",")]
        described = [name for name in listed if name not in rooms.undocumented(module, listed)]
        assert all(getattr(import_module(module), name).__doc__ for name in described), module
        names += [f"{module}.{name}" for name in described]
    return names


def test_every_room_is_on_the_page_once(page):
    assert sorted(room for room, _ in page) == sorted(ROOMS)


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in SINGLE_FILES])
def test_every_name_of_a_room_is_documented_once(page, room):
    names = documented(room, dict(page)[room])
    assert len(names) == len(set(names))
    package = import_module(room)
    offered = {
        name for name in package.__all__ if not isinstance(getattr(package, name), ModuleType)
    }
    assert offered - {name.rpartition(".")[2] for name in names} == set()
    lines = rooms.text_of(room, **dict(page)[room]).splitlines()
    for name in set(package.__all__) - offered:
        assert lines.count(f".. automodule:: {room}.{name}") == 1


@pytest.mark.parametrize("room", SINGLE_FILES)
def test_all_functions_of_a_single_module_have_docstrings(room):
    module = import_module(room)
    functions = {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == room and name[0] != "_"
    }
    assert functions
    assert {name for name in functions if not getattr(module, name).__doc__} == set()


def test_names_listed_on_the_page_exist():
    text = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    listed = [
        (module, name.strip())
        for module, names in MEMBERS.findall(text)
        for name in names.split(",")
    ]
    assert listed
    for module, name in listed:
        assert hasattr(import_module(module), name), f"{module} has no {name}"


def test_constants_described_on_the_page_are_offered(page):
    for room, options in page:
        for name in options.get("constants", {}):
            assert name in import_module(room).__all__, f"{room} does not offer {name}"


def test_rooms_say_what_they_are_for():
    for room in ROOMS:
        assert import_module(room).__doc__.strip()
