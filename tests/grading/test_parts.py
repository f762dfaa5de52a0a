"""The smaller parts: taking in, working side by side, assembling, variants."""

import os
import time
import zipfile

import nbformat
import pytest

from fmlab.grading import assembling, variants
from fmlab.grading.exercises import cells_of, grade_id, names
from fmlab.grading.graft import defined
from fmlab.grading.submissions import STUDENT_ID, take_in
from fmlab.grading.workers import run_each
from tests.grading.classroom import author

# Taking in


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_notebooks_of_a_download_go_to_their_students(kind, tmp_path):
    source, submitted = tmp_path / "download", tmp_path / "submitted"
    source.mkdir()
    for name in ("ada_1_hw.ipynb", "bob.ipynb", "readme.txt"):
        (source / name).write_text(name)
    if kind == "zip":
        archive = tmp_path / "download.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for path in source.iterdir():
                file.write(path, path.name)
        source = archive
    assert take_in(source, submitted, "hw", "hw.ipynb", STUDENT_ID) == ["ada", "bob"]
    assert (submitted / "ada" / "hw" / "hw.ipynb").read_text() == "ada_1_hw.ipynb"
    assert (submitted / "bob" / "hw" / "timestamp.txt").read_text().endswith(" UTC")


@pytest.mark.parametrize(
    "name", ["../evil.ipynb", "..\\evil.ipynb", "/etc/evil.ipynb", "a\nb.ipynb"]
)
def test_no_path_of_a_zip_leads_out_of_the_course(name, tmp_path):
    archive = tmp_path / "download.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, "x")
    with pytest.raises(ValueError, match="submissions must be"):
        take_in(archive, tmp_path / "deep" / "submitted", "hw", "hw.ipynb", r"^(.*)$")
    assert not list(tmp_path.rglob("*.ipynb"))


def test_two_files_of_one_student_are_a_mistake(tmp_path):
    for name in ("ada_1.ipynb", "ada_2.ipynb"):
        (tmp_path / name).write_text("x")
    with pytest.raises(ValueError, match="one of ada"):
        take_in(tmp_path, tmp_path / "submitted", "hw", "hw.ipynb", STUDENT_ID)


def test_links_in_a_download_are_left_alone(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ada.ipynb").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="a folder or zip with notebooks"):
        take_in(tmp_path / "in", tmp_path / "submitted", "hw", "hw.ipynb", STUDENT_ID)


# Working side by side


def work(piece):
    if piece["do"] == "die":
        os._exit(1)
    if piece["do"] == "hang":
        time.sleep(60)
    if piece["do"] == "fail":
        raise ValueError
    return {"done": piece["do"], "process": os.getpid()}


def test_a_lost_or_late_piece_costs_only_itself():
    pieces = [{"do": do} for do in ("a", "die", "b", "hang", "fail", "c")]
    started = time.monotonic()
    found = {piece["do"]: result for piece, result in run_each(work, pieces, 2, 8.0)}
    assert time.monotonic() - started < 40  # of the 60 s of sleep
    assert set(found) == {"a", "b", "c", "die", "hang", "fail"}
    assert [found[do]["done"] for do in "abc"] == ["a", "b", "c"]
    assert len({found[do]["process"] for do in "abc"}) == 3
    assert found["die"] == found["fail"] == "the process that graded it was lost"
    assert found["hang"] == "there was no result after 8 s"


def test_nothing_is_left_running_when_the_rest_is_not_wanted():
    running = run_each(work, [{"do": "a"}, {"do": "hang"}], 2, 60.0)
    started = time.monotonic()
    assert next(running)[0] == {"do": "a"}
    running.close()
    assert time.monotonic() - started < 20  # 60 s of sleep were cut off


# Assembling


def test_exercises_of_several_chapters_keep_apart():
    notebook = assembling.assemble(["tokenization:predict,trim", "sampling:predict"], "Week 2")
    nbformat.validate(notebook)
    assert names(notebook) == ["tokenization-predict", "tokenization-trim", "sampling-predict"]
    ids = [grade_id(cell) for cell in notebook.cells if grade_id(cell)]
    assert len(set(ids)) == len(ids) == 9
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert assembling.points(notebook) == 9


def test_any_exercise_can_be_done_again_after_those_of_other_chapters():
    parts = ["tokenization:predict,trim", "attention:reach", "sampling:predict,labels"]
    notebook = assembling.assemble(parts, "Week 2")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    sources = [cell.source for cell in code if "%pip" not in cell.source]
    assert len(sources) == len(code) - 1, "one cell fetches the package"
    scope = {}
    exec("\n\n".join(sources), scope)
    for name in names(notebook):
        again = [cell.source for cell in cells_of(notebook, name) if cell.cell_type == "code"]
        exec("\n\n".join(again), scope)


def test_a_whole_chapter_has_all_its_exercises_under_their_own_names():
    notebook = assembling.assemble(["sampling"], "Week 2")
    assert {"predict", "labels", "own-words"} <= set(names(notebook))
    assert len(cells_of(notebook, "explorer")) == 6


def test_private_tests_take_the_place_of_the_public_ones(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        "# my tests\n# %% trim-hidden points=5\nassert trim(1, 2)\n\n# %% predict-hidden\nx\n"
    )
    hidden = assembling.read_hidden(path)
    assert hidden == {"trim-hidden": ("assert trim(1, 2)", 5), "predict-hidden": ("x", None)}
    notebook = assembling.assemble(["tokenization:predict,trim"], "Week 2", hidden)
    cells = {grade_id(cell): cell for cell in notebook.cells}
    assert "assert trim(1, 2)" in cells["trim-hidden"].source
    assert "### END HIDDEN TESTS" in cells["trim-hidden"].source
    assert cells["trim-hidden"].metadata.nbgrader["points"] == 5
    assert cells["predict-hidden"].metadata.nbgrader["points"] == 2


def test_private_tests_for_nothing_are_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="hidden must be tests for predict-hidden"):
        assembling.assemble(["tokenization:predict"], "Week 2", {"trim-hidden": ("x", None)})
    path = tmp_path / "own.py"
    for text in ("x = 1", "# %% two words\nx"):
        path.write_text(text)
        with pytest.raises(ValueError, match="hidden must be"):
            assembling.read_hidden(path)


