"""Idempotency keys are claimed once, found again and released.

For concurrent equal requests see tests/system/race.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from larder.core.errors import KeyReused
from larder.db import idempotency
from larder.db.idempotency import Claim, Outcome, Scope, fingerprint
from larder.db.models import IdempotencyKey
from tests.database import lock_is_awaited
from tests.tiers import LONGEST
from tools.processes import wait_until

ADA = UUID(int=1)
ONE, OTHER = fingerprint("same"), fingerprint("other")


def claim_of(key: str, content: bytes = ONE, result: str = "", **options: datetime) -> Claim:
    return Claim(Scope(ADA, "POST /orders", key), content, result, **options)


def test_a_claimed_key_returns_its_earlier_result(db: None, now: datetime) -> None:
    first = claim_of("k", result="7")
    assert idempotency.claim([first], now=now) == {}
    earlier = idempotency.claim([first], now=now)
    assert earlier[first.scope].result_for(first) == "7"
    with pytest.raises(KeyReused):
        earlier[first.scope].result_for(claim_of("k", OTHER))


def test_a_request_is_made_once(db: None, now: datetime) -> None:
    calls: list[object] = []

    def once(claim: Claim | None, result: object) -> Outcome:
        def make() -> object:
            calls.append(result)
            return result

        return idempotency.once(claim, make, now=now)

    assert once(claim_of("a"), 7) == Outcome("7", replayed=False)
    assert once(claim_of("a"), 8) == Outcome("7", replayed=True)
    with pytest.raises(KeyReused):
        once(claim_of("a", OTHER), 8)
    assert once(None, 9) == once(None, 9) == Outcome("9", replayed=False)
    assert calls == [7, 9, 9]


def test_a_released_key_can_be_claimed_again(db: None, now: datetime) -> None:
    first = claim_of("k")
    idempotency.claim([first], now=now)
    idempotency.release([first.scope])
    assert idempotency.claim([first], now=now) == {}


def test_keys_belong_to_their_account_and_operation(db: None, now: datetime) -> None:
    scopes = [
        Scope(ADA, "POST /orders", "k"),
        Scope(uuid4(), "POST /orders", "k"),
        Scope(ADA, "POST /products", "k"),
        Scope(ADA, "POST /orders", "K"),
    ]
    claims = [Claim(scope, ONE) for scope in scopes]
    assert idempotency.claim(claims, now=now) == {}
    assert idempotency.claim(claims, now=now).keys() == set(scopes)


def test_claiming_several_keys_reports_each_that_is_not_new(db: None, now: datetime) -> None:
    idempotency.claim([claim_of("b", result="old")], now=now)
    uses = idempotency.claim([claim_of(key, result="new") for key in "cba"], now=now)
    assert {scope.key: earlier.result for scope, earlier in uses.items()} == {"b": "old"}
    rows = IdempotencyKey.objects.values_list("key", "result")
    assert dict(rows) == {"a": "new", "b": "old", "c": "new"}


@pytest.mark.django_db(transaction=True)
def test_keys_are_always_claimed_in_the_same_order(now: datetime) -> None:
    """Two batches cannot deadlock on keys."""
    insert = (
        "INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at)"
        " VALUES (%s, 'POST /orders', %s, '', '', now())"
    )

    def claim() -> None:
        with transaction.atomic():
            idempotency.claim([claim_of(key) for key in "ba"], now=now)
        connection.close()

    url = os.environ["DATABASE_URL"]
    with ThreadPoolExecutor(1) as pool, psycopg.connect(url) as first, psycopg.connect(url) as last:
        first.execute(insert, [ADA, "a"])
        claiming = pool.submit(claim)
        assert wait_until(lock_is_awaited)
        last.execute("SET lock_timeout = '100ms'")
        last.execute(insert, [ADA, "b"])
        last.rollback()
        first.rollback()
        claiming.result(LONGEST)


def test_only_expired_keys_are_deleted(db: None, now: datetime) -> None:
    for key, expires in (("past", now - timedelta(seconds=1)), ("future", now)):
        idempotency.claim([claim_of(key, expires_at=expires)], now=now)
    idempotency.claim([claim_of("ever")], now=now)
    assert idempotency.delete_expired(now=now, limit=100) == 1
    assert set(IdempotencyKey.objects.values_list("key", flat=True)) == {"future", "ever"}


def test_the_oldest_expired_keys_are_deleted_first_up_to_the_limit(db: None, now: datetime) -> None:
    for age in (2, 1, 3):
        past = now - timedelta(seconds=age)
        idempotency.claim([claim_of(str(age), expires_at=past)], now=now)
    assert idempotency.delete_expired(now=now, limit=2) == 2
    assert IdempotencyKey.objects.get().key == "1"


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), min_size=2))
def test_a_fingerprint_ignores_the_order_of_fields(said: dict[str, object]) -> None:
    turned = dict(reversed(said.items()))
    assert fingerprint(said) == fingerprint(turned)
    name = next(iter(said))
    assert fingerprint(said) != fingerprint(said | {name: "something else entirely"})


def test_a_fingerprint_distinguishes_its_parts() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint("1") != fingerprint(1)
    assert len(fingerprint()) == 32
