"""Text to train on: documentation that is already installed, or any file, folder or URL."""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from fmlab.arguments import require_count
from fmlab.files import download, verify

TORCH_PARTS = ["autograd", "distributions", "fft", "func", "linalg", "masked", "nn", "optim"]
TORCH_PARTS += ["signal", "sparse", "special", "utils/data"]
DOCUMENTED = {
    "numpy": ("2.4.6", ["**/*.py"]),
    "matplotlib": ("3.11.2", ["**/*.py"]),
    "torch": ("2.13.0", ["*.py", *(f"{part}/**/*.py" for part in TORCH_PARTS)]),
}
"""Package: the version whose documentation the book uses, and the files that contain it."""

SKIPPED = {"tests", "testing", "distutils"}  # NumPy ships the last for some Python versions only
TEXT_SUFFIXES = {".txt", ".md", ".rst"}


@functools.cache
def python_docs() -> str:
    """Return the documentation strings of NumPy, Matplotlib and PyTorch: about 5 MB of real text.

    They are read from the installed source files, in the order of file and line, so the text is the
    same on every machine and Python version if the versions in `DOCUMENTED` are installed. Other
    versions cause a warning and a slightly different text. Takes a few seconds the first time.
    """
    for package, (pinned, _) in DOCUMENTED.items():
        installed = version(package).partition("+")[0]
        if installed != pinned:
            warnings.warn(
                f"{package} {installed} is installed; the book's figures were made with {pinned}, "
                "so yours will differ slightly",
                stacklevel=2,
            )
    docs = dict.fromkeys(doc for source in _documented_files() for doc in _docs_in(source))
    return "\n\n".join(docs)


def _documented_files() -> Iterator[Path]:
    for package, (_, patterns) in DOCUMENTED.items():
        root = Path(importlib.util.find_spec(package).origin).parent
        files = {file for pattern in patterns for file in root.glob(pattern)}
        for file in sorted(files, key=lambda path: path.relative_to(root).parts):
            if SKIPPED.isdisjoint(file.relative_to(root).parts):
                yield file


def _docs_in(source: Path) -> Iterator[str]:
    """Yield docstrings, and the texts that add_docstr and add_newdoc give to compiled functions."""
    code = source.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        tree = ast.parse(code)
    has_calls = b"add_docstr" in code or b"add_newdoc" in code
    docs = []  # each with its line number
    for node in ast.walk(tree) if has_calls else _statements(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                match node.body:
                    case [ast.Expr(value=ast.Constant(value=str() as doc)), *_]:
                        docs.append((node.body[0].lineno, doc))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                if name.endswith(("add_docstr", "add_newdoc")):
                    texts = [text for argument in node.args for text in _literals(argument)]
                    docs += [(node.lineno, text) for text in texts if "\n" in text]
    for _, doc in sorted(docs):
        yield inspect.cleandoc(doc)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield a tree and all statements in it: most nodes of a tree are expressions, without them."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _statements(node)


def _literals(node: ast.expr) -> Iterator[str]:
    """Yield the string literals in an argument, except f-strings."""
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


def split_pages(text: str, length: int = 20_000, every: int = 10) -> tuple[list[str], list[str]]:
    """Cut a text into pages at blank lines; return those to train on, and the held-out ones.

    A page is the shortest run of paragraphs with at least ``length`` characters. Of ``every``
    pages, the last one is held out; so is the rest of the text that does not fill a page.
    Errors: ``ValueError`` for a length below 1 or an every below 2.

    >>> split_pages("a\\n\\nb\\n\\nc\\n\\nd", length=1, every=2)
    (['a', 'c'], ['b', 'd'])
    """
    require_count("length", length)
    require_count("every", every, least=2)
    pages: list[list[str]] = [[]]
    size = 0
    for paragraph in text.split("\n\n"):
        if size >= length:
            pages.append([])
            size = 0
        pages[-1].append(paragraph)
        size += len(paragraph) + 2
    joined = ["\n\n".join(page) for page in pages]
    if size < length:  # the last page is not full
        joined, rest = joined[:-1], joined[-1:]
    else:
        rest = []
    held_out = [page for i, page in enumerate(joined) if (i + 1) % every == 0]
    training = [page for i, page in enumerate(joined) if (i + 1) % every]
    return training, held_out + rest


def read(path_or_url: str | Path, sha256: str | None = None, cache: bool = True) -> str:
    """Return the text of a file, of all text files in a folder, or at a URL.

    For a folder, these are its .txt, .md and .rst files, sorted by name and separated by blank
    lines. A URL is downloaded once and cached (in ``FMLAB_CACHE``, else in the user's cache folder)
    unless ``cache`` is False. If ``sha256`` is given, the bytes must have this checksum.
    Errors: ``FileNotFoundError``, ``ConnectionError`` or ``ValueError``, with advice on what to do.
    """
    if "://" in str(path_or_url):
        data = download(str(path_or_url), sha256, cache)
    else:
        data = _read_path(Path(path_or_url))
        verify(data, sha256, str(path_or_url))
    return _text(data, str(path_or_url))


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"path_or_url must be UTF-8 text; got {name!r}, whose byte {error.start} is not. "
            "Convert the file to UTF-8 first"
        ) from None


def _read_path(path: Path) -> bytes:
    if path.is_dir():
        files = sorted(
            file for file in path.rglob("*") if file.suffix in TEXT_SUFFIXES and file.is_file()
        )
        if not files:
            raise FileNotFoundError(
                "path_or_url must be a file, or a folder with files that end in "
                f"{', '.join(sorted(TEXT_SUFFIXES))}; got {str(path)!r}, a folder without any"
            )
        return "\n\n".join(_text(file.read_bytes(), str(file)) for file in files).encode()
    if not path.is_file():
        raise FileNotFoundError(
            "path_or_url must be a file, a folder, or a URL that starts with http:// or https://; "
            f"got {str(path)!r}, which does not exist"
        )
    return path.read_bytes()
