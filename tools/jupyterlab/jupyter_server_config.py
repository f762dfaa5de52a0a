"""JupyterLab as readers get it: `make lab` and Binder set JUPYTER_CONFIG_PATH to this folder.

nbgrader's panels are off, which instructors get by a plain ``jupyter lab``, and so is the question
about news. Files that only build the site are hidden. `labextensions/fmlab-reader` makes links and
hints work. A saved notebook holds no version of Python: to save it unchanged makes no difference.
"""

import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
import reading  # noqa: E402

c = get_config()  # noqa: F821
c.ContentsManager.hide_globs = reading.HIDDEN
c.ContentsManager.pre_save_hook = reading.normalize_metadata
c.LabApp.extra_labextensions_path = [str(here / "labextensions")]
reading.write_places(
    here.parents[1] / "book", here / "labextensions/fmlab-reader/static/places.json"
)
