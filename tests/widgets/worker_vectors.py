"""What Python expects of the worker in which the playground's models run."""

from fmlab.models.pretrained import folder_of
from fmlab.widgets.playground import worker_script
from tests.widgets.writer_vectors import sampled


class Widget:
    """The worker's script, which the page loads as a file."""

    _esm = worker_script()


def vectors():
    return {"folder": str(folder_of("micro")), "sampled": sampled()[:3]}
