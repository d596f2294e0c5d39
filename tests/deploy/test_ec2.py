"""The proxy of an instance in front of a real server, as an ELB would reach it."""

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Person
from tests.server import Server
from tools.ports import free_port, listens
from tools.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
BEHIND_A_PROXY = {"SECURE_SSL_REDIRECT": "1", "TRUSTED_PROXIES": "127.0.0.1/32"}

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@contextmanager
def proxied(server: Server, folder: Path) -> Iterator[int]:
    """Nginx with the instance's own file, but for two ports; gives the one it listens at."""
    port = free_port()
    site = (ROOT / "deploy" / "ec2" / "nginx.conf").read_text()
    site = site.replace("listen 80 ", f"listen 127.0.0.1:{port} ")
    site = site.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    whole = (
        f"daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{ access_log off;\n{paths}{site}}}\n"
    )
    (folder / "nginx.conf").write_text(whole)
    command = ["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command) as nginx:
        try:
            assert wait_until(lambda: listens(port)), "nginx does not listen"
            yield port
        finally:
            nginx.terminate()


def status(port: int, path: str, *, body: bytes | None = None, by_tls: bool = True) -> int:
    """What the ELB is answered for a client that came by TLS, or did not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"X-Forwarded-Proto": "https" if by_tls else "http", "X-Forwarded-For": "192.0.2.7"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_first_order_passes_and_what_must_not_does_not(
    transactional_db: None, person: Callable[..., Person], tmp_path: Path
) -> None:
    who = person("ada", is_staff=True)
    with Server(environment=BEHIND_A_PROXY) as server, proxied(server, tmp_path) as port:
        done = subprocess.run(
            ["sh", "deploy/first_order.sh"],
            cwd=ROOT,
            env=os.environ
            | {
                "SHOP": f"http://127.0.0.1:{port}",
                "STAFF": "ada",
                "PASSWORD": who.password,
                "CURL_OPTIONS": "--header X-Forwarded-Proto:https",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        order = json.loads(done.stdout.splitlines()[-1].removeprefix("order"))
        assert order["status"] == "placed"
        assert status(port, "/livez") == 200
        assert status(port, "/metrics") == 404
        assert status(port, "/api/v1/products") == 401
        assert status(port, "/api/v1/products", by_tls=False) == 301
        assert status(port, "/api/v1/orders", body=b"x" * (3 << 20)) == 413
