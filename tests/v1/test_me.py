"""`me`: changing and deleting one's own account."""

from collections.abc import Callable
from typing import Any

import pytest

from larder.http.authentication import _EndedSessions
from tests.conftest import Api, Person
from tests.http.conftest import JudgedApi

MakePerson = Callable[..., Person]


def test_only_the_fields_given_are_changed(person: MakePerson, as_: Callable[..., Api]) -> None:
    who = person("Anna", email="anna@example.com")
    me = as_(who)
    before = me("GET", "me").body
    answer = me("PATCH", "me", {"first_name": "Anna", "last_name": "Smith"})
    assert (answer.status, answer.body) == (
        200,
        before | {"first_name": "Anna", "last_name": "Smith"},
    )
    assert me("PATCH", "me", {"email": ""}).body["email"] == ""
    assert me("GET", "me").body["first_name"] == "Anna"


def test_a_changed_name_is_used_to_log_in_and_tokens_stay_valid(
    person: MakePerson, as_: Callable[..., Api], api: Api
) -> None:
    who = person("Anna")
    me = as_(who)
    assert me("PATCH", "me", {"username": "Bert Smith"}).status == 200
    assert me("GET", "me").body["username"] == "Bert Smith"
    statuses = [
        api("POST", "auth/token", {"username": name, "password": who.password}).status
        for name in ("Anna", "bert smith")
    ]
    assert statuses == [401, 200]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"username": "BERT"}, 409, "username_taken"),
        ({"email": "BERT@example.com"}, 409, "email_taken"),
        ({"username": ""}, 400, "validation_error"),
        ({"username": "\ufdfa" * 150}, 400, "validation_error"),
        ({"username": None}, 400, "validation_error"),
        ({"email": "nobody"}, 400, "validation_error"),
        ({"first_name": "x" * 151}, 400, "validation_error"),
        ({"first_name": "\0"}, 400, "validation_error"),
        ({"is_staff": True}, 400, "unknown_field"),
        ({"password": "another one"}, 400, "unknown_field"),
    ],
)
def test_an_invalid_profile_change_is_refused_and_changes_nothing(
    person: MakePerson, as_: Callable[..., Api], body: dict[str, Any], status: int, code: str
) -> None:
    person("bert", email="bert@example.com")
    me = as_(person("Anna", email="anna@example.com"))
    before = me("GET", "me").body
    refused = me("PATCH", "me", body)
    assert (refused.status, refused.body["code"]) == (status, code)
    assert me("GET", "me").body == before


def test_a_change_of_an_outdated_profile_is_refused(
    person: MakePerson, as_: Callable[..., Api]
) -> None:
    me = as_(person())
    tag = me("GET", "me").headers["ETag"]
    assert me("PATCH", "me", {"first_name": "Anna"}, If_Match=tag).status == 200
    for method, body in (("PATCH", {"first_name": "Bert"}), ("DELETE", None)):
        refused = me(method, "me", body, If_Match=tag)
        assert (refused.status, refused.body["code"]) == (412, "precondition_failed")
    assert me("GET", "me").body["first_name"] == "Anna"


def test_a_deleted_account_cannot_log_in_and_its_orders_are_kept(
    person: MakePerson,
    product: Callable[..., int],
    api: Api,
    staff: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    who = person("Anna")
    credentials = {"username": "Anna", "password": who.password}
    pair = api("POST", "auth/token", credentials).body
    me = JudgedApi(pair["access"])
    key = me("POST", "auth/keys", {}).body["key"]
    placed = me("POST", "orders", {"lines": [{"product": product(), "quantity": 1}]})
    deleted = me("DELETE", "me")
    assert (deleted.status, deleted.body) == (204, None)
    monkeypatch.setattr("larder.http.authentication.ENDED_SESSIONS", _EndedSessions())
    assert me("GET", "me").body["code"] == "session_ended"
    assert JudgedApi(key)("GET", "me").body["code"] == "token_invalid"
    refresh = api("POST", "auth/token/refresh", {"refresh": pair["refresh"]})
    assert (refresh.status, refresh.body["code"]) == (401, "session_ended")
    assert api("POST", "auth/token", credentials).body["code"] == "invalid_credentials"
    assert staff("GET", placed.headers["Location"]).body == placed.body
    assert staff("GET", f"orders?customer={who.id}").body["results"] == [placed.body]
    assert api("POST", "auth/register", credentials).status == 201
