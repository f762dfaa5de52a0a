"""Text comes as it is, from wherever; downloads are kept, checked, and never half there."""

import hashlib
import socket
import threading
import time
import warnings
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fmlab import corpora
from fmlab.corpora import DOCUMENTED, language_reference, python_docs, read

TEXT = "Grüße, 東京!\r\n" * 9000  # more than one read of the connection
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


# Installed documentation


def test_python_docs_are_the_same_on_every_machine():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # other versions than the pinned ones fail here, by name
        data = python_docs().encode()
    assert 4e6 < len(data) < 6e6
    assert (
        hashlib.sha256(data).hexdigest()
        == "27687a6ab462e0491c9c4b63b8251ccc6c622f17d486227a53ce7c9786c66f8e"
    )


def test_another_version_gives_a_warning_that_names_both(monkeypatch):
    monkeypatch.setattr(corpora, "version", lambda _: "0.1+cpu")
    monkeypatch.setattr(corpora, "_documented_files", lambda: iter(()))
    with pytest.warns(UserWarning, match=r"0\.1 is installed") as caught:
        python_docs.__wrapped__()
    messages = [str(warning.message) for warning in caught]
    for message, (name, (pin, _)) in zip(messages, DOCUMENTED.items(), strict=True):
        assert message.startswith(f"{name} 0.1 is installed; ")
        assert f"made with {pin}" in message
    assert {warning.filename for warning in caught} == {__file__}


def test_language_reference_is_half_a_megabyte_about_python():
    text = language_reference()
    assert 3e5 < len(text) < 1e6
    assert 'The "while" statement' in text


# Files and folders


def test_a_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "notes"
    path.write_bytes(TEXT.encode())
    assert read(path) == read(str(path)) == read(path, sha256=SHA256.upper()) == TEXT


def test_a_folder_is_its_text_files_sorted_with_a_blank_line_between(tmp_path):
    (tmp_path / "b").mkdir()
    for name, text in {
        "c.md": "third\n",
        "a.txt": "first",
        "b/x.rst": "second",
        "b/x.py": "not text",
        "txt": "no suffix",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "a-folder.md").mkdir()
    assert read(tmp_path) == "first\n\nsecond\n\nthird\n"
    assert read(tmp_path, sha256=hashlib.sha256(read(tmp_path).encode()).hexdigest())


def test_a_missing_file_raises_and_says_what_may_be_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path_or_url is '.*gone', which does not exist"):
        read(tmp_path / "gone")


def test_a_folder_without_text_raises_and_says_what_it_looked_for(tmp_path):
    (tmp_path / "data.csv").write_text("1,2")
    with pytest.raises(FileNotFoundError, match=r"folder without a file .*\.md, \.rst, \.txt"):
        read(tmp_path)


