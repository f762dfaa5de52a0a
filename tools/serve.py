"""Serve the built site on this machine: ``python tools/serve.py PORT``."""

import errno
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"


def main() -> None:
    port = sys.argv[1]
    if not (port.isdecimal() and 0 < int(port) < 65536):
        raise SystemExit(f"PORT is a number from 1 to 65535, not {port!r}.")
    handler = partial(SimpleHTTPRequestHandler, directory=str(SITE))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(port)), handler)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        taken = "is in use" if error.errno == errno.EADDRINUSE else "may not be used"
        raise SystemExit(
            f"Port {port} {taken}. Choose another one: make serve PORT={int(port) % 64000 + 1}"
        ) from None
    print(f"Open http://127.0.0.1:{port}/ (stop with Ctrl-C)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
