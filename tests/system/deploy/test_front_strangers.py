"""What requests without a credential cannot take from others at nginx."""

import http.client
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from django.test import Client

from tests.conftest import Api, Person
from tests.server import Server
from tests.system.deploy.nginx import (
    BEHIND_A_PROXY,
    NO_CONTENT,
    answer_to,
    head,
    needs_nginx,
    nginx_before,
    refused,
    server,
    unfinished,
)

FORGED_SESSION = {"Cookie": f"sessionid={'s' * 32}"}
FORGED_TOKEN = {"Authorization": "Bearer forged"}
SECURE = {"X-Forwarded-Proto": "https"}
LONG = 20_000
HTML = ("text/html", "TEXT/HTML;q=0.9", "image/webp, Text/*")

pytestmark = needs_nginx


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of nginx, with its own numbers, before a server that answers everything."""
    with server(NO_CONTENT) as behind, nginx_before(behind, tmp_path) as listening:
        yield listening


def statuses(port: int, path: str, clients: list[str], headers: Mapping[str, str]) -> Counter[int]:
    """Count the statuses of a GET of each client."""
    counts = Counter[int]()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        for client in clients:
            connection.request("GET", path, headers={"X-Forwarded-For": client, **headers})
            with connection.getresponse() as answer:
                answer.read()
                counts[answer.status] += 1
    return counts


@pytest.mark.parametrize("accept", HTML)
def test_pages_of_strangers_are_limited_and_leave_staff_and_probes_alone(
    port: int, accept: str
) -> None:
    strangers = [f"198.51.{n}.1" for n in range(30)]
    page = {"Accept": accept}
    for path in ("/", "/admin/login/"):
        assert statuses(port, path, strangers * 8, page)[503] > 0
    assert statuses(port, "/admin/", ["203.0.113.9"] * 20, FORGED_SESSION | page).keys() == {204}
    assert statuses(port, "/readyz", ["203.0.113.9"] * 20, {}).keys() == {204}
    assert statuses(port, "/api/v1/products", strangers * 8, {}).keys() == {204}
    # One address with a session of its own making has its own limit, and so has one that probes.
    assert statuses(port, "/admin/", strangers[:1] * 99, FORGED_SESSION | page)[503] > 0
    assert statuses(port, "/readyz", strangers[:1] * 99, {})[503] > 0


def test_the_connections_of_one_address_do_not_close_the_upstream(
    silent: int, tmp_path: Path
) -> None:
    with nginx_before(silent, tmp_path) as port, ExitStack() as connections:
        for _ in range(620):
            connection = connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(head("198.51.100.1", 2) + b"{}")
        assert refused(port, "198.51.100.1", 1)
        assert not refused(port, "203.0.113.9", 1)


def test_files_of_strangers_take_no_place(
    transactional_db: None,
    tmp_path: Path,
    person: Callable[..., Person],
    product: Callable[..., int],
) -> None:
    staff, jam = person("boss", is_staff=True, is_superuser=True), product()
    signed_in = Client()
    signed_in.force_login(staff.customer)
    session = {"Cookie": f"sessionid={signed_in.cookies['sessionid'].value}"}
    log_in = {"username": "boss", "password": staff.password}
    token = Api()("POST", "auth/token", log_in).body["access"]
    picture = f"/admin/catalog/product/{jam}/change/"
    with (
        Server(workers=1, environment=BEHIND_A_PROXY) as shop,
        nginx_before(shop.port, tmp_path) as port,
    ):
        for path, valid, forged in (
            ("/api/v1/products/import", {"Authorization": f"Bearer {token}"}, FORGED_TOKEN),
            ("/admin/catalog/product/import/", session, FORGED_SESSION),
            (picture, session, FORGED_SESSION),
        ):
            strangers = [f"198.51.{n}.1" for n in range(4)] * 4
            assert {posted(port, path, client, {}) for client in strangers} == {401}
            assert {posted(port, path, client, forged) for client in strangers} == {401}
            assert not refused(port, "203.0.113.9", LONG, path, SECURE | valid)


def posted(port: int, path: str, client: str, credential: Mapping[str, str]) -> int:
    """Send the head of a long POST; return the status."""
    request = head(client, LONG, path, {**SECURE, **credential})
    return int(answer_to(port, request).split(b" ", 2)[1])


def test_long_bodies_of_strangers_have_few_places(silent: int, tmp_path: Path) -> None:
    strangers = [f"198.51.{n // 4}.1" for n in range(16)]
    with (
        nginx_before(silent, tmp_path) as port,
        unfinished(port, *strangers, length=LONG),
    ):
        assert refused(port, "198.51.100.1", LONG)
        assert not refused(port, "203.0.113.9", LONG, headers=FORGED_TOKEN)
