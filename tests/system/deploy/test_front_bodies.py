"""Long bodies at nginx: the number of concurrent ones is limited, and their files fit into the
folder.
"""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import URLResolver
from django.urls.resolvers import RegexPattern

from config.urls import urlpatterns
from larder.compat.urls import patterns as earlier_contracts
from larder.core.limits import MAX_OPEN_BODY_BYTES
from larder.http.body_limits import LEFT_UNREAD
from tests.system.deploy.nginx import head, limits, nginx_before, refused, unfinished
from tools.attack.attacks.nesting import ID
from tools.nginx import LUA, ROOT, SHARED

SMALL = {
    rf"limit_conn {zone} \d+": f"limit_conn {zone} {number}"
    for zone, number in {
        "long_bodies_of_site": 3,
        "long_bodies": 5,
        "files_of_site": 1,
        "files": 2,
    }.items()
}
FEW_PICTURES = {
    r"limit_conn pictures_of_site \d+": "limit_conn pictures_of_site 1",
    r"limit_conn pictures \d+": "limit_conn pictures 2",
}
LONG = 20_000
IMPORT = "/api/v1/products/import"
PICTURE, NEW_PICTURE = "/admin/catalog/product/7/change/", "/admin/catalog/product/add/"
REFUSES = {
    r"ngx\.req\.read_body": "error",
    "listen 127.0.0.1:(\\d+) ": "listen 127.0.0.1:\\1 http2 ",
}
"""nginx as with version 0.10.26 of its Lua module, and for HTTP/2 without TLS."""

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
with_lua = pytest.mark.skipif(not LUA.exists(), reason="libnginx-mod-http-lua is not installed")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of nginx with small limits, before a server that answers nothing."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=64) as silent,
        nginx_before(silent.getsockname()[1], tmp_path, SMALL) as listening,
    ):
        yield listening


@pytest.mark.parametrize("length", [LONG, 16_000, None])
def test_long_and_chunked_bodies_are_limited_for_each_site(port: int, length: int | None) -> None:
    clients = ["2001:db8:1:100::", "2001:db8:1:200::", "2001:db8:1:300::"]
    with unfinished(port, *clients, length=length):
        assert refused(port, "2001:db8:1:400::", length)
        assert not refused(port, "2001:db8:1:400::", 15_999)
        assert not refused(port, "2001:db8:2::", length)


def test_long_bodies_of_many_sites_are_limited_in_total(port: int) -> None:
    with unfinished(port, *(f"198.51.{n}.1" for n in range(5)), length=LONG):
        assert refused(port, "198.51.100.1", LONG)
        assert not refused(port, "198.51.100.1")


@pytest.mark.parametrize("path", [IMPORT, "/admin/inventory/import/"])
def test_files_are_limited_separately_from_other_long_bodies(port: int, path: str) -> None:
    with unfinished(port, "198.51.100.1", length=LONG, path=path):
        assert refused(port, "198.51.100.1", LONG, path)
        assert not refused(port, "198.51.100.1", LONG)
        assert not refused(port, "198.51.101.1", LONG, path)


@pytest.mark.parametrize("path", [IMPORT, "/admin/inventory/import/"])
def test_files_of_many_sites_are_limited_in_total(port: int, path: str) -> None:
    with unfinished(port, "198.51.100.1", "198.51.101.1", length=LONG, path=path):
        assert refused(port, "198.51.102.1", LONG, path)


