"""A repeated registration is recognised by its key and its password."""

from datetime import datetime
from typing import Any

import pytest

from larder.identity import hashers
from larder.identity.models import Customer
from larder.identity.services import attempts
from larder.identity.services.accounts import delete_account
from larder.identity.services.attempts import Rate
from tests.conftest import Answer, Api
from tests.identity.conftest import Counted

GOOD = "a rather good one"


def register(
    username: str = "anna", password: str = GOOD, *, key: str = "k", **more: Any
) -> Answer:
    """Through the API."""
    body = {"username": username, "password": password, **more}
    return Api()("POST", "auth/register", body, **({"Idempotency_Key": key} if key else {}))


def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves no place in the hash lane."""
    monkeypatch.setattr(hashers, "_lanes", hashers.lanes_of(staff=0, others=0))


def test_a_registration_with_tokens_costs_one_hash(db: None, hashes: Counted) -> None:
    assert "tokens" in register(tokens=True).body
    assert hashes.begun == 1


def test_a_registration_is_not_refused_because_log_ins_from_its_address_are(
    db: None, hashes: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = attempts.Limit("address", Rate(1, 3600), failures=True)
    limits = {**attempts.NORMAL, "log in": [limit]}
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(limits=limits)])
    wrong = {"username": "bert", "password": "a wrong one"}
    answers = [Api()("POST", "auth/token", wrong).status for _ in range(2)]
    assert answers == [401, 429]
    registered = register(tokens=True)
    assert registered.status == 201
    assert Api(registered.body["tokens"]["access"])("GET", "me").body["username"] == "anna"
    assert register(tokens=True).status == 429


@pytest.mark.parametrize("other", [{"password": "another good one"}, {"username": "bert"}])
def test_a_reused_key_is_refused(other: dict[str, str], db: None) -> None:
    first = register()
    assert register(**other).body["code"] == "idempotency_key_reused"
    assert register().body == first.body


def test_a_taken_name_is_refused_without_a_hash(db: None, hashes: Counted) -> None:
    """The earlier contracts have no key: a repeat there has a taken name."""
    register(key="")
    assert register(key="").body["code"] == "username_taken"
    assert (hashes.begun, Customer.objects.count()) == (1, 1)


def test_a_registration_refused_by_a_full_lane_releases_its_key(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as while_full:
        full(while_full)
        assert register().status == 503
    assert register().status == 201


def test_the_registration_key_of_a_deleted_account_registers_no_account(
    db: None, now: datetime
) -> None:
    delete_account(register().body["id"], now=now)
    assert register().body["code"] == "idempotency_key_reused"
