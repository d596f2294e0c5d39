"""The keys of all accounts in the admin: viewed and ended with the permissions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from larder.core.clock import now
from larder.core.limits import MAX_SELECTED_ROWS
from larder.identity.models import AuditEntry, Customer, Key
from larder.identity.services import keys
from larder.identity.services.keys import Limits, NewKey
from tests.conftest import Person
from tests.staff.desk import Desk, Page, allow

MakePerson = Callable[..., Person]
KEYS = "identity/key/"
VIEW, END = "identity.view_key", "identity.delete_key"


def made(who: Person, name: str = "till", **limits: Any) -> NewKey:
    """A new key."""
    return keys.create_key(who.caller, name, now=now(), limits=Limits(**limits))


def end(desk: Desk, *selected: NewKey, **values: str) -> Page:
    """Selects keys of the list and ends them."""
    chosen = {ACTION_CHECKBOX_NAME: [str(one.id) for one in selected]}
    return desk.post(KEYS, {"action": "end_selected", "index": "0", **chosen, **values})


def test_keys_of_all_accounts_are_listed_without_their_text(
    person: MakePerson,
) -> None:
    who, clerk = person("ada"), person("sam", is_staff=True)
    one = made(who, "shop window", expires_at=now() + timedelta(days=400))
    made(clerk, "erp", permissions=["orders.view_order"])
    desk = Desk(allow(person(is_staff=True), VIEW))
    listed = desk.get(KEYS)
    assert [str(one) for one in listed.rows] == ["erp", "shop window"]
    for shown in ("ada", "sam", "orders.view_order", "all of its owner", "API keys"):
        assert shown in listed.text
    digest = bytes(Key.objects.get(pk=one.id).digest).hex()
    page = desk.get(f"{KEYS}{one.id}/change/")
    assert "shop window" in page.text
    for secret in (str(one.text), digest):
        assert secret not in listed.text + page.text
    assert [str(one) for one in desk.get(KEYS, q=" ADA ").rows] == ["shop window"]


def test_keys_can_only_be_viewed_and_only_with_the_permission(
    person: MakePerson,
) -> None:
    key, other = made(person()), Desk(person(is_staff=True))
    assert other.get(KEYS).status == other.get(f"{KEYS}{key.id}/change/").status == 403
    assert "API keys" not in other.get("").text
    boss = Desk(person(is_staff=True, is_superuser=True))
    for path in ("add/", f"{key.id}/delete/"):
        assert boss.get(f"{KEYS}{path}").status == 403


def test_the_list_finds_unused_expiring_and_ended_keys(person: MakePerson) -> None:
    who, soon = person(), now() + timedelta(days=10)
    columns: dict[str, dict[str, Any]] = {
        "unused": {},
        "used": {"last_used_at": now()},
        "expiring": {"expires_at": soon, "last_used_at": now()},
        "expired": {"expires_at": now() - timedelta(days=1)},
        "ended": {"ended_at": now(), "expires_at": soon},
    }
    for name, changed in columns.items():
        Key.objects.filter(pk=made(who, name).id).update(**changed)
    desk = Desk(allow(person(is_staff=True), VIEW))
    found = {
        state: {str(one) for one in desk.get(KEYS, state=state).rows}
        for state in ("live", "unused", "expiring", "ended", "no such state")
    }
    assert found == {
        "live": {"unused", "used", "expiring"},
        "unused": {"unused"},
        "expiring": {"expiring"},
        "ended": {"expired", "ended"},
        "no such state": set(columns),
    }


def test_a_key_is_ended_after_a_confirmation_and_recorded_with_the_actor(
    person: MakePerson,
) -> None:
    one, other = made(person("ada")), made(person("grace"))
    owner = person(is_staff=True, role="owner")
    desk = Desk(owner)
    asked = end(desk, one, other)
    assert "ada: till" in asked.text
    assert Key.objects.live().count() == 2
    assert end(desk, one, other, confirmed="yes").messages == ["2 keys ended."]
    assert not Key.objects.live().exists()
    entries = AuditEntry.objects.filter(object=f"key:{one.id}", action="end")
    (entry,) = entries.filter(actor=owner.customer.public_id, channel="admin")
    assert entry.after["ended_at"] is not None
    assert "ended_at: –" in desk.get(f"{KEYS}{one.id}/history/").text
    again = end(desk, one, confirmed="yes")
    assert again.messages == ["0 keys ended; 1 had ended before."]


def test_at_most_a_hundred_keys_are_ended_at_once(
    person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("larder.staff.base.MAX_SELECTED_ROWS", 1)
    assert MAX_SELECTED_ROWS == 100
    who, desk = person(), Desk(person(is_staff=True, is_superuser=True))
    page = end(desk, made(who), made(who), confirmed="yes")
    assert page.messages == ["Select at most 1 keys at once."]
    assert Key.objects.live().count() == 2


def test_the_list_of_keys_has_no_names_of_deleted_accounts(person: MakePerson) -> None:
    who = person("ada")
    made(who)
    Customer.objects.filter(pk=who.id).update(
        is_active=False, may_order=False, deleted_at=now(), email=""
    )
    listed = Desk(allow(person(is_staff=True), VIEW)).get(KEYS)
    assert "deleted account" in listed.text
    assert "ada" not in listed.text
