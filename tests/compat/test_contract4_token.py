"""Contract 4: `GET /token/`, and the credentials of its other paths."""

import base64
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import make_password

from larder.db import database
from larder.identity.models import Customer
from larder.identity.services.accounts import delete_account
from tests.compat.conftest import ApiClient
from tests.compat.documented import Documented
from tests.compat.held import held
from tests.conftest import NOW, Person
from tests.tiers import LONGEST

MakePerson = Callable[..., Person]
BASIC = 'Basic realm="api"'
PROTECTED = [
    ("GET", "/products/"),
    ("POST", "/products/"),
    ("GET", "/products/1/"),
    ("PUT", "/products/1/"),
    ("PATCH", "/products/1/"),
    ("DELETE", "/products/1/"),
    ("POST", "/products/1/add_to_order/"),
    ("POST", "/products/1/remove_from_order/"),
    ("GET", "/orders/"),
    ("GET", "/orders/1/"),
    ("GET", "/orders/current/"),
    ("POST", "/orders/1/submit/"),
]


def basic(username: str, password: str) -> str:
    """The header of HTTP Basic."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def test_the_key_has_forty_hex_digits_and_is_the_same_at_each_call(
    person: MakePerson, by_password: Callable[[Person], ApiClient]
) -> None:
    client = Documented("4", by_password(person()))
    first, second = client("GET", "/token/"), client("GET", "/token/")
    assert (first.status, list(first.body)) == (200, ["token"])
    assert re.fullmatch("[0-9a-f]{40}", first.body["token"])
    assert second.body == first.body
    assert first.headers["cache-control"] == "private, no-store"


def test_the_key_gives_access_to_the_other_paths(
    person: MakePerson, by_password: Callable[[Person], ApiClient], anyone: ApiClient
) -> None:
    key = by_password(person())("GET", "/token/").body["token"]
    reply = anyone("GET", "/orders/", Authorization=f"Token {key}")
    assert (reply.status, reply.body) == (200, [])


def test_a_user_name_in_any_case_and_with_spaces_gets_the_same_key(
    person: MakePerson, anyone: ApiClient
) -> None:
    person("Ada of Norwich", "pässwörd: with colon")
    keys = {
        anyone("GET", "/token/", Authorization=basic(name, "pässwörd: with colon")).body["token"]
        for name in ("Ada of Norwich", "ADA OF NORWICH")
    }
    assert len(keys) == 1


@pytest.mark.parametrize("wrong", ["password", "username", "NUL", "inactive", "deleted"])
def test_all_wrong_credentials_get_the_same_answer(
    person: MakePerson, anyone: ApiClient, wrong: str
) -> None:
    who = person("Ada", is_active=wrong != "inactive")
    if wrong == "deleted":
        delete_account(who.id, now=NOW)
    given = {"password": basic("Ada", "no"), "username": basic("Eve", who.password)}
    given["NUL"] = basic("A\0da", who.password)
    sent = given.get(wrong, basic("Ada", who.password))
    reply = Documented("4", anyone)("GET", "/token/", Authorization=sent)
    assert (reply.status, reply.body) == (401, {"detail": "Invalid username/password."})
    assert reply.headers["www-authenticate"] == BASIC


@pytest.mark.parametrize("header", ["Basic", "Basic ???", "Basic a b", "Basic YWJj", "Digest x"])
def test_a_header_without_basic_credentials_is_refused(anyone: ApiClient, header: str) -> None:
    for path in ("/token/", "/orders/"):
        reply = anyone("GET", path, Authorization=header)
        assert (reply.status, list(reply.body)) == (401, ["detail"])
        assert reply.headers["www-authenticate"] == BASIC


def test_only_a_password_gets_a_key(
    person: MakePerson,
    by_password: Callable[[Person], ApiClient],
    client_of: Callable[[Person], ApiClient],
) -> None:
    who = person()
    key = by_password(who)("GET", "/token/").body["token"]
    for client in (
        ApiClient(client_of(who).server, f"Token {key}"),
        client_of(who),
        ApiClient(client_of(who).server),
    ):
        reply = Documented("4", client)("GET", "/token/")
        assert (reply.status, reply.headers["www-authenticate"]) == (401, BASIC)
        assert list(reply.body) == ["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_token_path_accepts_only_get(
    person: MakePerson, by_password: Callable[[Person], ApiClient], method: str
) -> None:
    reply = by_password(person())(method, "/token/")
    assert (reply.status, list(reply.body)) == (405, ["detail"])


def test_concurrent_first_calls_return_one_key(
    person: MakePerson, by_password: Callable[[Person], ApiClient]
) -> None:
    client = by_password(person())
    with ThreadPoolExecutor(6) as threads:
        replies = list(threads.map(lambda _: client("GET", "/token/"), range(6)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body["token"] for reply in replies}) == 1


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


def test_every_path_without_credentials_requests_basic_authentication(anyone: ApiClient) -> None:
    for method, path in PROTECTED:
        for sent in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Token x"}):
            reply = Documented("4", anyone)(method, path, **sent)
            assert (reply.status, list(reply.body)) == (401, ["detail"])
            assert reply.headers["www-authenticate"] == BASIC
            assert re.fullmatch("[0-9a-f]{32}", reply.headers["correlation-id"])


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


def test_a_bad_access_token_is_refused_in_the_form_of_each_contract(anyone: ApiClient) -> None:
    reply = anyone("GET", "/orders/", Authorization="Bearer a.b.c")
    assert (reply.status, reply.body["code"]) == (401, "token_not_valid")
    assert reply.headers["www-authenticate"] == BASIC


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
