"""Nulls: for each concept, a small change under which its claim is false.

A claim is evidence only if its assertion would fail were the claim false. A null makes it false;
`python -m tests.notebooks.nulls CHAPTER` runs the chapter with each of its nulls and demands that
an assertion of the concept fires. The outcome goes to `book/results/nulls/CHAPTER.json`.

`registry.py` has the decorator, `runner.py` runs a notebook, `record.py` writes the outcome and
tells whether it is fresh, and the module named like a chapter has the nulls of that chapter.
"""
