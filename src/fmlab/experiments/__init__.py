"""Experiments that take too long for a chapter.

Each is run by one command, ``python -m fmlab.experiments.NAME``, and writes its results to
``book/results/NAME.json``, with date, versions, seconds and the command. A chapter plots them, runs
one point of them again, and asserts that it agrees.

``recording`` writes and reads results. ``ladder`` measures what the book's models know and can do;
``exam`` holds what they are asked. ``bottleneck`` measures what an encoder-decoder can copy, with
attention and without, ``reading_speed`` how long reading and writing take, ``sampling_cost`` how
long a draw does; ``extraction`` what a model's answers give away. ``supervised`` varies
demonstrations; ``judges`` what a reward model begins as; ``preference_tuning`` compares all ways to
a better answer (``preference_lab`` has what they share) and pushes them too far
(``overoptimization``).
"""
