"""Run a cell in the page: what it prints, shows and raises."""

import ast
import builtins
import contextlib
import functools
import gzip
import io
import json
import linecache
import logging
import sys
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # "building the font cache"


def _with_long_counts(function, place):
    """Return the function for a machine of 32 bits, which NumPy lets count in int32 alone."""

    @functools.wraps(function)
    def called(*args, **options):
        if len(args) > place and getattr(args[place], "dtype", None) == np.int64:
            short = args[place].astype(np.intp)
            if (short == args[place]).all():
                args = (*args[:place], short, *args[place + 1 :])
        return function(*args, **options)

    return called


if np.dtype(np.intp).itemsize < 8:
    np.bincount, np.repeat = _with_long_counts(np.bincount, 0), _with_long_counts(np.repeat, 1)
# The names of a page. Dataclasses and pickles look a module up by its name, so it has to be there.
main = sys.modules["__main__"].__dict__
outputs = []  # of the running cell: {"kind": a MIME type, "data": text}


def show(thing):
    """Add what a cell displays to its outputs, after what it has printed so far."""
    _flush()
    if hasattr(thing, "savefig"):
        _draw(thing)
    elif hasattr(thing, "kind"):
        outputs.append({"kind": thing.kind, "data": thing.data})
    elif hasattr(thing, "_repr_html_"):
        outputs.append({"kind": "text/html", "data": thing._repr_html_()})
    else:
        outputs.append({"kind": "text/plain", "data": _text(thing)})


def _text(thing):
    """The text that IPython shows for a value; it breaks long collections into lines, too."""
    import pprint

    text = repr(thing)
    return text if len(text) <= 79 else pprint.pformat(thing, width=79, sort_dicts=False)


def _draw(figure):
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight")
    outputs.append({"kind": "image/svg+xml", "data": text.getvalue()})


_printed = io.StringIO()


def _flush():
    text = _printed.getvalue()
    _printed.seek(0)
    _printed.truncate()
    if text:
        outputs.append({"kind": "stream", "data": text})


def _draw_open_figures(*_, **__):
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    _flush()
    for number in pyplot.get_fignums():
        _draw(pyplot.figure(number))
    pyplot.close("all")


def run(code, name, only=None):
    """Run a cell; return its outputs, its traceback or None, and the seconds.

    ``only`` are the names of the page that the cell may see; the others come back after it.
    """
    hidden = {} if only is None else _hide(set(only))
    try:
        return _run(code, name)
    finally:
        for other in hidden.keys() - main.keys():
            main[other] = hidden[other]


def _hide(visible):
    names = [name for name in main if not name.startswith("__") and name not in visible]
    return {name: main.pop(name) for name in names}


def _run(code, name):
    outputs.clear()
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    error, start = None, time.perf_counter()
    with contextlib.redirect_stdout(_printed), contextlib.redirect_stderr(_printed):
        try:
            tree = ast.parse(code, name)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            if last is not None and code.rstrip().endswith(";"):
                tree.body.append(last)
                last = None
            _patch_show()
            exec(compile(tree, name, "exec"), main)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), name, "eval"), main)
                if value is not None:
                    show(value)
            _draw_open_figures()
        except BaseException as problem:
            error = _traceback(problem, name)
            if "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close("all")
    _flush()
    return {"outputs": list(outputs), "error": error, "seconds": time.perf_counter() - start}


def facts(code):
    """Return as JSON what the code of an edited cell binds, reads and changes; null: no Python."""
    from slices import facts_of  # book/_ext/slices.py

    try:
        found = facts_of(code)
    except SyntaxError:
        return "null"
    return json.dumps({name: sorted(names) for name, names in vars(found).items()})


def provide_model(folder):
    """Fetch the files of a model that a cell loads without naming it, from this site."""
    for name in files_of(folder):
        if not (folder / name).exists():
            (folder / name).write_bytes(_fetched(f"../playground/models/{folder.name}/{name}"))


def files_of(folder):
    """Return the names of a model's files; its card, which is here already, has their checksums."""
    return list(json.loads(Path(folder, "card.json").read_text(encoding="utf-8"))["sha256"])


def provide_docs(path):
    """Fetch the text of ``python_docs`` for a cell that uses it without naming it."""
    if not path.exists():
        path.write_bytes(gzip.decompress(_fetched("python_docs.txt.gz")))


def _fetched(address):
    import js  # this is a worker, which may wait for a file

    request = js.XMLHttpRequest.new()
    request.open("GET", js.URL.new(address, js.location.href).href, False)
    request.responseType = "arraybuffer"
    request.send()
    if request.status != 200:
        raise FileNotFoundError(f"{address} could not be loaded ({request.status})")
    return request.response.to_bytes()


def reset():
    """Forget all names of the page, as if no cell had run."""
    for name in [name for name in main if not name.startswith("__")]:
        del main[name]


def _patch_show():
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.show = _draw_open_figures


def _traceback(problem, name):
    """The traceback, from the first line of the cell on."""
    frame = problem.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != name:
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(problem), problem, frame))


builtins.display = lambda *things: [show(thing) for thing in things] and None
