"""CLAIM and RELEASE of keys write what the ORM would."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from larder.db import idempotency
from larder.db.idempotency import Claim, Earlier, Scope
from larder.db.models import IdempotencyKey

ACTORS = [UUID(int=1), UUID(int=2)]
OPERATIONS = ["POST /orders", "POST /products"]
KEYS = ["k", "K", '{"a", NULL, \\, \'}\n%s 🍓']
SCOPES = [Scope(*names) for names in product(ACTORS, OPERATIONS, KEYS)]
"""Scopes that differ in one part."""


@pytest.fixture
def claims(db: None, now: datetime) -> list[Claim]:
    """Claims of all scopes, with and without result and expiry."""
    ends = [None, now + timedelta(hours=48)]
    return [
        Claim(scope, bytes([at, 0]), "" if at % 3 else f"r{at}", ends[at % 2])
        for at, scope in enumerate(SCOPES)
    ]


@pytest.fixture
def rows(claims: list[Claim], now: datetime) -> list[Claim]:
    """The claims, as rows of the table."""
    insert_by_hand(claims, now)
    return claims


def insert_by_hand(claims: list[Claim], now: datetime) -> dict[Scope, Earlier]:
    """Inserts the claims through the ORM, one row after the other. Returns the earlier uses."""
    earlier = {}
    for claim in claims:
        row, is_new = IdempotencyKey.objects.get_or_create(
            **claim.scope._asdict(),
            defaults={
                "fingerprint": claim.fingerprint,
                "result": claim.result,
                "created_at": now,
                "expires_at": claim.expires_at,
            },
        )
        if not is_new:
            earlier[claim.scope] = Earlier(bytes(row.fingerprint), row.result)
    return earlier


def written(run: Callable[[], object]) -> tuple[object, list[dict[str, Any]]]:
    """What `run` returns, and all rows after it; it is rolled back."""
    with transaction.atomic():
        answer = run()
        rows = IdempotencyKey.objects.order_by("actor", "operation", "key").values()
        after = [{**row, "fingerprint": bytes(row["fingerprint"])} for row in rows]
        transaction.set_rollback(True)
    return answer, after


def test_claim_writes_what_the_orm_would(claims: list[Claim], now: datetime) -> None:
    insert_by_hand([Claim(claim.scope, b"other", "7") for claim in claims[::5]], now)
    later = now + timedelta(hours=1)
    expected = written(lambda: insert_by_hand(claims, later))
    assert written(lambda: idempotency.claim(claims, now=later)) == expected
    assert len(expected[1]) == len(SCOPES)


@pytest.mark.parametrize("scopes", [SCOPES[:1], SCOPES[2:3], SCOPES[1::4]])
def test_release_deletes_what_the_orm_would(rows: list[Claim], scopes: list[Scope]) -> None:
    def by_hand() -> None:
        for scope in scopes:
            IdempotencyKey.objects.filter(**scope._asdict()).delete()

    assert written(lambda: idempotency.release(scopes)) == written(by_hand)
