"""The smaller modules: workers, assignments, variants."""

import copy
import os
import time

import nbformat
import pytest

from fmlab_grading import assignments, variants
from fmlab_grading.exercises import cells_of, exercise_names, grade_id, notebook_of
from fmlab_grading.merge import defined_names
from fmlab_grading.workers import run_each
from tests.grading.classroom import author

# Workers


def work(task):
    if task["do"] == "die":
        os._exit(1)
    if task["do"] == "hang":
        time.sleep(60)
    if task["do"] == "fail":
        raise ValueError
    return {"done": task["do"], "process": os.getpid()}


def test_a_task_that_crashes_or_is_late_costs_only_itself():
    tasks = [{"do": do} for do in ("a", "die", "b", "hang", "fail", "c")]
    started = time.monotonic()
    results = {task["do"]: result for task, result in run_each(work, tasks, 2, 8.0)}
    assert time.monotonic() - started < 40  # of the 60 s of sleep
    assert set(results) == {"a", "b", "c", "die", "hang", "fail"}
    assert [results[do]["done"] for do in "abc"] == ["a", "b", "c"]
    assert len({results[do]["process"] for do in "abc"}) == 3
    assert results["die"] == results["fail"] == "the process that graded it ended unexpectedly"
    assert results["hang"] == "there was no result after 8 s"


def test_closing_the_iterator_stops_all_tasks():
    running = run_each(work, [{"do": "a"}, {"do": "hang"}], 2, 60.0)
    started = time.monotonic()
    assert next(running)[0] == {"do": "a"}
    running.close()
    assert time.monotonic() - started < 20  # of the 60 s of sleep


# Assignments


def test_exercises_of_several_chapters_get_distinct_names():
    notebook = assignments.assemble(["tokenization:predict,trim", "sampling:predict"], "Week 2")
    nbformat.validate(notebook)
    names = ["tokenization-predict", "tokenization-trim", "sampling-predict"]
    assert exercise_names(notebook) == names
    ids = [grade_id(cell) for cell in notebook.cells if grade_id(cell)]
    assert len(set(ids)) == len(ids) == 9
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert assignments.total_points(notebook) == 9


def test_any_exercise_can_be_run_again_after_those_of_other_chapters():
    parts = ["tokenization:predict,trim", "attention:reach", "sampling:predict,labels"]
    notebook = assignments.assemble(parts, "Week 2")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    sources = [cell.source for cell in code if "%pip" not in cell.source]
    assert len(sources) == len(code) - 1, "one cell installs the package"
    scope = {}
    exec("\n\n".join(sources), scope)
    for name in exercise_names(notebook):
        again = [cell.source for cell in cells_of(notebook, name) if cell.cell_type == "code"]
        exec("\n\n".join(again), scope)


def test_without_the_book_the_message_names_the_variable_that_locates_it(monkeypatch, tmp_path):
    monkeypatch.setenv("FMLAB_BOOK", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match=r"is not the book.* Set FMLAB_BOOK to the folder"):
        notebook_of("tokenization")
    own = tmp_path / "quiz.ipynb"
    nbformat.write(author(), own)
    assert notebook_of(str(own)) == own, "a notebook given by its path needs no book"


def test_a_whole_chapter_has_all_its_exercises_under_their_own_names():
    notebook = assignments.assemble(["sampling"], "Week 2")
    assert {"predict", "labels", "own-words"} <= set(exercise_names(notebook))
    assert len(cells_of(notebook, "explorer")) == 6


def test_private_tests_replace_the_public_ones(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        "# my tests\n# %% trim-hidden points=5\nassert trim(1, 2)\n\n# %% predict-hidden\nx\n"
    )
    hidden = assignments.read_hidden(path)
    assert hidden == {"trim-hidden": ("assert trim(1, 2)", 5), "predict-hidden": ("x", None)}
    notebook = assignments.assemble(["tokenization:predict,trim"], "Week 2", hidden)
    cells = {grade_id(cell): cell for cell in notebook.cells}
    assert "assert trim(1, 2)" in cells["trim-hidden"].source
    assert "### END HIDDEN TESTS" in cells["trim-hidden"].source
    assert cells["trim-hidden"].metadata.nbgrader["points"] == 5
    assert cells["predict-hidden"].metadata.nbgrader["points"] == 2


def test_private_tests_without_an_exercise_are_rejected(tmp_path):
    with pytest.raises(ValueError, match="hidden must be tests for predict-hidden"):
        assignments.assemble(["tokenization:predict"], "Week 2", {"trim-hidden": ("x", None)})
    path = tmp_path / "own.py"
    for text in ("x = 1", "# %% two words\nx"):
        path.write_text(text)
        with pytest.raises(ValueError, match="hidden must be"):
            assignments.read_hidden(path)


# Variants


def notebook_with(numbers, source):
    notebook = author()
    cells_of(notebook, "mean")[0].metadata[variants.KEY] = numbers
    cells_of(notebook, "mean")[1].source = source
    return notebook


def varied_for(notebook, student, seed="seed"):
    choices = variants.take_out_choices(notebook := copy.deepcopy(notebook))
    return variants.vary(notebook, student, variants.Secret(seed, choices))


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
def test_numbers_are_replaced_in_every_spelling(source, want):
    notebook = notebook_with(
        {"250_000": [70000], "2.9": [3.5], "3": [7]}, f"250_000 2.9 3 {source}"
    )
    varied = varied_for(notebook, "ada")
    assert cells_of(varied, "mean")[1].source == f"70_000 3.5 7 {want}"


def test_texts_are_replaced_where_they_occur_literally():
    notebook = notebook_with({"11, 12": ["7"], "12": [5]}, "[11, 12], 12, 111, 12 and 11, 123")
    varied = varied_for(notebook, "ada")
    assert cells_of(varied, "mean")[1].source == "[7], 5, 111, 5 and 11, 123"


def test_a_variant_depends_on_student_seed_and_number_only():
    notebook = notebook_with({"1": list(range(100, 200)), "2": list(range(100, 200))}, "1 2")

    def numbers(student, seed):
        return cells_of(varied_for(notebook, student, seed), "mean")[1].source

    assert numbers("ada", "a") == numbers("ada", "a")
    pairs = {numbers(student, seed) for student in ("ada", "bob") for seed in "ab"}
    assert len(pairs) == 4  # deterministic: choices follow from hashes
    assert all(len(set(pair.split())) == 2 for pair in pairs)


def test_only_exercises_with_declared_variants_are_varied():
    notebook = notebook_with({"3": [7]}, "3")
    varied = varied_for(notebook, "ada")
    for name in ("center", "take", "hunt"):
        assert [c.source for c in cells_of(varied, name)] == [
            c.source for c in cells_of(notebook, name)
        ]
    assert variants.KEY not in cells_of(varied, "mean")[0].metadata


@pytest.mark.parametrize(
    "numbers", [{"9999": [1]}, {"3": []}, {"3": ["x"]}, {"x 3": ["y"]}, {"3 3": [3]}]
)
def test_declared_variants_must_occur_and_have_the_right_type(numbers):
    with pytest.raises(ValueError, match="variants must be"):
        varied_for(notebook_with(numbers, "3 3"), "ada")


def test_names_that_a_cell_binds():
    source = "import x\ndef f():\n    y = 1\nclass C: pass\na, (b, *c) = 1, 2\nd: int = 3\n"
    source += "_e = 4\nlist = 5"
    assert defined_names(source) == {"f", "C", "a", "b", "c", "d"}
    assert defined_names("def f(:\n  pass") == {"f"}
    assert defined_names("%matplotlib inline\nx = 1") == {"x"}
