"""Write the data that the explorers load when a reader asks for them: ``_static/data/NAME.bin``.

Vocabularies come from the packages of ``requirements-models.txt``, logits from ``book/results``.
Without the packages, the site is built without
the data, and an explorer says that it could not load them.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.util import logging

from fmlab.widgets.vocabularies import DATA, page_data

log = logging.getLogger(__name__)


def write_data(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", "data")
    for name in DATA:
        try:
            data = page_data(name)
        except FileNotFoundError as error:
            log.info("The site cannot offer %s: %s", name, error)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.bin").write_bytes(data)


def setup(app):
    app.connect("build-finished", write_data)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
