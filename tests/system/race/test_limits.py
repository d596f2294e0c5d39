"""Concurrent attempts and orders pass exactly up to the limit."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import transaction

from larder.identity.services import attempts, quotas
from larder.identity.services.attempts import Bucket, Rate
from tests.conftest import Person
from tests.system.race.phones import codes
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once


def passed(take: Callable[[], object]) -> int:
    """Returns how many of two concurrent calls pass."""

    def call() -> Answer:
        with transaction.atomic():
            take()
        return Answer(OK)

    return codes(at_once(ServiceShop(), [lambda: answered(call)] * 2))[OK]


def test_one_of_two_concurrent_attempts_passes_a_limit_of_one(transactional_db: None) -> None:
    bucket = Bucket(uuid4(), Rate(1, 3600))
    assert passed(lambda: attempts.take([bucket])) == 1


def test_one_of_two_transactions_takes_three_quarters_of_the_quota(
    transactional_db: None, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "_limits", {"orders": Rate(20, 3600)})
    who = person()
    assert passed(lambda: quotas.take("orders", who.id, 15)) == 1
