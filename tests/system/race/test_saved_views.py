"""Saved views are changed under the lock of the account: each race has a control without it."""

from collections.abc import Callable

import pytest

from larder.core.clock import now
from larder.identity.models import SavedView
from larder.identity.services import accounts, saved_views
from tests.conftest import Person
from tests.system.race.interleaving import (
    Outcome,
    Race,
    assert_held,
)
from tests.system.race.shops import OK

PAGE = "catalog_product"


@pytest.fixture(autouse=True)
def low_limit(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    """An account may have two views."""
    monkeypatch.setattr(saved_views, "MAX_VIEWS", 2)


def save(who: Person, name: str) -> None:
    saved_views.save_view(PAGE, name, "", is_shared=False, caller=who.caller)


def rename(who: Person, name: str, wanted: str) -> None:
    view = SavedView.objects.get(name=name).pk
    saved_views.change_view(PAGE, view, wanted, is_shared=False, caller=who.caller)


def names() -> list[str]:
    return list(SavedView.objects.order_by("name").values_list("name", flat=True))


def codes(outcome: Outcome) -> tuple[str, str]:
    return outcome.first.code, outcome.second.code


def last_place_for_a_view(who: Person) -> Race:
    """An account has as many views as its limit says."""
    save(who, "A")
    return Race(
        lambda: save(who, "B"),
        lambda: save(who, "C"),
        'SELECT COUNT(*) AS "__count" FROM "saved_view"',
        lambda outcome: codes(outcome) == (OK, "validation_error") and names() == ["A", "B"],
    )


def one_name_twice(who: Person) -> Race:
    """Of two views that get one name, the second is refused, and not with an error of ours."""
    save(who, "A")
    save(who, "B")
    return Race(
        lambda: rename(who, "A", "C"),
        lambda: rename(who, "B", "C"),
        'AND NOT ("saved_view"."id" = %s)',
        lambda outcome: codes(outcome) == (OK, "validation_error") and names() == ["B", "C"],
    )


def view_and_deletion(who: Person) -> Race:
    """A deleted account has no view."""
    return Race(
        lambda: save(who, "A"),
        lambda: accounts.delete_account(who.id, now=now()),
        "ELSE given.epoch = customer.session_epoch",
        lambda outcome: codes(outcome) == (OK, OK) and names() == [],
    )


RACES = [last_place_for_a_view, one_name_twice, view_and_deletion]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_saved_views_keep_their_conditions_with_the_lock(
    race: Callable[[Person], Race], person: Callable[..., Person]
) -> None:
    assert_held(race(person()))
