"""Measure the built site with Lighthouse: ``python tools/lighthouse/measure.py [page ...]``.

The site is served as GitHub Pages serves it, with gzip. Lighthouse opens pages in Chromium, as a
desktop and as a phone. Each number is the median of three visits. Without arguments, four pages are
measured and recorded in ``book/results/lighthouse.json``; the benchmarks page shows them.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from datetime import date
from functools import lru_cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from tools.system_packages import find_browser  # noqa: E402
from tools.vendor import npm_command  # noqa: E402

SITE = ROOT / "_build" / "html"
RECORD = ROOT / "book" / "results" / "lighthouse.json"
PAGES = {  # a page of each kind
    "cover": "book/index.html",
    "text": "book/supervised-finetuning.html",
    "explorer": "book/sampling.html",
    "ledger": "book/ledger.html",
}
DEVICES = {"desktop": ["--preset=desktop"], "mobile": []}
CATEGORIES = ["performance", "accessibility", "best-practices", "seo"]
VISITS = 3
PATIENCE = 180  # seconds for one visit
COMPRESSED = {".html", ".css", ".js", ".mjs", ".json", ".svg", ".txt", ".xml", ".ttf"}


@lru_cache(maxsize=256)
def compressed(path: str) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 6)


class Pages(SimpleHTTPRequestHandler):
    """Serve files as GitHub Pages does: text with gzip, and to be kept for ten minutes."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        path = self.translate_path(self.path)
        if os.path.isdir(path) or Path(path).suffix not in COMPRESSED or not os.path.exists(path):
            return super().do_GET()
        body = compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=600")
        super().end_headers()


@contextmanager
def served(folder: Path):
    """Yield the address at which a folder is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(folder)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def install() -> None:
    """Install the pinned Lighthouse beside this file, if it is not there."""
    lock = (HERE / "package-lock.json").read_text(encoding="utf-8")
    stamp = HERE / "node_modules" / ".made-from"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == lock:
        return
    print("Fetching Lighthouse from npm (190 MB) ...", flush=True)
    command = [npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    if subprocess.run(command, cwd=HERE).returncode:
        raise SystemExit("npm could not fetch Lighthouse. Check the network and run it again.")
    stamp.write_text(lock, encoding="utf-8")


def visit(address: str, device: str) -> dict:
    """Return Lighthouse's report of one visit."""
    node = Path(npm_command()).with_name("node")
    node = str(node) if node.exists() else shutil.which("node")
    flags = "--headless=new --no-sandbox --disable-gpu --disable-background-networking"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [node, str(HERE / "node_modules/lighthouse/cli/index.js"), address]
        command += [*DEVICES[device], f"--chrome-flags={flags}", "--quiet", "--output=json"]
        command += [f"--output-path={report}", f"--only-categories={','.join(CATEGORIES)}"]
        environment = os.environ | {"CHROME_PATH": find_browser() or "", "CI": "1"}
        subprocess.run(command, env=environment, timeout=PATIENCE, check=True)
        return json.loads(report.read_text(encoding="utf-8"))


def summary(reports: list[dict]) -> dict:
    """Return the medians of several visits."""

    def score(name: str) -> int:
        scores = [report["categories"][name]["score"] for report in reports]
        return round(100 * statistics.median(scores))

    def value(audit: str) -> float:
        return statistics.median(report["audits"][audit]["numericValue"] for report in reports)

    return {name: score(name) for name in CATEGORIES} | {
        "first_paint_s": round(value("first-contentful-paint") / 1000, 2),
        "largest_paint_s": round(value("largest-contentful-paint") / 1000, 2),
        "blocked_s": round(value("total-blocking-time") / 1000, 2),
        "kilobytes": round(value("total-byte-weight") / 1000),
    }


def measure(pages: dict[str, str], visits: int = VISITS) -> dict:
    rows, last = [], {}
    with served(SITE) as address:
        for kind, page in pages.items():
            for device in DEVICES:
                reports = [visit(address + page, device) for _ in range(visits)]
                last = reports[-1]
                rows.append({"kind": kind, "page": page, "device": device} | summary(reports))
                print(json.dumps(rows[-1]), flush=True)
    browser = subprocess.run([find_browser(), "--version"], capture_output=True, text=True)
    return {
        "command": "make lighthouse",
        "date": date.today().isoformat(),
        "lighthouse": last["lighthouseVersion"],
        "browser": browser.stdout.strip().splitlines()[0],
        "visits": visits,
        "benchmark_index": last["environment"]["benchmarkIndex"],
        "load": round(os.getloadavg()[0], 1),
        "pages": rows,
    }


def main() -> None:
    if not find_browser():
        raise SystemExit("Lighthouse needs Chromium or Chrome. Install one, or set CHROMIUM.")
    install()
    if pages := sys.argv[1:]:
        measure({Path(page).stem: page for page in pages}, visits=1)
        return
    record = measure(PAGES)
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"Recorded in {RECORD.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
