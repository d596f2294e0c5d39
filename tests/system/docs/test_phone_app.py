"""The Python of the tutorials takes what is no answer of the shop as none, and keeps its token."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tools.docs.pages import DOCS, blocks

NOWHERE = "http://127.0.0.1:9"
ASK = """
import sys
sys.path.insert(0, ".")
import app
for path in ("/302", "/307", "/200", "/401"):
    try:
        print(app.send("POST", path, {"a": 1}, {"Authorization": "Bearer secret"}))
    except app.Later as later:
        print("Later", later.seconds)
for path in ("/shop/204", "/shop/304", "/shop/200", "/shop/302", "/shop/503"):
    try:
        print(app.send("GET", path))
    except app.Later as later:
        print("Later", later.seconds)
"""
"""The answers of /shop/ have the header that each answer of Larder has."""


@pytest.fixture
def portal() -> Iterator[tuple[str, list[str]]]:
    """A captive portal that answers with the status of the path. Yields its address, and the
    lines and tokens of the requests to the host that its redirects lead to."""
    seen: list[str] = []

    class Portal(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if "/log-in" in self.path:
                seen.append(f"{self.requestline} {self.headers['Authorization']}")
            name = self.path.rsplit("/", 1)[1]
            self.send_response(int(name) if name.isdigit() else 200)
            if "/shop/" in self.path:
                self.send_header("Correlation-ID", "1")
            self.send_header("Retry-After", "7")
            self.send_header("Location", f"http://localhost:{server.server_port}/log-in")
            self.end_headers()
            if name not in ("204", "304"):
                self.wfile.write(b"{}")

        do_GET = do_POST = answer  # noqa: N815 the names of http.server

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()


def python(page: str) -> str:
    found = blocks((DOCS / page).read_text())
    return "\n".join(block.text for block in found if block.language == "python")


def run(folder: Path, *words: str, shop: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in a folder with the app of the page."""
    (folder / "app.py").write_text(python("tutorial/phone-app.md"))
    command = [sys.executable, *words]
    given = os.environ | {"SHOP": shop}
    return subprocess.run(
        command, cwd=folder, env=given, capture_output=True, text=True, check=False, timeout=60
    )


def test_what_is_no_answer_of_the_shop_is_none_and_sees_no_token(
    portal: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, seen = portal
    done = run(tmp_path, "-c", ASK, shop=address)
    assert done.stdout.splitlines() == [
        *["Later 0"] * 4,
        "(204, None)",
        "(304, None)",
        "(200, {})",
        "Later 0",
        "Later 7",
    ], done.stderr
    assert seen == []


def test_a_command_without_a_network_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "app.py", "login", "demo", "demo", shop=NOWHERE)
    assert (done.returncode, done.stderr) == (1, "No answer yet. Try again later.\n")


def test_no_other_page_follows_redirects() -> None:
    sent = [
        page.name
        for page in DOCS.rglob("*.md")
        if "urlopen(" in python(str(page.relative_to(DOCS)))
    ]
    assert sent == []
