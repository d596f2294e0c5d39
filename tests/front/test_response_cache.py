"""The event loop sends stored responses of the product list, as Django would, to authorised
callers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from larder.core.telemetry import taken
from larder.front import application, products
from larder.http import authentication
from larder.http.answered_requests import AnsweredRequest, answered
from tests.conftest import Api, Person
from tests.front.in_process import USUAL, Headers, OnLoop, without_id
from tests.http.conftest import token_for

MakeProduct = Callable[..., int]
MakePerson = Callable[..., Person]


@pytest.mark.parametrize("path", ["products", "products?limit=5", "products?in_stock=true&count=1"])
@pytest.mark.parametrize(
    "headers", [*USUAL, {"If_None_Match": '"none"'}, {"Content_Type": "application/json"}]
)
def test_the_on_loop_gives_the_same_answer_as_django(
    on_loop: OnLoop, shelf: None, token: str, path: str, headers: Headers
) -> None:
    through = on_loop(token, path, **headers)
    cached = on_loop(token, path, **headers)
    assert on_loop.reached == 1
    assert through[0] == "200 OK"
    assert without_id(cached) == without_id(through)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_on_loop_gives_the_same_304_as_django(
    on_loop: OnLoop, shelf: None, token: str, encoding: str
) -> None:
    tag = on_loop(token, Accept_Encoding=encoding)[1]["ETag"]
    cached = on_loop(token, Accept_Encoding=encoding, If_None_Match=tag)
    assert (cached[0], on_loop.reached) == ("304 Not Modified", 1)
    on_loop.forget()
    through = on_loop(token, Accept_Encoding=encoding, If_None_Match=tag)
    assert on_loop.reached == 2
    assert without_id(cached) == without_id(through)


def test_every_customer_gets_the_same_answer(
    on_loop: OnLoop, shelf: None, person: MakePerson
) -> None:
    tokens = [token_for(person()) for _ in range(3)]
    first = [on_loop(token) for token in tokens]
    assert on_loop.reached == 3, "a token that was never seen goes to Django"
    assert [without_id(on_loop(token)) for token in tokens] == list(map(without_id, first))
    assert on_loop.reached == 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "text/html"}, "406"),
        ({"Origin": "https://elsewhere.example"}, "200"),
        ({"Cookie": "sessionid=x"}, "200"),
        ({"Authorization": "Basic eDp5"}, "401"),
        ({"Authorization": "Bearer a.b.c"}, "401"),
        ({"Authorization": ""}, "401"),
        ({"Host": "elsewhere.example"}, "400"),
    ],
)
def test_unusual_requests_go_to_django(
    on_loop: OnLoop, shelf: None, token: str, headers: Headers, status: str
) -> None:
    on_loop(token)
    for turn in (2, 3):
        assert on_loop(token, **headers)[0].startswith(status)
        assert on_loop.reached == turn


def test_a_client_without_gzip_gets_an_uncompressed_answer(
    on_loop: OnLoop, shelf: None, token: str
) -> None:
    for accept in ("gzip", "gzip", "", "identity", "gzip"):
        headers = on_loop(token, Accept_Encoding=accept)[1]
        assert ("Content-Encoding" in headers) == (accept == "gzip"), accept


def test_the_cache_key_contains_the_query(on_loop: OnLoop, shelf: None, token: str) -> None:
    on_loop(token, "products?limit=1")
    bodies = [
        on_loop(token, path)[2] for path in ("products?limit=1", "products?limit=2", "products")
    ]
    assert [body.count(b'"sku"') for body in bodies] == [1, 2, 20]


def test_https_answers_are_not_reused_for_http(
    on_loop: OnLoop, shelf: None, token: str, settings: Any
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for scheme in ("https", "http", "https", "http"):
        body = on_loop(token, X_Forwarded_Proto=scheme)[2]
        assert f'"next":"{scheme}://'.encode() in body


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST"])
def test_other_methods_go_to_django(on_loop: OnLoop, shelf: None, token: str, method: str) -> None:
    on_loop(token)
    on_loop(token, method=method)
    assert on_loop.reached == 2


def test_a_list_request_with_a_body_goes_to_django(
    on_loop: OnLoop, shelf: None, token: str
) -> None:
    on_loop(token)
    assert on_loop.send(b"x", token, "products", "GET")[0] == "200 OK"
    assert on_loop.reached == 2


def test_each_answer_has_a_new_id_or_that_of_its_request(
    on_loop: OnLoop, shelf: None, token: str
) -> None:
    id = uuid4().hex
    ids = {on_loop(token)[1]["Correlation-ID"] for _ in range(20)}
    assert (len(ids), on_loop.reached) == (20, 1)
    assert on_loop(token, Correlation_ID=id)[1]["Correlation-ID"] == id
    assert on_loop(token, Correlation_ID="{" + id)[1]["Correlation-ID"] != id


def test_each_answer_is_counted_once_by_the_on_loop_or_by_django(
    on_loop: OnLoop, shelf: None, person: MakePerson
) -> None:
    who = person()
    tag = on_loop(token_for(who))[1]["ETag"]
    token = token_for(who)
    taken(answered)
    for seen in ("", "", tag):
        answer = on_loop(token, **({"If_None_Match": seen} if seen else {}))
    noted = [AnsweredRequest(*entry) for entry in taken(answered)]
    assert [entry.status for entry in noted] == [200, 200, 304]
    assert {(entry.route, entry.caller.id) for entry in noted} == {("api/v1/products", who.id)}
    assert noted[-1].correlation_id == answer[1]["Correlation-ID"]


def test_an_expired_token_is_refused_although_the_answer_is_cached(
    on_loop: OnLoop, shelf: None, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_for(person(), now=datetime.now(UTC))
    assert [on_loop(token)[0] for _ in range(2)] == ["200 OK"] * 2
    later = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
    monkeypatch.setattr(authentication, "time", lambda: later)
    status, _, body = on_loop(token)
    assert (status, b"token_expired" in body) == ("401 Unauthorized", True)


def test_an_ended_session_is_refused_although_the_answer_is_cached(
    on_loop: OnLoop, shelf: None, api: Api, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if the server's thread cannot read the ended sessions."""
    monkeypatch.setattr(authentication, "ENDED_SESSIONS", authentication._EndedSessions())
    who = person()
    credentials = {"username": who.customer.username, "password": who.password}
    pair = api("POST", "auth/token", credentials).body
    assert [on_loop(pair["access"])[0] for _ in range(2)] == ["200 OK"] * 2
    assert on_loop.reached == 1
    assert api("POST", "auth/token/revoke", {"refresh": pair["refresh"]}).status == 204
    passed = authentication.SESSIONS_TOO_OLD + 0.1
    monkeypatch.setattr(authentication, "monotonic", lambda: monotonic() + passed)
    status, _, body = on_loop(pair["access"])
    assert (status, b"session_ended" in body) == ("401 Unauthorized", True)


