"""The product list is given out again in front of Django: the same answer, to whom it is due."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from larder.fastpath import cache_key
from larder.http import authentication
from larder.v1 import ready_pages
from tests.conftest import Api, Person
from tests.fastpath.door import USUAL, Door, Headers, without_id
from tests.http.conftest import token_for

MakeProduct = Callable[..., int]
MakePerson = Callable[..., Person]


@pytest.mark.parametrize("path", ["products", "products?limit=5", "products?in_stock=true&count=1"])
@pytest.mark.parametrize(
    "headers", [*USUAL, {"If_None_Match": '"none"'}, {"Content_Type": "application/json"}]
)
def test_the_answer_is_the_same_as_djangos(
    door: Door, shelf: None, token: str, path: str, headers: Headers
) -> None:
    through = door(token, path, **headers)
    kept = door(token, path, **headers)
    assert door.reached == 1
    assert through[0] == "200 OK"
    assert without_id(kept) == without_id(through)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_not_modified_is_the_same_as_djangos(
    door: Door, shelf: None, token: str, encoding: str
) -> None:
    tag = door(token, Accept_Encoding=encoding)[1]["ETag"]
    answers = [door(token, Accept_Encoding=encoding, If_None_Match=tag) for _ in range(2)]
    assert door.reached == 2
    assert [answer[0] for answer in answers] == ["304 Not Modified"] * 2
    assert without_id(answers[0]) == without_id(answers[1])


def test_it_is_the_same_for_every_customer(door: Door, shelf: None, person: MakePerson) -> None:
    tokens = [token_for(person()) for _ in range(3)]
    first = [door(token) for token in tokens]
    assert door.reached == 3, "a token that was never seen goes to Django"
    assert [without_id(door(token)) for token in tokens] == list(map(without_id, first))
    assert door.reached == 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "text/html"}, "406"),
        ({"Origin": "https://elsewhere.example"}, "200"),
        ({"Cookie": "sessionid=x"}, "200"),
        ({"Larder_Position": "x"}, "200"),
        ({"Authorization": "Basic eDp5"}, "401"),
        ({"Authorization": "Bearer a.b.c"}, "401"),
        ({"Authorization": ""}, "401"),
        ({"Host": "elsewhere.example"}, "400"),
    ],
)
def test_what_is_unusual_goes_to_django_each_time(
    door: Door, shelf: None, token: str, headers: Headers, status: str
) -> None:
    door(token)
    for turn in (2, 3):
        assert door(token, **headers)[0].startswith(status)
        assert door.reached == turn


def test_who_takes_no_gzip_gets_none_though_a_compressed_answer_is_kept(
    door: Door, shelf: None, token: str
) -> None:
    for accept in ("gzip", "gzip", "", "identity", "gzip"):
        headers = door(token, Accept_Encoding=accept)[1]
        assert ("Content-Encoding" in headers) == (accept == "gzip"), accept


def test_another_query_is_another_question(door: Door, shelf: None, token: str) -> None:
    door(token, "products?limit=1")
    bodies = [door(token, path)[2] for path in ("products?limit=1", "products?limit=2", "products")]
    assert [body.count(b'"sku"') for body in bodies] == [1, 2, 20]


def test_what_came_by_https_is_not_kept_for_what_did_not(
    door: Door, shelf: None, token: str, settings: Any
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for scheme in ("https", "http", "https", "http"):
        body = door(token, X_Forwarded_Proto=scheme)[2]
        assert f'"next":"{scheme}://'.encode() in body


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST"])
def test_other_methods_go_to_django(door: Door, shelf: None, token: str, method: str) -> None:
    door(token)
    door(token, method=method)
    assert door.reached == 2


def test_a_request_with_a_body_goes_to_django_which_reads_it_away(
    door: Door, shelf: None, token: str
) -> None:
    door(token)
    assert door.send(b"x", token, "products", "GET")[0] == "200 OK"
    assert door.reached == 2


def test_each_answer_has_an_id_of_its_own_or_the_one_it_came_with(
    door: Door, shelf: None, token: str
) -> None:
    given = uuid4().hex
    ids = {door(token)[1]["Correlation-ID"] for _ in range(20)}
    assert (len(ids), door.reached) == (20, 1)
    assert door(token, Correlation_ID=given)[1]["Correlation-ID"] == given
    assert door(token, Correlation_ID="{" + given)[1]["Correlation-ID"] != given


def test_each_is_told_to_whoever_counts_but_for_those_that_django_counts(
    door: Door, shelf: None, person: MakePerson
) -> None:
    who = person()
    tag = door(token_for(who))[1]["ETag"]
    token = token_for(who)
    for seen in ("", "", tag, tag):
        answer = door(token, **({"If_None_Match": seen} if seen else {}))
    assert [(status, caller.id) for status, _, _, caller in door.told] == [
        (200, who.id),
        (304, who.id),
    ]
    assert door.told[-1][2] == answer[1]["Correlation-ID"]


def test_an_expired_token_is_refused_though_the_answer_is_kept(
    door: Door, shelf: None, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_for(person(), now=datetime.now(UTC))
    assert [door(token)[0] for _ in range(2)] == ["200 OK"] * 2
    later = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
    monkeypatch.setattr(authentication, "time", lambda: later)
    status, _, body = door(token)
    assert (status, b"token_expired" in body) == ("401 Unauthorized", True)


def test_an_ended_log_in_is_refused_though_the_answer_is_kept(
    door: Door, shelf: None, api: Api, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once this process has looked again, which it does every few seconds."""
    monkeypatch.setattr(authentication, "_sessions", authentication._EndedSessions())
    who = person()
    credentials = {"username": who.customer.username, "password": who.password}
    pair = api("POST", "auth/token", credentials).body
    assert [door(pair["access"])[0] for _ in range(2)] == ["200 OK"] * 2
    assert door.reached == 1
    assert api("POST", "auth/token/revoke", {"refresh": pair["refresh"]}).status == 204
    passed = authentication.SESSIONS_LOOKED_AT_EVERY + 0.1
    monkeypatch.setattr(authentication, "monotonic", lambda: monotonic() + passed)
    status, _, body = door(pair["access"])
    assert (status, b"session_ended" in body) == ("401 Unauthorized", True)


