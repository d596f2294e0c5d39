"""Concurrent registrations, and refreshes of one token.

The guards are the unique index on the folded username, the claim of the key, the compare-and-swap
of the rotation, and the grace for the previous token.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db.models import F

from larder.identity.models import Customer, Session
from larder.identity.services.accounts import ensure_account
from tests.conftest import Person
from tests.system.race.shops import OK, ServiceShop, at_once

SCREENS = 8


@pytest.mark.parametrize("seconds", [0, 75])
def test_parallel_refreshes_of_one_token_get_one_successor(
    seconds: int, shop: ServiceShop, person: Callable[..., Person]
) -> None:
    """After 75 seconds the grace of the token is over, but its successor was never used."""
    for _ in range(3):
        token = shop.session(person())
        if seconds:
            shop.refresh(token)
            Session.objects.update(rotated_at=F("rotated_at") - timedelta(seconds=seconds))
        answers = at_once(shop, [partial(shop.refresh, token)] * SCREENS)
        assert {answer.code for answer in answers} == {OK}
        assert len({answer.content for answer in answers}) == 1
        assert shop.refresh(answers[0].content).code == OK


def test_one_of_several_registrations_gets_a_name(shop: ServiceShop) -> None:
    for name in ("anna", "bert", "carl"):
        names = [name, name.upper()] * 3
        answers = at_once(shop, [partial(shop.register, each) for each in names])
        assert Counter(answer.code for answer in answers) == {OK: 1, "username_taken": 5}
        assert Customer.objects.filter(username__iexact=name).count() == 1


def test_concurrent_equal_registrations_create_one_account(shop: ServiceShop) -> None:
    answers = at_once(shop, [partial(shop.register, "anna", key="sign-me-up")] * 6)
    assert {answer.code for answer in answers} == {OK}
    assert len({answer.content for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert Customer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_commands_create_an_account_once() -> None:
    make = partial(ensure_account, "twin", "a password", superuser=False)
    assert at_once(ServiceShop(), [make] * 4) == [None] * 4
    assert Customer.objects.count() == 1