def test_an_ended_session_gets_no_cached_answer(
    on_loop: OnLoop, shelf: None, api: Api, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's thread has read the ended sessions."""
    monkeypatch.setattr(authentication, "ENDED_SESSIONS", authentication._EndedSessions())
    who = person()
    credentials = {"username": who.customer.username, "password": who.password}
    pair = api("POST", "auth/token", credentials).body
    assert [on_loop(pair["access"])[0] for _ in range(2)] == ["200 OK"] * 2
    assert api("POST", "auth/token/revoke", {"refresh": pair["refresh"]}).status == 204
    authentication.ENDED_SESSIONS.read()
    assert on_loop(pair["access"])[0] == "401 Unauthorized"


def test_staff_are_looked_up_each_time(on_loop: OnLoop, shelf: None, person: MakePerson) -> None:
    token = token_for(person(is_staff=True))
    assert [on_loop(token)[0] for _ in range(3)] == ["200 OK"] * 3
    assert on_loop.reached == 3


def test_a_client_reads_its_own_writes(
    on_loop: OnLoop, product: MakeProduct, person: MakePerson, as_: Callable[[Person], Any]
) -> None:
    jam, who = product(stock=10), person()
    token = token_for(who)
    assert [on_loop(token)[2].count(b'"quantity":10') for _ in range(2)] == [1, 1]
    order = {"lines": [{"product": jam, "quantity": 3}]}
    position = as_(who)("POST", "orders", order).headers["Larder-Position"]
    assert on_loop(token, Larder_Position=position)[2].count(b'"quantity":7') == 1
    assert on_loop.reached == 1


def test_the_number_of_cached_entries_is_bounded(
    on_loop: OnLoop, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "MAX_ENTRIES", 3)
    for limit in range(1, 20):
        on_loop(token, f"products?limit={limit}")
        assert len(on_loop.operation._answers) <= 3


def test_a_large_page_is_not_kept(
    on_loop: OnLoop, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "MAX_PAGE_BYTES", 10)
    assert [on_loop(token)[0] for _ in range(2)] == ["200 OK"] * 2
    assert on_loop.reached == 2
