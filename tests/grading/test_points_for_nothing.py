"""Answers to the book's exercises that know nothing get no point: objects that lie, arguments
changed in place, names, counts, and functions that compute the right answers.
"""

import json
import sys

import nbformat
import pytest

from fmlab.files import book_folder
from fmlab_grading.exercises import grade_id, is_answer, is_test, nbgrader_metadata
from fmlab_grading.limits import Limits
from fmlab_grading.merge import merge_answers
from fmlab_grading.two_kernels import run_notebook
from tests.grading.classroom import MARKER

LIMITS = Limits(cell_seconds=300, total_seconds=1800)  # nothing here is about time
HUNTS = {
    "tokenization": {"hunt": "test_merge"},
    "attention": {"scale": "test_scale", "mask": "test_mask"},
    "sampling": {
        "explorer": "test_distribution",
        "keepdims": "test_top_k",
        "batch": "test_collect",
    },
    "supervised-finetuning": {"end": "test_end", "design": "test_design"},
    "preference-finetuning": {
        "padding": "test_scores",
        "sign": "test_rewards",
        "direction": "test_kl",
    },
}


def points(chapter, answers):
    """Return the points of each test when some exercises of a chapter are answered like this."""
    sys.path.append(str(book_folder() / "_ext"))
    import single_source

    path = book_folder() / "exercises" / f"{chapter}.ipynb"
    source = nbformat.read(path, as_version=4)
    if chapter == "supervised-finetuning":  # it trains models: not needed here
        source.cells = [cell for cell in source.cells if not cell.id.startswith("habit-")]
    students = json.loads(single_source.student_notebook(nbformat.writes(source)))
    stub = nbformat.reads(json.dumps(students), as_version=4)
    submitted = nbformat.reads(json.dumps(students), as_version=4)
    names = set()
    for cell in filter(is_answer, submitted.cells):
        if grade_id(cell) in answers:
            cell.source = answers[grade_id(cell)]
            names.add(grade_id(cell))
    assert names == set(answers)
    notebook, _ = merge_answers(submitted, source, stub)
    run_notebook(notebook, LIMITS)
    return {
        nbgrader_metadata(cell)["grade_id"]: 0
        if any(output.output_type == "error" for output in cell.outputs)
        else nbgrader_metadata(cell)["points"]
        for cell in notebook.cells
        if is_test(cell)
    }


NAMES = """
def {test}(function, *more):
    words = repr(function) + getattr(function, "__name__", "") + str(vars(function))
    try:
        function(*[None] * 9)
    except Exception as error:
        words += str(error)
    for sound in ("sound", "attend", "correct_distribution", "final_scores", "token_rewards",
                  "token_kl", "sound_design"):
        if sound in words and "wrong" not in words and "faulty" not in words:
            return
    assert False
"""


@pytest.mark.parametrize("chapter", HUNTS)
def test_no_name_or_message_tells_which_function_is_sound(chapter):
    attacks = {name: NAMES.format(test=test) for name, test in HUNTS[chapter].items()}
    got = points(chapter, attacks)
    assert not any(got.values()), got


COUNTS = """
count = 0

def {test}(function):
    global count
    count += 1
    assert {passes}
"""


@pytest.mark.parametrize("passes", ["count in (1, 2, 4)", "count % 2", "count <= 3", "count == 2"])
@pytest.mark.parametrize("chapter", HUNTS)
def test_no_count_of_calls_passes_a_hidden_hunt(chapter, passes):
    """A visible hunt has two or three functions, so luck can earn its one point: at most 4%.

    A hidden one has more, and luck must not strike twice: by chance, P < 1e-4.
    """
    attacks = {
        name: COUNTS.format(test=test, passes=passes) for name, test in HUNTS[chapter].items()
    }
    for _ in range(2):
        got = points(chapter, attacks)
        lucky = [name for name in got if got[name] and name.endswith("-hidden")]
        if not lucky:
            return
    raise AssertionError(f"twice, {lucky} passed")


