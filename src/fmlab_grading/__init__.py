"""Grading a class: submissions run in sandboxes and are scored in nbgrader's gradebook.

A submission is an untrusted program. nbgrader runs it in the instructor's account, beside the
tests; here it runs in a sandbox without a network, and the tests run in a second sandbox.

=============== ====================================================================================
Sandbox         ``codec``, ``proxies``, ``protocol``: what the two programs exchange, and how;
                ``kernel``: the program in a sandbox; ``limits``, ``sandbox``: bubblewrap and its
                limits; ``safety``: a test of the sandbox; ``container``: one for Gradescope;
                ``two_kernels``: a notebook run in two sandboxes
Submissions     ``exercises``: the role of each cell; ``submissions``: found and read as untrusted
                input; ``merge``: answers copied into the instructor's notebook
Course          ``assignments``: made from exercises; ``variants``: different numbers for each
                student; ``course``: its folders and records; ``rehearsal``: an invented class
Scores          ``gradebook``: nbgrader's database; ``reports``: tables for instructors, Canvas and
                Moodle; ``feedback``: a page for each student
Commands        ``workers``, ``grading``: a class; ``shards``: on several machines; ``gradescope``:
                one submission there; ``options``, ``__main__``: ``fmlab-grade``
=============== ====================================================================================

Needs ``pip install "fmlab[teach]"`` and bubblewrap, so it runs on Linux only. Assignments are made
from the notebooks of the book, so ``fmlab-grade release`` needs a clone of the repository.
Source: Hamrick et al. (2019), nbgrader: a tool for creating and grading assignments in the Jupyter
Notebook, for the format.
"""