# Variants


def notebook_with(numbers, source):
    notebook = author()
    cells_of(notebook, "mean")[0].metadata[variants.KEY] = numbers
    cells_of(notebook, "mean")[1].source = source
    return notebook


@pytest.mark.parametrize(
    ("source", "want"),
    [
        ("250000, 250_000 and 250,000", "70000, 70_000 and 70,000"),
        ("2.9, 2.95, 12.9, 2.9e3, x2.9, 2.9.", "3.5, 2.95, 12.9, 2.9e3, x2.9, 3.5."),
        (
            "1250_000, 1,250,000, 250_000_000, 250,000,000, f250000",
            "1250_000, 1,250,000, 250_000_000, 250,000,000, f250000",
        ),
        ("70_000 2.9, 1e-3 1e+3 1-3", "70_000 3.5, 1e-3 1e+3 1-7"),
    ],
)
def test_numbers_are_replaced_as_they_are_spelt(source, want):
    notebook = notebook_with(
        {"250_000": [70000], "2.9": [3.5], "3": [7]}, f"250_000 2.9 3 {source}"
    )
    varied = variants.vary(notebook, "ada", "seed")
    assert cells_of(varied, "mean")[1].source == f"70_000 3.5 7 {want}"


def test_texts_are_replaced_where_they_stand_as_they_are():
    notebook = notebook_with({"11, 12": ["7"], "12": [5]}, "[11, 12], 12, 111, 12 and 11, 123")
    varied = variants.vary(notebook, "ada", "seed")
    assert cells_of(varied, "mean")[1].source == "[7], 5, 111, 5 and 11, 123"


def test_a_variant_depends_on_student_seed_and_number_only():
    notebook = notebook_with({"1": list(range(100, 200)), "2": list(range(100, 200))}, "1 2")

    def numbers(student, seed):
        return cells_of(variants.vary(notebook, student, seed), "mean")[1].source

    assert numbers("ada", "a") == numbers("ada", "a")
    found = {numbers(student, seed) for student in ("ada", "bob") for seed in "ab"}
    assert len(found) == 4  # fails falsely never: nothing here is drawn anew
    assert all(len(set(pair.split())) == 2 for pair in found)


def test_only_the_exercise_that_says_so_is_varied():
    notebook = notebook_with({"3": [7]}, "3")
    varied = variants.vary(notebook, "ada", "seed")
    for name in ("center", "take", "hunt"):
        assert [c.source for c in cells_of(varied, name)] == [
            c.source for c in cells_of(notebook, name)
        ]
    assert variants.KEY not in cells_of(varied, "mean")[0].metadata


@pytest.mark.parametrize(
    "numbers", [{"9999": [1]}, {"3": []}, {"3": ["x"]}, {"x 3": ["y"]}, {"3 3": [3]}]
)
def test_what_is_declared_must_be_there_and_be_of_its_kind(numbers):
    with pytest.raises(ValueError, match="variants must be"):
        variants.vary(notebook_with(numbers, "3 3"), "ada", "seed")


def test_names_that_a_cell_binds():
    source = "import x\ndef f():\n    y = 1\nclass C: pass\na, (b, *c) = 1, 2\nd: int = 3\n"
    source += "_e = 4\nlist = 5"
    assert defined(source) == {"f", "C", "a", "b", "c", "d"}
    assert defined("def f(:\n  pass") == {"f"}
    assert defined("%matplotlib inline\nx = 1") == {"x"}
