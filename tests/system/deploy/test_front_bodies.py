"""Long bodies at nginx: the number of concurrent ones is limited, and their files fit into the
folder.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.deploy.nginx import (
    ORDERS,
    answer_to,
    head,
    needs_nginx,
    nginx_before,
    refused,
    server,
    unfinished,
)

FEW = {
    rf"limit_conn {zone} \d+": f"limit_conn {zone} {number}"
    for zone, number in {
        "long_bodies_of_site": 2,
        "long_bodies": 3,
        "files_of_site": 1,
        "files": 2,
        "pictures_of_site": 1,
        "pictures": 2,
    }.items()
}
SIGNED = {"Authorization": "Bearer a", "Cookie": f"sessionid={'s' * 32}"}
LONG = 20_000
IMPORT = "/api/v1/products/import"
PICTURE, NEW_PICTURE = "/admin/catalog/product/7/change/", "/admin/catalog/product/add/"
UNASKED = {r"auth_request .*": ""}
"""The silent server answers no question either."""

pytestmark = needs_nginx


@pytest.fixture
def port(silent: int, tmp_path: Path) -> Iterator[int]:
    """The port of nginx with few places, before a server that answers nothing."""
    with nginx_before(silent, tmp_path, FEW | UNASKED) as listening:
        yield listening


@pytest.mark.parametrize(
    ("path", "length", "of_site", "in_total"),
    [
        (ORDERS, LONG, 2, 3),
        (ORDERS, 16_000, 2, 3),
        (ORDERS, None, 2, 3),
        (IMPORT, LONG, 1, 2),
        ("/admin/inventory/import/", LONG, 1, 2),
        (PICTURE, LONG, 1, 2),
        (NEW_PICTURE, LONG, 1, 2),
    ],
)
def test_long_bodies_are_limited_for_each_site_and_in_total(
    port: int, path: str, length: int | None, of_site: int, in_total: int
) -> None:
    sites = ["2001:db8:1:100::", "2001:db8:1:200::"][:of_site]
    others = [f"198.51.{n}.1" for n in range(in_total - of_site)]
    with unfinished(port, *sites, length=length, path=path, headers=SIGNED):
        assert refused(port, "2001:db8:1:400::", length, path, SIGNED)
        with unfinished(port, *others, length=length, path=path, headers=SIGNED):
            assert refused(port, "203.0.113.1", length, path, SIGNED)
            assert not refused(port, "203.0.113.1", 15_999, path, SIGNED)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        (ORDERS, 2**19),
        (IMPORT, 2**21),
        ("/admin/catalog/product/import/", 2**22),
        (PICTURE, 11 * 2**20),
        (NEW_PICTURE, 11 * 2**20),
    ],
)
def test_a_body_over_the_limit_is_refused_by_the_server(port: int, path: str, most: int) -> None:
    answer = answer_to(port, head("198.51.100.1", most + 1, path, SIGNED))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer
    assert not refused(port, "198.51.100.1", most, path, SIGNED)


EXPORT = "/api/v1/orders.csv"
LONG_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\nConnection: close\r\n\r\n" + b"x" * 400_000
)


def test_exports_are_limited_for_each_site_and_in_total(tmp_path: Path) -> None:
    """Their files at nginx are those of clients that read slowly."""
    small_queue = {r"listen (127[^;]*);": r"listen \1 sndbuf=16k;"}
    with (
        server(LONG_ANSWER) as behind,
        nginx_before(behind, tmp_path, small_queue) as port,
        ExitStack() as readers,
    ):

        def is_refused(client: str, path: str = EXPORT) -> bool:
            reader = readers.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            reader.settimeout(20)
            reader.connect(("127.0.0.1", port))
            reader.sendall(head(client, 0, path).replace(b"POST", b"GET", 1))
            return reader.recv(12) == b"HTTP/1.1 503"

        # A body would keep a place for as long as it takes.
        for n in range(12):
            with_body = head(f"198.51.{n}.1", 9, EXPORT).replace(b"POST", b"GET", 1)
            assert answer_to(port, with_body).startswith(b"HTTP/1.1 413 ")
        assert [is_refused("198.51.100.1") for _ in range(5)] == [False] * 4 + [True]
        assert [is_refused("198.51.101.1") for _ in range(4)] == [False] * 4
        assert is_refused("198.51.102.1")
        assert not is_refused("198.51.100.1", "/api/v1/products")
