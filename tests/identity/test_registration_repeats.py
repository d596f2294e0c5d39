"""A repeated registration is recognised without a hash of its password and does not reveal it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from larder.db import database
from larder.identity.models import Customer
from larder.identity.passwords import hashers
from larder.identity.services.accounts import delete_account
from larder.identity.services.rates import Rate, attempts
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
    monkeypatch.setattr(hashers, "_lanes", hashers.lanes_of(1, staff=0, others=0))


def test_a_repeat_costs_no_hash(db: None, hashes: Counted) -> None:
    assert [register().status for _ in range(5)] == [201] * 5
    assert hashes.begun == 1


def test_a_registration_with_tokens_costs_one_hash(db: None, hashes: Counted) -> None:
    assert "tokens" in register(tokens=True).body
    assert hashes.begun == 1


def test_a_registration_is_not_refused_because_log_ins_from_its_address_are(
    db: None, hashes: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = attempts.Limits(Rate(1, 3600), Rate(1, 3600), failures=attempts.BOTH)
    limits = {**attempts.NORMAL, "log in": one}
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(limits=limits)])
    wrong = {"username": "bert", "password": "a wrong one"}
    answers = [Api()("POST", "auth/token", wrong).status for _ in range(2)]
    assert answers == [401, 429]
    registered = register(tokens=True)
    assert registered.status == 201
    assert Api(registered.body["tokens"]["access"])("GET", "me").body["username"] == "anna"
    assert register(tokens=True).status == 429


def test_a_repeat_is_answered_while_the_hash_lane_is_full(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = register()
    full(monkeypatch)
    again = register()
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.body == first.body
    assert register("bert", key="another").status == 503


@pytest.mark.parametrize("other", [{"password": "another good one"}, {"username": "bert"}])
def test_a_reused_key_is_refused_without_a_hash(
    other: dict[str, str], db: None, hashes: Counted
) -> None:
    register()
    assert register(**other).body["code"] == "idempotency_key_reused"
    assert hashes.begun == 1


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


def test_concurrent_equal_registrations_share_one_hash(
    transactional_db: None, hashes: Counted
) -> None:
    def elsewhere(_: int) -> Answer:
        try:
            return register()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(elsewhere, range(4)))
    assert {answer.status for answer in answers} == {201}
    assert (hashes.begun, Customer.objects.count()) == (1, 1)


def kept() -> list[Any]:
    """Returns the stored rows of registration keys."""
    return [
        value.tobytes() if isinstance(value, memoryview) else value
        for row in database.rows("SELECT key, fingerprint, result FROM idempotency_key")
        for value in row
    ]


def test_neither_the_key_nor_a_plain_hash_of_the_password_is_stored(
    db: None, settings: Any
) -> None:
    """Otherwise a guess could be compared in a microsecond instead of the 40 ms of a hash."""
    key = "d7f1c2f0-6e6b-4f0e-9f6c-0f6b6f3d2a10"
    register(key=key)
    before = kept()
    assert key not in str(before)
    database.execute("DELETE FROM idempotency_key")
    Customer.objects.all().delete()
    settings.SECRET_KEY = "another secret"
    register(key=key)
    assert set(before[:2]).isdisjoint(kept()), "both are made with the installation's secret"


def test_the_same_password_under_two_keys_is_stored_differently(db: None) -> None:
    register(key="one")
    Customer.objects.all().delete()
    register(key="two")
    assert len(set(kept())) == len(kept())


def test_a_repeat_is_recognised_after_a_rotation_of_the_secret(db: None, settings: Any) -> None:
    first = register()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the next secret"
    assert register().body == first.body


def test_the_registration_key_of_a_deleted_account_registers_no_account(
    db: None, now: datetime
) -> None:
    delete_account(register().body["id"], now=now)
    assert register().body["code"] == "idempotency_key_reused"