@pytest.fixture
def for_pictures(tmp_path: Path) -> Iterator[int]:
    """The port of nginx that takes two pictures at a time, before a server that answers nothing."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=64) as silent,
        nginx_before(silent.getsockname()[1], tmp_path, FEW_PICTURES) as listening,
    ):
        yield listening


@pytest.mark.parametrize("path", [PICTURE, NEW_PICTURE])
def test_pictures_are_limited_separately_from_other_files(for_pictures: int, path: str) -> None:
    with unfinished(for_pictures, "198.51.100.1", length=LONG, path=path):
        assert refused(for_pictures, "198.51.100.1", LONG, path)
        assert not refused(for_pictures, "198.51.100.1", LONG, IMPORT)
        assert not refused(for_pictures, "198.51.101.1", LONG, path)


def test_pictures_of_many_sites_are_limited_in_total(for_pictures: int) -> None:
    clients = ["198.51.100.1", "198.51.101.1"]
    with unfinished(for_pictures, *clients, length=LONG, path=PICTURE):
        assert refused(for_pictures, "198.51.102.1", LONG, NEW_PICTURE)


def most_bytes() -> int:
    """Return what all files of bodies may have together, by the limits of nginx."""
    numbers = limits()
    http, server = ((SHARED / name).read_text() for name in ("http.conf", "server.conf"))
    sizes = {"": 1, "k": 1024, "m": 1024**2}
    found = re.findall(r"client_max_body_size (\d+)([km]?);", http + server)
    bodies = sorted(int(number) * sizes[unit] for number, unit in found)
    usual = 512 * 1024
    # All but what is never long: all else, imports, below /admin/, pictures of products.
    file, picture = 4 * 1024**2, 11 * 1024**2
    assert [one for one in bodies if one > 16 * 1024] == [usual, 2 * 1024**2, file, picture]
    pictures, files = numbers["pictures"], numbers["files"]
    usual_files = numbers["long_bodies"] - files
    return usual_files * usual + (files - pictures) * file + pictures * picture


def test_the_temporary_files_of_bodies_fit_into_their_folder() -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())
    assert "/tmp/body:mode=1777,size=256m" in compose["services"]["nginx"]["tmpfs"]  # noqa: S108
    pods = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/pods/server.yaml").read_text()))
    volumes = {one["name"]: one for one in pods[0]["spec"]["template"]["spec"]["volumes"]}
    assert volumes["bodies"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "256Mi"}
    assert most_bytes() <= 256 * 1024**2


@with_lua
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_body_that_the_lua_module_cannot_read_needs_a_length(tmp_path: Path) -> None:
    """HTTP/2 says by itself where a body ends; a POST without a body has its length, 0."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        nginx_before(silent.getsockname()[1], tmp_path, REFUSES) as port,
    ):
        # Where the stream is reset before curl has sent the body, curl drops the answer.
        sent = ("--data-binary", "@-", "--header", "Content-Length:")
        posted = next(filter(None, (curl(port, *sent) for _ in range(50))), "")
        got = curl(port, seconds=2)
    assert posted.startswith("HTTP/2 411")
    assert '"code":"length_required"' in posted
    # It was sent on to the server, which is silent.
    assert got == ""


def curl(port: int, *options: str, seconds: int = 10) -> str:
    """Return what is answered within that time, head and body; empty where nothing is."""
    command = ["curl", "--http2-prior-knowledge", "--silent", "--include"]
    command += ["--max-time", str(seconds)]
    sent = subprocess.run(
        [*command, *options, f"http://127.0.0.1:{port}/api/v1/orders"],
        input="{}",
        capture_output=True,
        text=True,
        check=False,
    )
    return sent.stdout


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/orders", 2**19),
        (IMPORT, 2**21),
        ("/admin/catalog/product/import/", 2**22),
        (PICTURE, 11 * 2**20),
        (NEW_PICTURE, 11 * 2**20),
    ],
)
def test_a_body_over_the_limit_is_refused_by_the_server(port: int, path: str, most: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head("198.51.100.1", most + 1, path))
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer
    assert not refused(port, "198.51.100.1", most, path)


METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
VALUES = {"int": "1", "id": ID, "uuid": ID, "slug": "not_found", "path": "x", "str": "x"}
SHORT = re.compile(r"location ~ (\S+) \{\s+client_max_body_size 16k;")


def paths(patterns: Iterable[Any], before: str = "/") -> Iterator[str]:
    """Yield a path for each pattern; of the admin, which has many alike, three."""
    for one in patterns:
        route = re.sub(r"<(\w+):\w+>", lambda found: VALUES[found[1]], str(one.pattern))
        if route == "admin/":
            yield from ("/admin/", "/admin/catalog/product/add/", "/admin/jsi18n/")
        elif isinstance(one, URLResolver):
            yield from paths(one.url_patterns, before + route)
        elif not isinstance(one.pattern, RegexPattern):
            yield before + route


def test_bodies_that_a_server_would_not_read_do_not_reach_it(db: None, settings: Any) -> None:
    """It closes the connection, on which nginx may have sent the request of another client."""
    (limited,) = SHORT.findall((SHARED / "server.conf").read_text())
    settings.ROOT_URLCONF = (*urlpatterns, *earlier_contracts(frozenset("01234")))
    unread, body = set(), b" " * (MAX_OPEN_BODY_BYTES + 1)
    for path in paths(settings.ROOT_URLCONF):
        for method in METHODS:
            answer = Client().generic(method, path, body, "application/json")
            if LEFT_UNREAD in answer.wsgi_request.META:
                unread.add(path)
    assert {"/api/v1/auth/token", "/auth/", "/admin/login/"} <= unread
    assert [path for path in unread if not re.search(limited, path)] == []
