"""Ways to break the rules for the parts of a chapter, its quiz, its references and exercises."""

from tests.notebooks.breaks import breaks, rewrite
from tests.notebooks.samples import cell, code, exercise, question

PARTS = "parts_are_there_in_order"
rewrite(PARTS, "title", "title", "What it is about.")
rewrite(PARTS, "level 1", "counting", "# How?\n\n## Again?")
rewrite(PARTS, "in this order", "aims", "It builds on nothing. You will be able to count.")
rewrite(PARTS, "must close with", "short", "## Summary\n\nOne. Two. Three. Four. Five.")
rewrite(PARTS, "must close with", "reading", "## Further reading\n\nOne.\n\n## An afterthought")
rewrite(PARTS, "no section of its own", "counting", "No heading at all.")
FLOW = "sections_go_from_question_to_answer"
rewrite(FLOW, "question", "counting", "## Counting\n\nFirst we count.")


@breaks(FLOW, "ends in code")
def ends_in_code(notebook):
    notebook.cells.remove(cell(notebook, "answer"))


CLOSING = "closing_parts_are_complete"
rewrite(CLOSING, "must link", "exercises", "## Exercises\n\nSomewhere.")
rewrite(CLOSING, "4 points", "short", "## In short\n\nOne. Two. Three, e.g. this. Four.")
rewrite(CLOSING, "9 points", "short", "## In short\n" + "\n- Point." * 9)
rewrite(CLOSING, "cites nothing", "reading", "## Further reading\n\nSennrich.")


@breaks(CLOSING, "3 quiz questions")
def too_few_questions(notebook):
    notebook.cells.remove(cell(notebook, "quiz-3"))


@breaks(CLOSING, "outside the section")
def stray_question(notebook):
    cell(notebook, "answer").metadata["tags"] = ["quiz"]


@breaks(CLOSING, "is missing")
def no_exercises(notebook):
    notebook.name = "unwritten.ipynb"
    cell(notebook, "exercises").source = "## Exercises\n\n[Here](exercises/unwritten.ipynb)."


QUIZ = "quiz_questions_are_well_formed"


def ask(says, old, new):
    def change(notebook):
        assert old in question(0)
        cell(notebook, "quiz-0").source = question(0).replace(old, new)

    change.__name__ = f"{old[:20]!r} {new[:20]!r}"
    breaks(QUIZ, says)(change)


ask("0 right options", " right", "")
ask("3 right options", '"option"', '"option right"')
ask("no question", "**", "")
ask("in 1 words", "A word that was rare in the training text comes in several pieces.", "")
ask("class 'option wrong'", '"option"', '"option wrong"')
ask("empty line", "</summary>\n\n", "</summary>\n")
ask("nothing but", "</details>\n<details", "</details>\nAnd then?\n<details")
ask("nothing but", "<summary>", "<b>")
ask("twice", "Decoding it gives back the text a.", "It never splits a word a.")


@breaks(QUIZ, "2 options")
def two_options(notebook):
    parts = question(0).split("</details>")
    cell(notebook, "quiz-0").source = "</details>".join(parts[:2]) + "</details>"


@breaks(QUIZ, "not the tag quiz")
def untagged(notebook):
    cell(notebook, "quiz-0").metadata["tags"] = []


@breaks(QUIZ, "Markdown cell")
def quiz_in_code(notebook):
    cell(notebook, "count").metadata["tags"] = ["quiz"]


@breaks("right_options_are_not_in_one_place", "number 2")
def always_the_second(notebook):
    for number in range(4):
        cell(notebook, f"quiz-{number}").source = question(0)


rewrite("terms_are_in_the_glossary", "toaster", "answer", "A {term}`toaster` here.")
rewrite("terms_are_in_the_glossary", "toaster", "answer", "Some {term}`toasters <toaster>` here.")
rewrite("terms_are_linked_where_they_first_occur", "'logits'", "answer", "The logits are raised.")
rewrite("terms_are_linked_where_they_first_occur", "'Logits'", "answer", "Why? Logits are raised.")
rewrite("citations_are_in_the_bibliography", "nobody1999", "answer", "So {cite:p}`nobody1999`.")
rewrite("citations_are_in_the_bibliography", "nobody", "answer", "{cite}`gage1994, nobody`")

FORMAT = "exercises_have_their_parts"
NBGRADER = "nbgrader_knows_what_is_what"
MARKERS = "solutions_and_hidden_tests_are_marked"


@breaks(FORMAT, "tag setup", "exercises")
def no_setup(notebook):
    notebook.cells[1].metadata = {}


@breaks(FORMAT, "no cell two-check", "exercises")
def no_check(notebook):
    notebook.cells.remove(cell(notebook, "two-check"))


@breaks(FORMAT, "in the order", "exercises")
def check_before_answer(notebook):
    cells = notebook.cells
    place = cells.index(cell(notebook, "two-sol"))
    cells[place], cells[place + 1] = cells[place + 1], cells[place]


rewrite(FORMAT, "heading of level 2", "two-text", "Return two.", kind="exercises")


@breaks(FORMAT, "belongs to no exercise", "exercises")
def stray_code(notebook):
    notebook.cells.append(code("stray", "x = 1"))


@breaks("there_are_enough_exercises", "3 exercises", "exercises")
def too_few(notebook):
    notebook.content.cells = notebook.cells[: 2 + 3 * 4]


rewrite("there_are_enough_exercises", "bug hunt", "hunt-text", "## A test", kind="exercises")


def metadata(says, name, **settings):
    def change(notebook):
        cell(notebook, name).metadata["nbgrader"].update(settings)

    change.__name__ = f"{name} {settings}"
    breaks(NBGRADER, says, "exercises")(change)


metadata("schema_version 2", "two-sol", schema_version=2)
metadata("grade is True", "two-sol", grade=True)
metadata("locked is False", "two-check", locked=False)
metadata("solution is True", "two-hidden", solution=True)
metadata("not 'two-visible'", "two-check", grade_id="two")
metadata("is taken", "two-check", grade_id="one-visible")
metadata("points 0", "two-hidden", points=0)
metadata("points None", "words-sol", points=None)


@breaks(NBGRADER, "lacks the tag", "exercises")
def no_tag(notebook):
    cell(notebook, "two-hidden").metadata["tags"] = []


@breaks(NBGRADER, "no nbgrader metadata", "exercises")
def no_nbgrader(notebook):
    del cell(notebook, "two-check").metadata["nbgrader"]


@breaks(NBGRADER, "not the id", "exercises")
def wrong_id(notebook):
    cell(notebook, "two-check").id = "two-checks"


for says, old, new in [
    ("needs its", "    ### END SOLUTION", ""),
    ("misspelt", "### END SOLUTION", "### END  SOLUTIONS"),
    ("no ### BEGIN SOLUTION", "### ", "# "),
    ("no longer Python", "def two():\n", "if True:\n    def two():\n"),
    ("cannot have", "SOLUTION", "HIDDEN TESTS"),
]:
    rewrite(
        MARKERS, says, "two-sol", exercise("two", "")[1].source.replace(old, new), kind="exercises"
    )
rewrite(
    MARKERS,
    "without an assert",
    "two-hidden",
    "### BEGIN HIDDEN TESTS\ntwo()\n### END HIDDEN TESTS",
    kind="exercises",
)
rewrite(MARKERS, "no ### BEGIN HIDDEN TESTS", "two-hidden", "assert two() == 1", kind="exercises")
rewrite(
    MARKERS,
    "cannot have",
    "two-text",
    "## Two\n### BEGIN SOLUTION\n### END SOLUTION",
    kind="exercises",
)
