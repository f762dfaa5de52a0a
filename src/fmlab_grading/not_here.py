"""What an answer sees in place of a module that computes answers, while it is being graded.

A check that a student's cell calls does nothing, so a cell that has both an answer and its check
runs to the end; the grader runs the checks elsewhere. Whatever else is used raises an error.
"""

SENTENCE = (
    "an answer can't use the checks of the exercises while it is being graded, since they compute "
    "the right answers; the data that an exercise needs is in fmlab.checks.material"
)


def _check(*args: object, **options: object) -> None:
    print("The grader runs this check elsewhere.")


def _attribute(name: str) -> object:
    if name.startswith("check_"):
        return _check
    if name.startswith("__"):
        raise AttributeError(name)
    raise ImportError(SENTENCE)


if __name__.startswith("fmlab.checks."):  # in a sandbox
    __getattr__ = _attribute