def test_a_log_in_that_is_known_to_have_ended_gets_no_kept_answer(
    door: Door, shelf: None, api: Api, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request of somebody else has made this process look."""
    monkeypatch.setattr(authentication, "_sessions", authentication._EndedSessions())
    who = person()
    credentials = {"username": who.customer.username, "password": who.password}
    pair = api("POST", "auth/token", credentials).body
    assert [door(pair["access"])[0] for _ in range(2)] == ["200 OK"] * 2
    assert api("POST", "auth/token/revoke", {"refresh": pair["refresh"]}).status == 204
    authentication._sessions._read()
    assert door(pair["access"])[0] == "401 Unauthorized"


def test_what_is_known_of_log_ins_grows_old(
    door: Door, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing goes past the look at ended log-ins: it is made as often as before."""
    door(token)
    monkeypatch.setattr(authentication, "SESSIONS_LOOKED_AT_EVERY", -1.0)
    door(token)
    assert door.reached == 2


def test_staff_are_looked_up_each_time(door: Door, shelf: None, person: MakePerson) -> None:
    token = token_for(person(is_staff=True))
    assert [door(token)[0] for _ in range(3)] == ["200 OK"] * 3
    assert door.reached == 3


def test_whoever_wrote_gets_what_they_wrote(
    door: Door, product: MakeProduct, person: MakePerson, as_: Callable[[Person], Any]
) -> None:
    jam, who = product(stock=10), person()
    token = token_for(who)
    assert [door(token)[2].count(b'"quantity":10') for _ in range(2)] == [1, 1]
    order = {"lines": [{"product": jam, "quantity": 3}]}
    assert as_(who)("POST", "orders", order).status == 201
    assert door(token)[2].count(b'"quantity":7') == 1


def test_the_page_before_is_given_to_nobody_once_there_is_a_new_one(
    door: Door, product: MakeProduct, person: MakePerson, as_: Callable[[Person], Any]
) -> None:
    """Another customer's list goes forwards only, though theirs might be a moment old."""
    jam, who, other = product(stock=10), person(), token_for(person())
    door(other)
    assert as_(who)("POST", "orders", {"lines": [{"product": jam, "quantity": 3}]}).status == 201
    door(token_for(who), Accept="application/json")
    assert door(other)[2].count(b'"quantity":7') == 1


def test_how_many_are_kept_is_bounded(
    door: Door, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_key, "MOST_KEPT", 3)
    for limit in range(1, 20):
        door(token, f"products?limit={limit}")
        assert len(door.application._answers) <= 3


def test_a_large_page_is_not_kept(
    door: Door, shelf: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready_pages, "LARGEST_PAGE", 10)
    assert [door(token)[0] for _ in range(2)] == ["200 OK"] * 2
    assert door.reached == 2
