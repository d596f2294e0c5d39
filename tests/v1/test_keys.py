"""`auth/keys`: long-lived keys are shown once and refused as soon as they are deleted."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from larder.core.clock import now
from larder.http.authentication import secrets
from larder.identity.models import Key
from larder.identity.services import keys
from tests.conftest import Api, Person
from tests.http.conftest import JudgedApi

MakePerson = Callable[..., Person]
SHOWN = {"id", "name", "derived", "permissions", "created_at", "expires_at", "last_used_at"}
SEE, PACK = "orders.view_order", "orders.pack_order"


@pytest.mark.parametrize("word", ["Bearer", "Token", "bearer"])
def test_a_key_is_accepted_in_place_of_an_access_token(
    person: MakePerson, as_: Callable[..., Api], api: Api, word: str
) -> None:
    who = person()
    created = as_(who)("POST", "auth/keys", {"name": "Till"})
    assert (created.status, created.body.keys()) == (201, SHOWN | {"key"})
    assert created.headers["Cache-Control"] == "private, no-store"
    answer = api("GET", "me", Authorization=f"{word} {created.body['key']}")
    assert answer.body["id"] == who.id


def test_a_deleted_key_is_refused_at_once(customer: Api) -> None:
    key = customer("POST", "auth/keys", {}).body
    program = JudgedApi(key["key"])
    assert program("GET", "me").status == 200
    assert program("DELETE", f"auth/keys/{key['id']}").status == 204
    refused = program("GET", "me")
    assert (refused.status, refused.body["code"]) == (401, "token_invalid")
    assert customer("DELETE", f"auth/keys/{key['id']}").status == 404


def test_a_repeated_request_creates_no_second_key_and_shows_none(customer: Api) -> None:
    first = customer("POST", "auth/keys", {"name": "Till"}, Idempotency_Key="k")
    again = customer("POST", "auth/keys", {"name": "Till"}, Idempotency_Key="k")
    assert (again.status, again.body) == (201, first.body | {"key": None})
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    other = customer("POST", "auth/keys", {"name": "Shop"}, Idempotency_Key="k")
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert len(customer("GET", "auth/keys").body["results"]) == 1
    customer("DELETE", f"auth/keys/{first.body['id']}")
    gone = customer("POST", "auth/keys", {"name": "Till"}, Idempotency_Key="k")
    assert gone.status == 404


def test_the_list_has_the_callers_valid_keys_without_their_text(customer: Api, staff: Api) -> None:
    staff("POST", "auth/keys", {"name": "another's"})
    keys = [customer("POST", "auth/keys", {"name": f"{n}"}).body for n in range(5)]
    customer("DELETE", f"auth/keys/{keys[3]['id']}")
    page = customer("GET", "auth/keys?limit=3").body
    rest = customer("GET", page["next"].removeprefix("http://testserver")).body
    shown = page["results"] + rest["results"]
    assert [row["name"] for row in shown] == ["0", "1", "2", "4"]
    assert shown[0].keys() == SHOWN
    assert rest["next"] is None


def test_the_derived_key_is_listed_works_in_v1_and_can_be_deleted(person: MakePerson) -> None:
    who = person()
    text = keys.key_for_password(
        who.customer.username, who.password, channel="contract0", secrets=secrets(), now=now()
    )
    program = JudgedApi(text)
    (row,) = program("GET", "auth/keys").body["results"]
    assert (row["derived"], row["name"]) == (True, "")
    assert program("DELETE", f"auth/keys/{row['id']}").status == 204
    assert program("GET", "me").status == 401


def test_staff_with_the_permission_end_the_keys_of_others(
    person: MakePerson, as_: Callable[..., Api]
) -> None:
    who, owner, support = (
        person(),
        as_(person(is_staff=True, role="owner")),
        as_(person(is_staff=True, role="support")),
    )
    created = as_(who)("POST", "auth/keys", {}).body
    for other, status in ((as_(person()), 404), (support, 403)):
        assert other("DELETE", f"auth/keys/{created['id']}").status == status
    assert [key["id"] for key in as_(who)("GET", "auth/keys").body["results"]] == [created["id"]]
    assert owner("GET", "auth/keys").body["results"] == []
    assert owner("DELETE", f"auth/keys/{created['id']}").status == 204
    assert JudgedApi(created["key"])("GET", "me").status == 401
    assert owner("DELETE", f"auth/keys/{created['id']}").status == 404


FAULTY: list[dict[str, Any]] = [
    *({"name": "x" * 101}, {"name": 1}, {"key": "mine"}),
    *({"permissions": SEE}, {"permissions": {}}, {"permissions": [1]}, {"permissions": [[SEE]]}),
    *({"permissions": [f"{SEE}\0"]}, {"permissions": [SEE] * 101}, {"permissions": ["x" * 1_000]}),
    *({"expires_at": 10**30}, {"expires_at": "2030-01-01"}, {"expires_at": "2030-01-01T00:00:00"}),
    *({"expires_at": f"{year:04}-01-01T00:00:00-14:00"} for year in (1, 2020, 9999)),
]


@pytest.mark.parametrize("body", FAULTY)
def test_invalid_requests_create_no_key(customer: Api, body: dict[str, Any]) -> None:
    assert customer("POST", "auth/keys", body).status == 400
    assert customer("GET", "auth/keys").body["results"] == []


@pytest.mark.parametrize("text", ["x", "larder_x", "0" * 40, "larder_" + "A" * 40, "\xff" * 47])
def test_an_invalid_key_text_is_refused(api: Api, db: None, text: str) -> None:
    refused = api("GET", "me", Authorization=f"Token {text}")
    assert (refused.status, refused.body["code"]) == (401, "token_invalid")


def test_all_unknown_permissions_are_named(staff: Api) -> None:
    body = {"permissions": [SEE, "x.y", "orders.view_orders"]}
    refused = staff("POST", "auth/keys", body)
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    assert [(fault["pointer"], fault["code"]) for fault in refused.body["errors"]] == [
        ("/permissions/1", "unknown_value"),
        ("/permissions/2", "unknown_value"),
    ]


def test_a_customer_cannot_name_permissions(customer: Api) -> None:
    refused = customer("POST", "auth/keys", {"permissions": [SEE]})
    assert (refused.status, refused.body["code"]) == (403, "not_staff")
    assert customer("POST", "auth/keys", {"permissions": []}).body["permissions"] == []


def test_all_faults_of_a_key_are_refused_together(staff: Api) -> None:
    body = {"name": "a\u200bb", "permissions": ["nope"], "expires_at": "2001-01-01T00:00:00Z"}
    refused = staff("POST", "auth/keys", body)
    assert [fault["pointer"] for fault in refused.body["errors"]] == [
        "/name",
        "/expires_at",
        "/permissions/0",
    ]


def test_an_expired_key_is_refused_like_a_deleted_one(customer: Api) -> None:
    expires_at = (now() + timedelta(days=30)).isoformat()
    key = customer("POST", "auth/keys", {"expires_at": expires_at}).body
    assert datetime.fromisoformat(key["expires_at"]) == datetime.fromisoformat(expires_at)
    program = JudgedApi(key["key"])
    assert program("GET", "me").status == 200
    Key.objects.update(expires_at=now())
    refused = program("GET", "me")
    assert (refused.status, refused.body["code"]) == (401, "token_invalid")
    assert customer("GET", "auth/keys").body["results"] == []
    assert customer("DELETE", f"auth/keys/{key['id']}").status == 404


def test_a_past_expiry_is_refused_except_in_a_repeat(customer: Api) -> None:
    body = {"expires_at": (now() + timedelta(days=1)).isoformat()}
    first = customer("POST", "auth/keys", body, Idempotency_Key="k")
    other = customer("POST", "auth/keys", {}, Idempotency_Key="k")
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    again = customer("POST", "auth/keys", body, Idempotency_Key="k")
    assert (again.status, again.body) == (201, first.body | {"key": None})
    past = {"expires_at": (now() - timedelta(seconds=1)).isoformat()}
    for _ in range(2):  # A refusal uses no key up.
        refused = customer("POST", "auth/keys", past, Idempotency_Key="late")
        assert [fault["pointer"] for fault in refused.body["errors"]] == ["/expires_at"]
    assert customer("POST", "auth/keys", {}, Idempotency_Key="late").status == 201


def test_a_repeated_key_request_needs_the_same_permissions(staff: Api) -> None:
    answers = [
        staff("POST", "auth/keys", {"permissions": named}, Idempotency_Key="k").status
        for named in ([SEE, PACK], [SEE, PACK], [SEE], None)
    ]
    assert answers == [201, 201, 422, 422]
