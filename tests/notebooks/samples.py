"""Tiny notebooks that follow every rule; the tests of the rules break them."""

import copy

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.notebooks.rules.notebook import Notebook
from tools.execute import KERNELSPEC, LANGUAGE, VIEW

QUESTION = """**Which of these {number} is always true of an encoding?**

<details class="option{first}"><summary>It never splits a word {number}.</summary>

No. A word that was rare in the training text comes in several pieces.

</details>
<details class="option{second}"><summary>Decoding it gives back the text {number}.</summary>

Yes. Every byte is in the vocabulary, so nothing can ever be lost.

</details>
<details class="option"><summary>It is shorter than the text in letters {number}.</summary>

No. A text in another script may take more tokens than it has letters.

</details>"""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"


def figure():
    return new_output("display_data", data={"image/png": PNG, "text/plain": "<Figure size 1x1>"})


def printed(text):
    return new_output("stream", name="stdout", text=text)


def view(model):
    return new_output("display_data", data={VIEW: {"model_id": model}, "text/plain": "<W object>"})


def markdown(name, source, *tags):
    return new_markdown_cell(source, id=name, metadata={"tags": list(tags)} if tags else {})


def code(name, source, *outputs, tags=(), **metadata):
    if tags:
        metadata["tags"] = list(tags)
    return new_code_cell(source, id=name, outputs=list(outputs), metadata=metadata)


def notebook(cells, kind="chapter", name="tokenization.ipynb"):
    """A notebook as `make execute` stores it."""
    content = new_notebook(cells=cells)
    content.metadata |= {"kernelspec": dict(KERNELSPEC), "language_info": copy.deepcopy(LANGUAGE)}
    counts = iter(range(1, 1000))
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.execution_count = next(counts)
    return Notebook(content, name, kind)


def good_chapter():
    words = "A sentence that says with plain words what the next few lines of code are for."
    cells = [
        markdown("title", "# A chapter\n\nWhat it is about."),
        markdown("aims", "You will be able to count. Ten minutes. It builds on nothing."),
        markdown("counting", "## How are pairs counted?\n\n" + words),
        code(
            "count",
            "import numpy as np\nrng = np.random.default_rng(0)\nprint(rng.integers(9))",
            printed("7\n"),
        ),
        markdown("plot-it", "Next comes a picture, from 300 draws."),
        code(
            "plot",
            "plt.plot(range(300))\nplt.show()",
            figure(),
            mystnb={
                "image": {"alt": "A line that rises steadily from zero to three hundred."},
                "figure": {
                    "caption": "A line that rises. Each step adds as much as the one before."
                },
            },
        ),
        markdown("answer", "*In short: a {term}`token` {cite:p}`sennrich2016` is counted.*"),
        markdown("check", "## Check yourself\n\nChoose."),
        *(markdown(f"quiz-{n}", question(n), "quiz") for n in range(4)),
        markdown("exercises", "## Exercises\n\nThey are [here](exercises/tokenization.ipynb)."),
        markdown("short", "## In short\n\n- One.\n- Two.\n- Three.\n- Four.\n- Five."),
        markdown("reading", "## Further reading\n\n{cite:t}`sennrich2016` in 2016."),
    ]
    return notebook(cells)


def question(number):
    right = [" right", ""] if number % 2 else ["", " right"]
    return QUESTION.format(number="abcd"[number], first=right[0], second=right[1])


def good_exercises():
    cells = [markdown("intro", "# Exercises"), code("setup", "import math", tags=["setup"])]
    for name, title in [("one", "One"), ("two", "Two"), ("three", "Three"), ("hunt", "Bug hunt")]:
        cells += exercise(name, title)
    answer = markdown("words-sol", "### BEGIN SOLUTION\nBecause.\n### END SOLUTION")
    answer.metadata["nbgrader"] = graded("words", grade=True, solution=True, points=2)
    return notebook([*cells, markdown("words-text", "## In words\n\nWhy?"), answer], "exercises")


def exercise(name, title):
    solution = f"def {name}():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    test = f"### BEGIN HIDDEN TESTS\nassert {name}() == 1\n### END HIDDEN TESTS"
    check = {"grade": True, "locked": True, "points": 1}
    return [
        markdown(f"{name}-text", f"## {title}\n\nReturn one."),
        code(
            f"{name}-sol",
            solution,
            tags=["hide-input", "exercise"],
            nbgrader=graded(name, solution=True),
        ),
        code(
            f"{name}-check",
            f"print({name}())",
            printed("1\n"),
            tags=["check"],
            nbgrader=graded(f"{name}-visible", **check),
        ),
        code(
            f"{name}-hidden",
            test,
            tags=["remove-cell"],
            nbgrader=graded(f"{name}-hidden", **check),
        ),
    ]


def graded(name, **settings):
    empty = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"schema_version": 3, "grade_id": name} | empty | settings


def cell(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def shows(*concepts):
    return [f"concept:{concept}" for concept in concepts]


# Cells of a chapter that claims that two is doubled to four.
DOUBLING = [
    code("setup", "import math\nimport os\n\n\ndef double(x):\n    return 2 * x"),
    markdown("text", "Twice two."),
    code("numbers", "numbers = [double(x) for x in range(3)]"),
    code("first", "numbers", tags=shows("doubling")),
    code("between", "smallest = 1 / (1 + numbers[1])"),
    code("last", "assert numbers[2] == 4, f'got {numbers[2]}'", tags=shows("doubling")),
]
