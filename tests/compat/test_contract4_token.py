"""Contract 4: `GET /token/`, and the credentials of its other paths."""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from django.contrib.auth.hashers import make_password

from larder.db import database
from larder.identity.models import Customer
from tests.compat.conftest import ApiClient
from tests.conftest import Person
from tests.database import lock_is_awaited
from tests.server import Reply
from tests.tiers import LONGEST
from tools.processes import wait_until

Begin = Callable[[Callable[[], Reply]], "Future[Reply]"]


@contextmanager
def held(statement: str, *parameters: Any) -> Iterator[Begin]:
    """Runs a statement as the tables' owner, and commits it at the end of the block.

    What is given to the function in the block begins meanwhile; that returns when the request
    waits for the statement's locks.
    """
    with (
        ThreadPoolExecutor(1) as other,
        psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner,
    ):
        owner.execute(statement.encode(), parameters)

        def begin(request: Callable[[], Reply]) -> "Future[Reply]":
            asked = other.submit(request)
            assert wait_until(lambda: lock_is_awaited() or asked.done())
            assert not asked.done(), asked.result()
            return asked

        yield begin
        owner.commit()


MakePerson = Callable[..., Person]


def test_the_key_gives_access_to_the_other_paths(
    person: MakePerson, by_password: Callable[[Person], ApiClient], anyone: ApiClient
) -> None:
    key = by_password(person())("GET", "/token/").body["token"]
    reply = anyone("GET", "/orders/", Authorization=f"Token {key}")
    assert (reply.status, reply.body) == (200, [])


def test_a_key_created_during_a_password_change_ends_with_it(
    person: MakePerson, by_password: Callable[[Person], ApiClient]
) -> None:
    who = person()
    with held(
        "UPDATE customer SET password = %s WHERE id = %s", make_password("new"), who.id
    ) as go:
        # The old password is still the one that is read; then the account is waited for.
        asked = go(lambda: by_password(who)("GET", "/token/"))
    assert asked.result(LONGEST).status == 401
    assert database.rows("SELECT count(*) FROM key") == [(0,)]


def test_every_kind_of_credentials_gives_access(
    person: MakePerson,
    by_password: Callable[[Person], ApiClient],
    client_of: Callable[[Person], ApiClient],
) -> None:
    who = person()
    key = by_password(who)("GET", "/token/").body["token"]
    orders = {
        client("GET", "/orders/current/").body["id"]
        for client in (
            by_password(who),
            client_of(who),
            ApiClient(client_of(who).server, f"Token {key}"),
        )
    }
    assert len(orders) == 1


def test_a_deactivated_account_is_refused_at_once(
    person: MakePerson,
    by_password: Callable[[Person], ApiClient],
    client_of: Callable[[Person], ApiClient],
) -> None:
    who = person()
    key = by_password(who)("GET", "/token/").body["token"]
    Customer.objects.filter(pk=who.id).update(is_active=False)
    for client in (
        by_password(who),
        client_of(who),
        ApiClient(client_of(who).server, f"Token {key}"),
    ):
        assert client("GET", "/products/").status == 401


def test_the_home_page_is_public_and_all_its_links_work(anyone: ApiClient) -> None:
    reply = anyone("GET", "/")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    links = re.findall('<a href="([^"]+)"', reply.body.decode())
    assert len(links) >= 8
    assert {anyone("GET", link).status for link in links if link != "/admin/"} == {200}
    assert anyone("GET", "/admin/").status == 302
