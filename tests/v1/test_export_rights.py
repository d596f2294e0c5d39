"""An export ends when its caller loses the right to it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from time import time
from typing import cast

import pytest
from django.http import StreamingHttpResponse

from larder.core.errors import NotStaff, PermissionMissing
from larder.http import authentication, long_files
from larder.identity.errors import SessionEnded
from larder.identity.models import Customer, Key, Session
from larder.identity.services import keys, sessions
from larder.identity.services.keys import Limits
from larder.orders.queries import ORDERS_OF_A_PART
from tests.conftest import Person
from tests.v1.exporting import MakePerson, ask


def deactivate(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_active=False)


def log_out_everywhere(who: Person) -> None:
    sessions.end_others(who.id, keep=None, now=datetime.now(UTC))


def end_the_session(who: Person) -> None:
    Session.objects.filter(customer=who.id).update(ended_at=datetime.now(UTC))


def demote(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_staff=False)


def take_the_role(who: Person) -> None:
    who.customer.groups.clear()


def end_the_key(who: Person) -> None:
    Key.objects.filter(customer=who.id).update(ended_at=datetime.now(UTC))


def let_the_key_expire(who: Person) -> None:
    Key.objects.filter(customer=who.id).update(expires_at=datetime.now(UTC))


def nothing(who: Person) -> None:
    """The positive control."""


ENDS = [deactivate, log_out_everywhere, end_the_session, demote, take_the_role]


OF_KEYS = [deactivate, demote, take_the_role, end_the_key, let_the_key_expire, nothing]


def goes_on(file: StreamingHttpResponse, end: Callable[[Person], None], who: Person) -> bool:
    """Returns whether the file is complete when something happens to its caller after it began."""
    with closing(file):
        parts = iter(cast(Iterator[bytes], file.streaming_content))
        assert next(parts).count(b"\r\n") == 1 + ORDERS_OF_A_PART
        end(who)
        try:
            rest = list(parts)
        except (SessionEnded, NotStaff, PermissionMissing):
            return False
        assert len(rest) == 2
        return True


@pytest.fixture
def boss(
    filled: Callable[[int], Person], person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> Person:
    """A member of staff whose rights are read again before each of the three parts of a file."""
    monkeypatch.setattr(long_files, "CALLER_TRUSTED_SECONDS", -1)
    filled(3 * ORDERS_OF_A_PART)
    return person(is_staff=True)


@pytest.mark.parametrize("end", [*ENDS, nothing])
def test_a_file_is_interrupted_soon_after_its_caller_loses_the_right(
    boss: Person, monkeypatch: pytest.MonkeyPatch, end: Callable[[Person], None]
) -> None:
    file = ask(boss, "?status=delivered")
    # The expiry of an access token ends no file that goes on for longer.
    monkeypatch.setattr(authentication, "time", lambda: time() + 3_600)
    assert goes_on(file, end, boss) == (end is nothing)


@pytest.mark.parametrize("end", OF_KEYS)
def test_a_file_is_interrupted_soon_after_its_key_loses_the_right(
    boss: Person, end: Callable[[Person], None]
) -> None:
    limits = Limits(permissions=["orders.export_order", "orders.view_order"])
    key = keys.create_key(boss.caller, "ERP", now=datetime.now(UTC), limits=limits)
    assert goes_on(ask(boss, "?status=delivered", key.text), end, boss) == (end is nothing)


@pytest.mark.parametrize("end", [log_out_everywhere, nothing])
def test_customers_export_their_own_orders_until_their_session_ends(
    filled: Callable[[int], Person],
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Person], None],
) -> None:
    monkeypatch.setattr(long_files, "CALLER_TRUSTED_SECONDS", -1)
    who = filled(3 * ORDERS_OF_A_PART)
    assert goes_on(ask(who), end, who) == (end is nothing)
