"""A class of forty, with every mishap that was seen in use, and twenty attackers, in one run.

By the command line, as an instructor does it: every honest score is right, no attacker gets a
point, and each file and each student is accounted for.
"""

import csv
import json
import os
import unicodedata
import zipfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from fmlab_grading import __main__ as command_line
from fmlab_grading import gradebook
from fmlab_grading.exercises import grade_id
from tests.grading.classroom import NAME, author, course_of, rows, solved

OPTIONS = ["--cell", "3", "--total", "25", "--memory", "1024", "--jobs", "2", "--quiet"]
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def cell_of(notebook, name):
    return next(cell for cell in notebook.cells if grade_id(cell) == name)


# Mishaps: each changes a perfect notebook, which keeps its 10 points.


def split(notebook):
    cell = cell_of(notebook, "mean")
    first = new_code_cell("def total(x):\n    return sum(x)", metadata=dict(cell.metadata))
    cell.source = "def mean(numbers):\n    return total(numbers) / len(numbers)"
    notebook.cells.insert(notebook.cells.index(cell), first)


def stub_after_the_answer(notebook):
    stub = new_code_cell(
        "def mean(numbers):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    )
    stub.metadata = dict(cell_of(notebook, "mean").metadata)
    notebook.cells.append(stub)


def without_metadata(notebook):
    for cell in notebook.cells:
        cell.metadata.clear()


def all_in_one_cell(notebook):
    without_metadata(notebook)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells = [new_code_cell("\n".join(code))]


def reversed_answers(notebook):
    notebook.cells[1:] = notebook.cells[:0:-1]


def without_tests(notebook):
    notebook.cells = [c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("locked")]


def with_easier_tests(notebook):
    cell_of(notebook, "mean-visible").source = "pass"


def with_magic(notebook):
    cell_of(notebook, "mean").source += "\nif True:\n    %time 1\ny = !echo hello\nlen?"


def prints_half_a_character(notebook):
    notebook.cells.append(new_code_cell(r"print('\ud800'); raise ValueError('\udfff')"))


def prints_html(notebook):
    notebook.cells.append(new_code_cell(f"print({SCRIPT!r})\n{SCRIPT!r}"))


def writes_html(notebook):
    cell_of(notebook, "why").source = f"Because. {SCRIPT}\n\n[x](javascript:alert(3))"


def with_large_output(notebook):
    output = nbformat.v4.new_output("stream", text="x" * (21 << 20))
    cell_of(notebook, "mean").outputs = [output]


def for_another_kernel(notebook):
    notebook.metadata["kernelspec"] = {"name": "nobody", "display_name": "?"}


def unchanged(notebook):
    pass


def as_json(notebook):
    return json.dumps(notebook).encode()


def in_format_3(notebook):
    def cell(old):
        code = {"cell_type": "code", "input": old.source, "language": "python", "outputs": []}
        other = {"cell_type": "markdown", "source": old.source}
        return (code if old.cell_type == "code" else other) | {"metadata": old.metadata}

    sheets = [{"cells": [cell(old) for old in notebook.cells], "metadata": {}}]
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": sheets})


FOLDER = "downloads/"  # around all files
PERFECT = {  # by the path in the zip file: the student, and what happened to the notebook
    "ada_hw1.ipynb": ("ada", unchanged),
    "bea_hw1.IPYNB": ("bea", unchanged),
    "cal_hw1.ipynb.json": ("cal", unchanged),
    "dan_hw1.ipynb.txt": ("dan", unchanged),
    "Pat O'Neil_123_assignsubmission_file_/hw1.ipynb": ("Pat O'Neil", unchanged),
    "Neil, Pat_124_assignsubmission_file_/hw1.ipynb": ("Neil, Pat", unchanged),
    unicodedata.normalize("NFD", "Müller_hw1.ipynb"): ("Müller", unchanged),
    "-kim_hw1.ipynb": ("-kim", unchanged),
    "eve/hw1.ipynb": ("eve", unchanged),
    "split_hw1.ipynb": ("split", split),
    "stub_hw1.ipynb": ("stub", stub_after_the_answer),
    "colab_hw1.ipynb": ("colab", without_metadata),
    "merged_hw1.ipynb": ("merged", all_in_one_cell),
    "reversed_hw1.ipynb": ("reversed", reversed_answers),
    "deleted_hw1.ipynb": ("deleted", without_tests),
    "easier_hw1.ipynb": ("easier", with_easier_tests),
    "magic_hw1.ipynb": ("magic", with_magic),
    "surrogate_hw1.ipynb": ("surrogate", prints_half_a_character),
    "htmlout_hw1.ipynb": ("htmlout", prints_html),
    "htmlwritten_hw1.ipynb": ("htmlwritten", writes_html),
    "large_hw1.ipynb": ("large", with_large_output),
    "kernel_hw1.ipynb": ("kernel", for_another_kernel),
}
ENCODED = {  # the same, as other bytes
    "bom_hw1.ipynb": ("bom", lambda text: text.encode("utf-8-sig")),
    "latin_hw1.ipynb": (
        "latin",
        lambda text: text.replace("import math", "#\xe9").encode("latin1"),
    ),
    "windows_hw1.ipynb": ("windows", lambda text: text.replace("\\n", "\\r\\n").encode()),
}
UNREADABLE = {
    "empty_hw1.ipynb": ("empty", b""),
    "cut_hw1.ipynb": ("cut", b'{"cells": [{'),
    "picture_hw1.ipynb": ("picture", b"\x89PNG\r\n"),
    "list_hw1.ipynb": ("list", b"[1, 2]"),
    "deep_hw1.ipynb": ("deep", b"[" * 200_000),
    "many_hw1.ipynb": ("many", b'{"cells": [' + b'{"source": "1"},' * 100_000 + b"{}]}"),
}
OTHERS = {  # files that can't be graded, and the reason in the table
    "<b>x<b>_hw1.ipynb": "cannot be a student",
    "fay_hw1.pdf": "not a notebook",
    "gus_hw1.py": "not a notebook",
    "all_hw1.zip": "unpack it first",
    "ada_hw1-1.ipynb": "earlier attempt",
    "__MACOSX/._ada_hw1.ipynb": "made by macOS",
    ".ipynb_checkpoints/ada_hw1-checkpoint.ipynb": "made by macOS or Jupyter",
}


# Attacks: there is no honest answer, so that any point would be for nothing.

OBJECT = (
    "class Yes(float):\n    def __eq__(self, other): return True\n    __hash__ = None\n"
    "    def sum(self, *a): return 0.0\n    __sub__ = __call__ = __getitem__ = sum\n"
)
PEER = (
    "import gc\nfrom fmlab_grading import protocol\n"
    "peer = next(x for x in gc.get_objects() if isinstance(x, protocol.Peer))\n"
)
REPLY = (
    "from fmlab_grading import protocol\n"
    "protocol.Peer.respond = lambda self, data: self.connection.send(b'A', frame)\nframe = "
)
ATTACKS = {
    "a_number_that_equals_all": OBJECT + "mean = center = take = test_double = lambda *a: Yes(0)",
    "an_object": OBJECT.replace("(float)", "") + "mean = center = take = lambda *a: Yes()",
    "an_object_as_a_name": OBJECT.replace("(float)", "") + "mean = center = take = Yes()",
    "an_array": "import numpy as np\nclass A(np.ndarray):\n"
    "    def __array_function__(self, *a): return True\n"
    "    def __array_ufunc__(self, *a, **k): return np.ones(2, bool)\n"
    "mean = center = take = lambda *a: np.zeros(2).view(A)",
    "by_name": "def test_double(double):\n    assert double.__name__ == '<lambda>'",
    "in_place": "def mean(numbers):\n    numbers.clear()\n    return 0\n"
    "def center(x):\n    x[...] = 0\n    return x",
    "list": REPLY + "b'[]'",
    "null": REPLY + "b'null'",
    "true": REPLY + "b'{\"value\": true}'",
    "deep": REPLY + "b'[' * 10**6",
    "sixty_mb": REPLY + "b'[' + b'{},' * (20 << 20) + b'{}]'",
    "more_than_allowed": PEER + "peer.connection.send(b'A', b'x' * (65 << 20))",
    "done": PEER + "peer.connection.send(b'D', b'[]')",
    "outputs": PEER + "peer.connection.send(b'D', b'{\"outputs\": [7], \"number\": {}}')",
    "huge_outputs": PEER + "peer.connection.send(b'D', b'[' + b'{},' * (20 << 20) + b'{}]')",
    "patched_numpy": "import numpy as np\nnp.allclose = lambda *a, **k: True\ncenter = lambda x: x",
    "blank_cells": "get_ipython().input_transformers_cleanup.append(lambda lines: [])",
    "exits": "import os\nos._exit(0)",
    "reads_tests": PEER + "mean = center = lambda *a: peer.request('name', '_numbers')",
    "long_comment": "# " + "check_" * 25_000,
}


def attack(course, source):
    notebook = solved(course, leave_out=("mean", "center", "take", "hunt", "why"))
    notebook.cells.insert(1, new_code_cell(source))
    names = ("mean", "center", "take", "hunt")
    cell_of(notebook, "mean").source = source
    for name in names[1:]:
        cell_of(notebook, name).source = source if len(source) < 1000 else "pass"
    return as_json(notebook)


def files(course):
    """Yield the path and the bytes of each file of the class."""
    for path, (_, change) in PERFECT.items():
        notebook = solved(course)
        change(notebook)
        yield path, as_json(notebook)
    yield "old_hw1.ipynb", in_format_3(solved(course)).encode()
    for path, (_, encode) in ENCODED.items():
        yield path, encode(json.dumps(solved(course), ensure_ascii=False))
    yield from ((path, data) for path, (_, data) in UNREADABLE.items())
    for path in OTHERS:
        yield path, as_json(solved(course, leave_out=("mean",)))
    for name, source in ATTACKS.items():
        yield f"x-{name.replace('_', '-')}_hw1.ipynb", attack(course, source)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return course_of(tmp_path_factory.mktemp("class") / "course", author())


@pytest.fixture(scope="module")
def zipped(course, tmp_path_factory):
    path = tmp_path_factory.mktemp("downloads") / "downloads.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, (name, data) in enumerate(files(course)):
            minute = 0 if name == "ada_hw1-1.ipynb" else 1  # that one is the earlier attempt
            entry = zipfile.ZipInfo(FOLDER + name, (2026, 3, 1, 12, minute, i % 60))
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return path


@pytest.fixture(scope="module")
def class_rows(course, zipped):
    arguments = ["grade", str(zipped), "--course", str(course.root), "--name", NAME, *OPTIONS]
    assert command_line.main(arguments) == 1, "some files need attention"
    return rows(course)


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


HONEST = [student for student, _ in (*PERFECT.values(), *ENCODED.values())] + ["old"]


@pytest.mark.parametrize("student", HONEST)
def test_every_honest_answer_has_its_points(class_rows, student):
    row = class_rows[student]
    assert (row["score"], row["status"]) == (10, "ok"), row


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attacker_has_a_point(class_rows, name):
    row = class_rows[f"x-{name.replace('_', '-')}"]
    assert row["score"] == 0, row
    assert "the grader failed" not in row["status"]


@pytest.mark.parametrize("student", [student for student, _ in UNREADABLE.values()])
def test_what_can_not_be_read_says_why(class_rows, student):
    row = class_rows[student]
    assert row["score"] == 0
    assert row["status"].startswith("not graded: ")
    assert "the grader failed" not in row["status"]


def test_each_student_is_in_the_report_and_nobody_else(course, class_rows):
    attackers = [f"x-{name.replace('_', '-')}" for name in ATTACKS]
    expected = {*HONEST, *attackers, *(student for student, _ in UNREADABLE.values())}
    assert set(class_rows) == expected
    assert len(attackers) == 20
    report = table(course.root / f"{NAME}-report.csv")
    assert len(report) == len(expected)
    assert all(row["status"] for row in report)


def test_each_file_is_accounted_for(course, class_rows):
    listed = {
        row["file"].removeprefix(FOLDER): row for row in table(course.root / "hw1-taken-in.csv")
    }
    assert {unicodedata.normalize("NFC", name.lstrip("'")) for name in listed} == {
        unicodedata.normalize("NFC", name) for name, _ in files(course)
    }
    for name, reason in OTHERS.items():
        assert reason in listed[name]["note"]
        assert not listed[name]["student"]


def test_written_answers_wait_for_the_instructor(class_rows):
    assert class_rows["ada"]["by_hand"] == 1
    assert class_rows["colab"]["by_hand"] == 1, "its metadata was lost"


def test_no_page_or_notebook_has_a_script(course, class_rows):
    arguments = ["report", "--course", str(course.root), "--name", NAME, "--feedback"]
    assert command_line.main(arguments) == 0
    pages = list(course.root.glob("feedback/*/*/*.html"))
    assert len(pages) == len(class_rows)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "<img src=x" not in text
        assert "<b>x<b>" not in text
    (written,) = (course.root / "autograded" / "htmlwritten").glob("*/*.ipynb")
    answer = cell_of(nbformat.read(written, as_version=4), "why").source
    assert "<script" not in answer
    assert "<img" not in answer


def test_a_hidden_test_that_fails_says_on_the_page_what_was_expected(course, class_rows):
    page = course.root / "feedback" / "x-patched-numpy" / NAME / f"{NAME}.html"
    if not page.is_file():
        command_line.main(["report", "--course", str(course.root), "--name", NAME, "--feedback"])
    assert "AssertionError: rows" in page.read_text(encoding="utf-8")


def test_a_later_due_date_changes_the_penalty_of_all(course, class_rows):
    (course.root / "nbgrader_config.py").write_text(
        "from nbgrader.plugins import LateSubmissionPlugin\n"
        "class One(LateSubmissionPlugin):\n"
        "    def late_submission_penalty(self, student_id, score, seconds):\n        return 1\n"
        "c = get_config()\nc.AssignLatePenalties.plugin_class = One\n"
    )
    scores = []
    for due in ("2026-02-01", "2026-04-01"):
        with gradebook.opened(course) as book:
            book.update_or_create_assignment(NAME, duedate=f"{due} 00:00:00 UTC")
        arguments = ["grade", "--course", str(course.root), "--name", NAME, *OPTIONS]
        assert command_line.main(arguments) == 0, "nothing is new"
        scores.append({rows(course)[student]["score"] for student in HONEST})
    assert scores == [{9}, {10}]
    os.unlink(course.root / "nbgrader_config.py")