def test_a_file_with_another_sha256_raises_and_gives_the_true_one(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(TEXT.encode())
    with pytest.raises(ValueError, match=rf"notes.txt', whose sha256 is {SHA256}, not 0{{64}}"):
        read(path, sha256="0" * 64)


@pytest.mark.parametrize("named", ["odd.txt", "."])
def test_what_is_not_utf_8_raises_and_the_file_is_named(tmp_path, named):
    (tmp_path / "fine.txt").write_text("fine")
    (tmp_path / "odd.txt").write_bytes("Gr\xfc\xdfe".encode("latin-1"))
    with pytest.raises(ValueError, match=r"path_or_url is '.*odd\.txt', whose byte 2 is not UTF-8"):
        read(tmp_path / named)


# Addresses


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
    """A server of one's own, and an empty cache in ``tmp_path / "cache"``."""
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


def kept(tmp_path):
    return [path for path in tmp_path.joinpath("cache").rglob("*") if path.is_file()]


def test_a_page_is_fetched_once_and_kept(server, tmp_path):
    url = f"{server.url}/text"
    assert [read(url), read(url), read(url, sha256=SHA256), read(url, SHA256.upper())] == [TEXT] * 4
    assert server.hits == {"/text": 1}
    assert [path.read_bytes() for path in kept(tmp_path)] == [TEXT.encode()]


def test_each_address_is_kept_apart(server):
    assert read(f"{server.url}/text") == TEXT
    assert read(f"{server.url}/empty") == ""
    assert read(f"{server.url}/text") == TEXT


def test_without_cache_nothing_is_kept_nor_taken_from_it(server, tmp_path):
    url = f"{server.url}/text"
    assert read(url, cache=False) == TEXT
    assert kept(tmp_path) == []
    read(url)
    read(url, cache=False)
    assert server.hits["/text"] == 3


def test_a_kept_page_is_read_without_a_network(server):
    url = f"{server.url}/text"
    read(url)
    server.shutdown()
    server.server_close()
    assert read(url) == TEXT


@pytest.mark.parametrize("path", ["/moved", "/unknown-length"])
def test_redirections_and_pages_of_unknown_length_are_read(server, path):
    assert read(server.url + path) == TEXT


def test_a_damaged_copy_is_fetched_anew_and_mended(server, tmp_path):
    url = f"{server.url}/text"
    read(url)
    (copy,) = kept(tmp_path)
    copy.write_bytes(TEXT.encode()[:-100])
    assert read(url, sha256=SHA256) == TEXT
    assert copy.read_bytes() == TEXT.encode()
    assert server.hits["/text"] == 2


def test_a_page_with_another_sha256_raises_and_is_not_kept(server, tmp_path):
    with pytest.raises(ValueError, match=rf"whose sha256 is {SHA256}, not 0{{64}}: .*damaged"):
        read(f"{server.url}/text", sha256="0" * 64)
    assert kept(tmp_path) == []


def test_a_page_that_is_not_utf_8_raises(server):
    with pytest.raises(ValueError, match=r"path_or_url is 'http.*/latin', whose byte 2 is not UTF"):
        read(f"{server.url}/latin")


def test_a_download_that_breaks_off_raises_and_is_not_kept(server, tmp_path):
    with pytest.raises(ConnectionError, match=r"broke off after 5000 of 9000 bytes; try again"):
        read(f"{server.url}/cut")
    assert kept(tmp_path) == []


@pytest.mark.parametrize("path", ["/cut-chunk", "/missing", "/nonsense"])
def test_a_bad_answer_raises_and_says_what_to_do(server, tmp_path, path):
    with pytest.raises(ConnectionError, match=r"(?s)could not be downloaded .*; check the address"):
        read(server.url + path)
    assert kept(tmp_path) == []


def test_an_error_names_the_status_the_server_gave(server):
    with pytest.raises(ConnectionError, match=r"HTTP Error 404"):
        read(f"{server.url}/missing")


def test_a_silent_server_is_given_up(server, monkeypatch):
    monkeypatch.setattr(corpora, "TIMEOUT", 0.1)
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
def test_an_address_that_is_none_raises(server, url):
    with pytest.raises(ConnectionError, match=r"could not be downloaded .*; check the address"):
        read(url)


@pytest.mark.parametrize("scheme", ["file", "ftp", "s3"])
def test_another_scheme_raises_and_says_which_are_allowed(scheme, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("text")
    with pytest.raises(ValueError, match=rf"'{scheme}://.*must start with http:// or https://"):
        read(f"{scheme}://{path}")


def test_an_interrupted_write_leaves_nothing_and_the_next_read_works(server, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    url = f"{server.url}/text"
    with monkeypatch.context() as patch:
        patch.setattr(corpora.os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            read(url)
    assert list((tmp_path / "cache").iterdir()) == []
    assert read(url) == TEXT


def test_a_cache_that_cannot_be_written_is_a_warning_not_an_end(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FMLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="not kept .* set FMLAB_CACHE to a folder") as caught:
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
