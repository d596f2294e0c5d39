"""`auth/keys`: long-lived keys, shown once, out as soon as they are deleted."""

from collections.abc import Callable
from typing import Any

import pytest

from larder.core.clock import now
from larder.http.authentication import secrets
from larder.identity.models import Customer
from larder.identity.services import keys
from tests.conftest import Api, Person
from tests.http.conftest import JudgedApi, token_for

MakePerson = Callable[..., Person]


@pytest.mark.parametrize("word", ["Bearer", "Token", "bearer"])
def test_a_key_does_in_place_of_an_access_token(
    person: MakePerson, as_: Callable[..., Api], api: Api, word: str
) -> None:
    who = person()
    made = as_(who)("POST", "auth/keys", {"name": "Till"})
    assert (made.status, made.body.keys()) == (201, {"id", "name", "key", "created_at"})
    assert made.headers["Cache-Control"] == "private, no-store"
    answer = api("GET", "me", Authorization=f"{word} {made.body['key']}")
    assert answer.body["id"] == who.id


def test_a_deleted_key_is_out_at_once(customer: Api) -> None:
    made = customer("POST", "auth/keys", {}).body
    program = JudgedApi(made["key"])
    assert program("GET", "me").status == 200
    assert program("DELETE", f"auth/keys/{made['id']}").status == 204
    refused = program("GET", "me")
    assert (refused.status, refused.body["code"]) == (401, "token_invalid")
    assert customer("DELETE", f"auth/keys/{made['id']}").status == 404


def test_a_key_of_an_account_that_was_switched_off_is_out_at_once(
    person: MakePerson, as_: Callable[..., Api]
) -> None:
    who = person()
    program = JudgedApi(as_(who)("POST", "auth/keys", {}).body["key"])
    assert program("GET", "me").status == 200
    Customer.objects.filter(pk=who.id).update(is_active=False)
    assert program("GET", "me").body["code"] == "token_invalid"


def test_a_key_has_the_rights_its_owner_has_now(
    person: MakePerson, as_: Callable[..., Api], product: Callable[..., int]
) -> None:
    who, path = person(is_staff=True), f"products/{product()}/ledger"
    program = JudgedApi(as_(who)("POST", "auth/keys", {}).body["key"])
    assert program("GET", path).status == 200
    Customer.objects.filter(pk=who.id).update(is_staff=False)
    assert program("GET", path).body["code"] == "not_staff"


def test_a_repeat_makes_no_second_key_and_shows_none(customer: Api) -> None:
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


def test_the_list_has_the_callers_live_keys_and_shows_none_of_them(
    customer: Api, staff: Api
) -> None:
    staff("POST", "auth/keys", {"name": "another's"})
    made = [customer("POST", "auth/keys", {"name": f"{n}"}).body for n in range(5)]
    customer("DELETE", f"auth/keys/{made[3]['id']}")
    page = customer("GET", "auth/keys?limit=3").body
    rest = customer("GET", page["next"].removeprefix("http://testserver")).body
    shown = page["results"] + rest["results"]
    assert [one["name"] for one in shown] == ["0", "1", "2", "4"]
    assert shown[0].keys() == {"id", "name", "derived", "created_at"}
    assert rest["next"] is None


def test_the_derived_key_is_listed_opens_v1_and_can_be_deleted(person: MakePerson) -> None:
    who = person()
    text = keys.key_for_password(who.customer.username, who.password, secrets=secrets(), now=now())
    program = JudgedApi(text)
    (row,) = program("GET", "auth/keys").body["results"]
    assert (row["derived"], row["name"]) == (True, "")
    assert program("DELETE", f"auth/keys/{row['id']}").status == 204
    assert program("GET", "me").status == 401


def test_an_account_has_fifty_keys_at_most(customer: Api) -> None:
    for _ in range(50):
        assert customer("POST", "auth/keys", {}).status == 201
    refused = customer("POST", "auth/keys", {}, Idempotency_Key="k")
    assert (refused.status, refused.body["code"]) == (409, "too_many_keys")
    (first, *_) = customer("GET", "auth/keys").body["results"]
    customer("DELETE", f"auth/keys/{first['id']}")
    assert customer("POST", "auth/keys", {}, Idempotency_Key="k").body["key"]


def test_nobody_deletes_anothers_key(customer: Api, staff: Api) -> None:
    made = customer("POST", "auth/keys", {}).body
    assert staff("DELETE", f"auth/keys/{made['id']}").status == 404
    assert JudgedApi(made["key"])("GET", "me").status == 200


@pytest.mark.parametrize("body", [{"name": "x" * 101}, {"name": 1}, {"key": "mine"}])
def test_faulty_requests_make_no_key(customer: Api, body: dict[str, Any]) -> None:
    assert customer("POST", "auth/keys", body).status == 400
    assert customer("GET", "auth/keys").body["results"] == []


@pytest.mark.parametrize("text", ["x", "larder_x", "0" * 40, "larder_" + "A" * 40, "\xff" * 47])
def test_what_is_no_key_is_refused(api: Api, db: None, text: str) -> None:
    refused = api("GET", "me", Authorization=f"Token {text}")
    assert (refused.status, refused.body["code"]) == (401, "token_invalid")


def test_a_key_costs_one_statement_more_than_an_access_token(
    person: MakePerson, django_assert_num_queries: Any, sessions_known: None
) -> None:
    who = person()
    customer = JudgedApi(token_for(who))
    program = JudgedApi(customer("POST", "auth/keys", {}).body["key"])
    with django_assert_num_queries(1):
        customer("GET", "me")
    with django_assert_num_queries(2):
        program("GET", "me")
