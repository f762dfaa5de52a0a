"""Grading a class: nbgrader's format and gradebook, with submissions run where they can do no harm.

A submission is somebody else's program. nbgrader runs it beside the tests, as the instructor; here
it runs in a sandbox without a network, and the tests in a second one. Modules, in the order in
which they may import one another:

``plain``        plain values as JSON
``crossing``     what crosses between the two: plain data, and handles for the rest
``peers``        two programs that ask each other
``inside``       the program in a sandbox: runs cells, answers requests
``limits``       how much a program in a sandbox may use
``sandbox``      bubblewrap: what such a program sees
``safety``       whether this machine can keep a submission from doing harm
``container``    another sandbox, for one submission in a container of its own
``two_kernels``  a notebook, the student's cells in one sandbox and the tests in the other
``exercises``    the exercises of a notebook, by name and part
``submissions``  what was handed in, read with care
``graft``        the answers, put into the instructor's own notebook
``variants``     the same exercise with other numbers for each student
``assembling``   an assignment from chosen exercises of several chapters
``course``       the folders of a course
``workers``      a process for each submission, with an end
``gradebook``    the scores, in nbgrader's database
``rehearsal``    invented students, to try it all out
``reports``      a table for the instructor, for Canvas, for Moodle
``feedback``     a page for each student
``grading``      all of it, for a class
``shards``       the same on several machines, with one writer
``gradescope``   one submission, where Gradescope runs it
``__main__``     the command line: ``fmlab-grade``

Needs ``pip install "fmlab[teach]"``, and bubblewrap, hence Linux.
Source: Hamrick et al. (2019), nbgrader: a tool for creating and grading assignments in the Jupyter
Notebook, for the format.
"""