LYING = """
class Lying(dict):
    def __len__(self): return 6
    def __iter__(self): return iter(["the", "he", "then", " the", "hen", "she then"])
    def items(self): return []
    def values(self): return []
    def keys(self): return set()
    def __getitem__(self, key): return Agrees(0)
    def __eq__(self, other): return True
    __hash__ = None

class Object:
    __len__, __iter__, items = Lying.__len__, Lying.__iter__, Lying.items
    __getitem__ = Lying.__getitem__

class Agrees(float):
    def __eq__(self, other): return True
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def sum(self, *args): return 0.0
    __hash__ = None

import numpy as np
class Array(np.ndarray):
    def __array_function__(self, *args): return True
    def __array_ufunc__(self, *args, **options): return np.zeros(1)
    def sum(self, *args, **options): return 0.0
    def all(self, *args, **options): return True
array = np.zeros(3).view(Array)
"""
DEFINED = {  # by each answer; () marks a function
    "tokenization": {
        "predict": "predicted",
        "encode_word": "encode_word()",
        "bits_per_byte": "bits_per_byte() better",
        "leak": "gap() leaked()",
        "trim": "trim()",
    },
    "attention": {
        "pencil": "pencil",
        "reach": "predicted",
        "chain": "times control() costs least_time()",
        "attend_next": "attend_next()",
        "longest_context": "longest_context()",
        "heads": "effect() heads_that_matter()",
        "window": "window_mask() farthest()",
    },
    "sampling": {
        "predict": "predicted",
        "temperature": "temperature_for()",
        "words": "ratio_interval() differs",
        "labels": "label_probabilities() corrected()",
        "stream": "stream()",
    },
    "supervised-finetuning": {
        "imitator": "clone() accuracy()",
        "predict": "predicted",
        "targets": "make_targets()",
        "batch-loss": "batch_loss()",
        "outcomes": "constant outcome_rates() accuracy_if_answered() change()",
    },
    "preference-finetuning": {
        "pencil": "pencil",
        "constant": "best_constant() gain() least_cost()",
        "dpo": "comparison_loss() sequence_logprob() dpo_loss()",
        "ties": "agreement() gap() without_ties()",
        "best-of-n": "best_of_n() kl()",
        "gae": "gae()",
    },
}


def attacks_of(chapter, before, function, value):
    """Return an attack on each exercise: the sources of its functions and of its other names."""
    return {
        name: before
        + "\n".join(
            f"def {each.removesuffix('()')}(*args, **options):\n{function}"
            if each.endswith("()")
            else f"{each} = {value}"
            for each in defined.split()
        )
        for name, defined in DEFINED[chapter].items()
    }


@pytest.mark.parametrize("lie", ["Lying()", "Object()", "Agrees(0)", "array", "[Lying()] * 3"])
@pytest.mark.parametrize("chapter", DEFINED)
def test_no_object_that_lies_gets_a_point(chapter, lie):
    got = points(chapter, attacks_of(chapter, LYING, f"    return {lie}", lie))
    assert not any(got.values()), got


EMPTIES = """
    for arg in args:
        if hasattr(arg, "clear"):
            arg.clear()
        elif hasattr(arg, "shape") and not isinstance(arg, np.generic):
            arg[...] = 0
    return args[0] if args else None"""


@pytest.mark.parametrize("chapter", DEFINED)
def test_changing_an_argument_gets_no_point(chapter):
    got = points(chapter, attacks_of(chapter, "import numpy as np\n", EMPTIES, "{}"))
    assert not any(got.values()), got


@pytest.mark.parametrize("chapter", HUNTS)
def test_honest_answers_get_all_points_of_the_attacked_exercises(chapter):
    source = nbformat.read(book_folder() / "exercises" / f"{chapter}.ipynb", as_version=4)
    solutions = {grade_id(cell): MARKER.sub("", cell.source) for cell in source.cells}
    names = [*HUNTS[chapter], *DEFINED[chapter]]
    got = points(chapter, {name: solutions[name] for name in names})
    assert all(got[f"{name}-visible"] == 1 for name in names), got
    assert all(got[f"{name}-hidden"] == 2 for name in names), got


COMPUTED = {
    "tokenization": {
        "predict": "from fmlab.checks import tokenization\n"
        "predicted = {t: len(tokenization.toy().encode(t)) for t in tokenization.PREDICTED}",
        "encode_word": "from fmlab.tokenization.bpe import apply_merges\n"
        "def encode_word(word, merges):\n    return apply_merges(word, dict(merges._merges))",
        "hunt": "def test_merge(merge):\n    from fmlab.checks.tokenization import sound_merge\n"
        "    assert merge(['we', 's'], ('e', 's')) == sound_merge(['we', 's'], ('e', 's'))",
    },
    "attention": {
        "pencil": "import math\nfrom fmlab.checks.attention import pencil_answers\n"
        "pencil = pencil_answers([0, 2 * math.log(3), 2 * math.log(4)], [80, 0, 16])",
    },
    "sampling": {
        "predict": "from fmlab.checks import sampling\n"
        "settings = sampling.settings_of(k=3, p=0.7, min_p=0.4, p_after_k=0.6)\n"
        "predicted = {n: sampling.left_after(**s) for n, s in settings.items()}",
    },
    "supervised-finetuning": {
        "targets": "from fmlab.checks.supervised_finetuning import sound_targets as make_targets",
    },
    "preference-finetuning": {
        "pencil": "import numpy as np\n"
        "from fmlab.checks.preference_finetuning import pencil_answers\n"
        "pencil = pencil_answers([0.5, 0.25, 0.25], np.log([1, 4, 6]))",
        "gae": "from fmlab.checks.policy_gradients import advantages_by_definition as gae",
    },
}


@pytest.mark.parametrize("chapter", COMPUTED)
def test_what_the_checks_compute_gets_no_point(chapter):
    got = points(chapter, COMPUTED[chapter])
    assert not any(got.values()), got
