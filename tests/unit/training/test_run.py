"""A training run: an interrupted one is never taken for a result."""

import os
import signal

import pytest

from fmlab.experiments import mixture_lab
from fmlab.training.run import Run


def test_a_whole_run_took_all_of_its_steps():
    run = Run(finished=True)
    assert run.whole() is run
    with pytest.raises(KeyboardInterrupt, match="interrupted"):
        Run().whole()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_experiment_ends_with_an_interrupted_training(number):
    texts = ["Ada lives in Hemmel. " * 20] * 8

    def interrupt(model, run):
        if len(run.steps) == 2:
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        mixture_lab.train(texts, steps=6, on_step=interrupt)
