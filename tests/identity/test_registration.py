"""Registration: who may register, what is refused, and repeats."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from larder.core.clock import now as present
from larder.db import idempotency
from larder.identity.models import Customer
from tests.conftest import Answer, Api

GOOD = "a rather good one"


def register(username: str, password: str = GOOD, *, key: str = "", **more: Any) -> Answer:
    """Through the API."""
    body = {"username": username, "password": password, **more}
    headers = {"Idempotency_Key": key} if key else {}
    return Api()("POST", "auth/register", body, **headers)


def log_in(username: str, password: str = GOOD) -> Api:
    """As the new customer."""
    answer = Api()("POST", "auth/token", {"username": username, "password": password})
    return Api(answer.body["access"])


def order(as_customer: Api, product: int) -> Answer:
    """One unit."""
    return as_customer("POST", "orders", {"lines": [{"product": product, "quantity": 1}]})


def test_a_new_customer_may_order_if_registration_is_open(
    db: None, settings: Any, product: Callable[..., int]
) -> None:
    settings.REGISTRATION = "open"
    answer = register("anna")
    assert (answer.status, answer.body["may_order"], answer.body["is_staff"]) == (201, True, False)
    assert order(log_in("anna"), product()).status == 201


def test_a_registration_with_tokens_is_a_log_in_too_and_so_is_its_repeat(db: None) -> None:
    first = register("anna", key="k", tokens=True)
    again = register("anna", key="k", tokens=True)
    assert (first.status, again.status) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    for answer in (first, again):
        tokens = answer.body.pop("tokens")
        assert tokens.keys() == {"access", "refresh", "token_type", "expires_in"}
        assert Api(tokens["access"])("GET", "me").body == answer.body
        renewed = Api()("POST", "auth/token/refresh", {"refresh": tokens["refresh"]})
        assert renewed.status == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert Customer.objects.count() == 1
    assert "tokens" not in register("anna", key="k").body


def test_a_repeat_with_a_password_that_was_changed_since_gets_no_tokens(db: None) -> None:
    access = register("anna", key="k", tokens=True).body["tokens"]["access"]
    changed = {"current_password": GOOD, "new_password": "an even better one"}
    assert Api(access)("POST", "auth/password/change", changed).status in {200, 204}
    refused = register("anna", key="k", tokens=True)
    assert refused.body["code"] == "idempotency_key_reused"


def test_a_refused_registration_opens_no_session(db: None) -> None:
    register("anna")
    for password in (GOOD, "short"):
        refused = register("anna", password, tokens=True)
        assert refused.status in {400, 409}
        assert "tokens" not in refused.body


def test_a_new_customer_may_not_order_before_the_approval_by_staff(
    db: None, settings: Any, product: Callable[..., int]
) -> None:
    settings.REGISTRATION, jam = "approval", product()
    assert register("anna").body["may_order"] is False
    anna = log_in("anna")
    assert anna("GET", "products").status == 200
    refused = order(anna, jam)
    assert (refused.status, refused.body["code"]) == (403, "ordering_not_allowed")
    Customer.objects.update(may_order=True)
    assert order(anna, jam).status == 201


def test_closed_registration_refuses_new_accounts(db: None, settings: Any) -> None:
    settings.REGISTRATION = "closed"
    answer = register("anna")
    assert (answer.status, answer.body["code"]) == (403, "registration_closed")
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("taken", "name"), [("anna", "ANNA"), ("Anna Smith", "anna smith"), ("ÉLODIE", "élodie")]
)
def test_a_taken_name_is_refused_in_upper_and_lower_case(taken: str, name: str, db: None) -> None:
    assert register(taken).status == 201
    answer = register(name)
    assert (answer.status, answer.body["code"]) == (409, "username_taken")


def test_a_taken_name_is_refused_in_every_unicode_form(db: None) -> None:
    assert register("Ame\u0301lie").status == 201
    assert register("am\u00e9lie").body["code"] == "username_taken"


def test_a_taken_email_is_refused_in_any_case_and_several_accounts_may_have_none(db: None) -> None:
    assert register("anna", email="anna@example.com").status == 201
    assert register("bert", email="Anna@Example.com").body["code"] == "email_taken"
    assert register("carl").status == register("dora").status == 201


PASSWORDS = {
    "short1x": {"password_too_short"},
    "football": {"password_too_common"},
    "84629175": {"password_entirely_numeric"},
    "12345678": {"password_too_common", "password_entirely_numeric"},
    "123": {"password_too_short", "password_too_common", "password_entirely_numeric"},
    "anna-elisabeth": {"password_too_similar"},
}


@pytest.mark.parametrize("password", PASSWORDS)
def test_all_faults_of_a_password_are_reported(password: str, db: None) -> None:
    answer = register("anna-elisabeth1", password)
    assert (answer.status, answer.body["code"]) == (400, "validation_error")
    errors = answer.body["errors"]
    assert {fault["pointer"] for fault in errors} == {"/password"}
    assert {fault["code"] for fault in errors} == PASSWORDS[password]
    assert all(fault["detail"].startswith(("This password", "The password")) for fault in errors)
    assert not Customer.objects.exists()


def test_a_repeated_registration_returns_the_same_customer(db: None) -> None:
    first, again = (register("anna", key="k", first_name="Anna") for _ in range(2))
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [{"username": "bert"}, {"password": "another good one"}, {"first_name": "Berta"}],
    ids=lambda other: next(iter(other)),
)
def test_a_registration_key_is_refused_for_another_registration(
    other: dict[str, str], db: None
) -> None:
    mine = {"username": "anna", "password": GOOD}
    register(**mine, key="k")
    answer = register(**(mine | other), key="k")
    assert (answer.status, answer.body["code"]) == (422, "idempotency_key_reused")
    assert Customer.objects.count() == 1


def test_the_key_of_a_refused_registration_can_be_used_again(db: None) -> None:
    register("anna")
    assert register("Anna", key="k").body["code"] == "username_taken"
    assert register("bert", key="k").status == 201


def test_the_key_of_a_registration_expires_after_a_day(db: None) -> None:
    register("anna", key="k")

    def swept(moment: datetime) -> int:
        return idempotency.delete_expired(now=moment, limit=10)

    assert swept(present() + timedelta(hours=24)) == 0
    assert swept(present() + idempotency.RETENTION + timedelta(minutes=1)) == 1


def test_a_registration_with_rights_is_refused(db: None) -> None:
    answer = register("anna", is_staff="true", is_superuser="true")
    assert (answer.status, answer.body["code"]) == (400, "unknown_field")
    assert not Customer.objects.exists()
