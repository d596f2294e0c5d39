"""Concurrent orders of one customer are placed up to the quota."""

from collections.abc import Callable

import pytest
from django.db import transaction

from larder.identity.services import quotas
from larder.identity.services.attempts import Rate
from tests.conftest import Person
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

QUOTA = 20


def test_one_of_two_transactions_takes_three_quarters_of_the_quota(
    transactional_db: None, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "_limits", {"orders": Rate(QUOTA, 3600)})
    who = person()

    def take() -> Answer:
        def call() -> Answer:
            with transaction.atomic():
                quotas.take("orders", who.id, QUOTA * 3 // 4)
            return Answer(OK)

        return answered(call)

    answers = at_once(ServiceShop(), [take] * 2)
    assert sum(answer.code == OK for answer in answers) == 1
