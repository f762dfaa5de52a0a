"""Text to learn from: real documentation that is already installed, or whatever you name."""

from __future__ import annotations

import ast
import functools
import hashlib
import http.client
import importlib.util
import inspect
import os
import tempfile
import urllib.request
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

TORCH_PARTS = ["autograd", "distributions", "fft", "func", "linalg", "masked", "nn", "optim"]
TORCH_PARTS += ["signal", "sparse", "special", "utils/data"]
DOCUMENTED = {
    "numpy": ("2.4.6", ["**/*.py"]),
    "matplotlib": ("3.11.2", ["**/*.py"]),
    "torch": ("2.13.0", ["*.py", *(f"{part}/**/*.py" for part in TORCH_PARTS)]),
}
"""Package: the version whose documentation the book reads, and the files it reads it from."""

LEFT_OUT = {"tests", "testing", "distutils"}  # NumPy ships the last for some Python versions only
TEXT_SUFFIXES = {".txt", ".md", ".rst"}
TIMEOUT = 30  # seconds without an answer from a server


@functools.cache
def python_docs() -> str:
    """Return the documentation strings of NumPy, Matplotlib and PyTorch: about 5 MB of real text.

    They are read from the installed source files, in the order of file and line, so the text is the
    same on every machine and Python version as long as the versions in `DOCUMENTED` are installed.
    Others give a warning and a slightly different text. Takes a few seconds the first time.
    """
    for package, (pinned, _) in DOCUMENTED.items():
        installed = version(package).partition("+")[0]
        if installed != pinned:
            warnings.warn(
                f"{package} {installed} is installed; the book's figures were made with {pinned}, "
                "so yours will differ a little",
                stacklevel=2,
            )
    docs = dict.fromkeys(doc for source in _documented_files() for doc in _docs_in(source))
    return "\n\n".join(docs)


def _documented_files() -> Iterator[Path]:
    for package, (_, patterns) in DOCUMENTED.items():
        root = Path(importlib.util.find_spec(package).origin).parent
        files = {file for pattern in patterns for file in root.glob(pattern)}
        for file in sorted(files, key=lambda f: f.relative_to(root).parts):
            if LEFT_OUT.isdisjoint(file.relative_to(root).parts):
                yield file


def _docs_in(source: Path) -> Iterator[str]:
    """Docstrings, and the texts that compiled functions are given by add_docstr and add_newdoc."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        tree = ast.parse(source.read_bytes())
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                match node.body:
                    case [ast.Expr(value=ast.Constant(value=str() as doc)), *_]:
                        found.append((node.body[0].lineno, doc))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                if name.endswith(("add_docstr", "add_newdoc")):
                    texts = [text for argument in node.args for text in _literals(argument)]
                    found += [(node.lineno, text) for text in texts if "\n" in text]
    for _, doc in sorted(found):
        yield inspect.cleandoc(doc)


def _literals(node: ast.expr) -> Iterator[str]:
    """The texts written out in an argument, f-strings left aside."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.Tuple(elts=parts):
            for part in parts:
                yield from _literals(part)
        case ast.Call(func=ast.Attribute(value=template, attr="format")):
            yield from _literals(template)
        case ast.BinOp(left=left, right=right):
            yield from _literals(left)
            yield from _literals(right)


def language_reference() -> str:
    """Return the topics of Python's own ``help()``: about 0.5 MB, other text in each version."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


def read(path_or_url: str | Path, sha256: str | None = None, cache: bool = True) -> str:
    """Return the text of a file, of all text files in a folder, or at a URL.

    A folder gives its .txt, .md and .rst files, sorted by name, with a blank line between. A URL is
    downloaded once and kept (in ``FMLAB_CACHE``, else in the user's cache folder) unless ``cache``
    is False. If ``sha256`` is given, the bytes must have it.

    Raises FileNotFoundError, ConnectionError or ValueError, each saying what to do.
    """
    if "://" in str(path_or_url):
        data = _download(str(path_or_url), sha256, cache)
    else:
        data = _read_path(Path(path_or_url))
        _verify(data, sha256, str(path_or_url))
    return _text(data, str(path_or_url))


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"path_or_url is {name!r}, whose byte {error.start} is not UTF-8 text; "
            "convert the file to UTF-8 first"
        ) from None


def _read_path(path: Path) -> bytes:
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix in TEXT_SUFFIXES and f.is_file())
        if not files:
            raise FileNotFoundError(
                f"path_or_url is {str(path)!r}, a folder without a file that ends in "
                f"{', '.join(sorted(TEXT_SUFFIXES))}; name a folder that has some, or a single file"
            )
        return "\n\n".join(_text(file.read_bytes(), str(file)) for file in files).encode()
    if not path.is_file():
        raise FileNotFoundError(
            f"path_or_url is {str(path)!r}, which does not exist; "
            "name a file, a folder, or a URL that starts with http:// or https://"
        )
    return path.read_bytes()


def _download(url: str, sha256: str | None, cache: bool) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"path_or_url is {url!r}; a URL must start with http:// or https://")
    kept = _cache_folder() / hashlib.sha256(url.encode()).hexdigest()
    if cache and kept.is_file():
        data = kept.read_bytes()
        if sha256 is None or hashlib.sha256(data).hexdigest() == sha256.lower():
            return data
    data = _fetch(url)
    _verify(data, sha256, url)
    if cache:
        try:
            _write_whole(kept, data)
        except OSError as error:
            warnings.warn(
                f"{url} was read but not kept for the next time ({error}); "
                "set FMLAB_CACHE to a folder that you may write to",
                stacklevel=3,
            )
    return data


def _fetch(url: str) -> bytes:
    """Download with a progress bar; what arrives must be as long as the server said."""
    chunks = []
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            size = int(answer.headers.get("Content-Length") or 0)
            with tqdm(total=size or None, unit="B", unit_scale=True, desc=url, delay=1) as bar:
                while chunk := answer.read(1 << 16):
                    chunks.append(chunk)
                    bar.update(len(chunk))
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(
            f"path_or_url is {url!r}, which could not be downloaded ({error}); check the address "
            "and the network, or download it elsewhere and pass the file's path"
        ) from error
    data = b"".join(chunks)
    if size and len(data) != size:
        raise ConnectionError(
            f"path_or_url is {url!r}: the download broke off after {len(data)} of {size} bytes; "
            "try again"
        )
    return data


def _verify(data: bytes, sha256: str | None, name: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise ValueError(
            f"path_or_url is {name!r}, whose sha256 is {found}, not {sha256}: the file is damaged "
            "or has changed; get it again, or correct sha256 if you trust the new file"
        )


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("FMLAB_CACHE") or Path(base) / "fmlab")


def _write_whole(path: Path, data: bytes) -> None:
    """Write so that an interrupt leaves the old file or none, never half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder, path.name)
        part.write_bytes(data)
        os.replace(part, path)
