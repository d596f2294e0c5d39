"""Concurrent registrations. The guards are the unique index on the folded username, and the claim
of the key."""

from collections import Counter
from functools import partial

import pytest

from larder.identity.models import Customer
from larder.identity.services.accounts import ensure_account
from tests.system.race.shops import OK, ServiceShop, at_once


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
