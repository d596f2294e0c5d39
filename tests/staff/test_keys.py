"""API keys in the admin: made by their owners, viewed and ended with the permissions."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.sessions.models import Session
from django.test import Client

from larder.core.clock import now
from larder.http.authentication import FACTOR
from larder.identity.models import AuditEntry, Customer, Key
from larder.identity.services import keys
from larder.identity.services.keys import Limits, NewKey
from tests.conftest import Api, Person
from tests.identity.factors import demanded, enrol
from tests.staff.confirming import age, answer, asks
from tests.staff.desk import Desk, Page, allow

MakePerson = Callable[..., Person]
KEYS, PAGE = "identity/key/", "identity/key/make/"
SEE, SHIP = "orders.view_order", "orders.ship_order"
KEY = re.compile(r"larder_[A-Za-z0-9_-]{40}")
VIEW, END = "identity.view_key", "identity.delete_key"


def made(who: Person, name: str = "till", **limits: Any) -> NewKey:
    """A new key."""
    return keys.create_key(who.caller, name, now=now(), limits=Limits(**limits))


def end(desk: Desk, *selected: NewKey, **values: str) -> Page:
    """Selects keys of the list and ends them."""
    chosen = {ACTION_CHECKBOX_NAME: [str(key.id) for key in selected]}
    return desk.post(KEYS, {"action": "end_selected", "index": "0", **chosen, **values})


def test_keys_of_all_accounts_are_listed_without_their_text(
    person: MakePerson,
) -> None:
    who, clerk = person("ada"), person("sam", is_staff=True)
    key = made(who, "shop window", expires_at=now() + timedelta(days=400))
    made(clerk, "erp", permissions=["orders.view_order"])
    desk = Desk(allow(person(is_staff=True), VIEW))
    listed = desk.get(KEYS)
    assert [str(row) for row in listed.rows] == ["erp", "shop window"]
    for shown in ("ada", "sam", "orders.view_order", "all of its owner", "API keys"):
        assert shown in listed.text
    digest = bytes(Key.objects.get(pk=key.id).digest).hex()
    page = desk.get(f"{KEYS}{key.id}/change/")
    assert "shop window" in page.text
    for secret in (str(key.text), digest):
        assert secret not in listed.text + page.text
    assert [str(row) for row in desk.get(KEYS, q=" ADA ").rows] == ["shop window"]


def test_keys_are_not_added_changed_or_deleted_by_djangos_pages(person: MakePerson) -> None:
    key, boss = made(person()), Desk(person(is_staff=True, is_superuser=True))
    for path in ("add/", f"{key.id}/delete/"):
        assert boss.get(f"{KEYS}{path}").status == 403


def test_the_list_finds_unused_and_ended_keys(person: MakePerson) -> None:
    who = person()
    columns = {"unused": {}, "used": {"last_used_at": now()}, "ended": {"ended_at": now()}}
    for name, changed in columns.items():
        Key.objects.filter(pk=made(who, name).id).update(**changed)
    desk = Desk(allow(person(is_staff=True), VIEW))
    unended, unused = {"ended_at__isempty": "1"}, {"last_used_at__isempty": "1"}
    lists = [{str(key) for key in desk.get(KEYS, **asked).rows} for asked in (unended, unused)]
    assert lists == [{"unused", "used"}, {"unused", "ended"}]


def test_a_key_is_ended_after_a_confirmation_and_recorded_with_the_actor(
    person: MakePerson,
) -> None:
    first, other = made(person("ada")), made(person("grace"))
    owner = person(is_staff=True, role="owner")
    desk = Desk(owner)
    asked = end(desk, first, other)
    assert "ada: till" in asked.text
    assert Key.objects.live().count() == 2
    assert end(desk, first, other, confirmed="yes").messages == ["2 keys ended."]
    assert not Key.objects.live().exists()
    entries = AuditEntry.objects.filter(object=f"key:{first.id}", action="end")
    (entry,) = entries.filter(actor=owner.customer.public_id, channel="admin")
    assert entry.after["ended_at"] is not None
    assert "ended_at: –" in desk.get(f"{KEYS}{first.id}/history/").text
    again = end(desk, first, confirmed="yes")
    assert again.messages == ["0 keys ended."]


def test_the_list_of_keys_has_no_names_of_deleted_accounts(person: MakePerson) -> None:
    who = person("ada")
    made(who)
    Customer.objects.filter(pk=who.id).update(
        is_active=False, may_order=False, deleted_at=now(), email=""
    )
    listed = Desk(allow(person(is_staff=True), VIEW)).get(KEYS)
    assert "deleted account" in listed.text
    assert "ada" not in listed.text


@pytest.fixture
def clerk(person: MakePerson) -> Person:
    return allow(person("sam", is_staff=True), SEE, SHIP)


def make(desk: Desk, *permissions: str, **values: str) -> Page:
    """Opens the page and sends the form of a key."""
    form = {"name": "erp", "permissions": [*permissions], **values}
    return desk.post(PAGE, desk.open(PAGE) | form)


def text_of(page: Page) -> str:
    (text,) = KEY.findall(page.text)
    return str(text)


def gives(text: str) -> Any:
    """The permissions that v1 says the key has."""
    answer = Api()("GET", "me", Authorization=f"Bearer {text}")
    assert answer.status == 200, answer.body
    return answer.body["permissions"]


def test_a_key_has_the_chosen_permissions_if_a_factor_is_required(clerk: Person) -> None:
    phone = enrol(clerk, datetime.now(UTC))
    with demanded():
        desk = Desk(clerk)
        assert desk.get(PAGE).response.redirect_chain[0][0].startswith("/admin/login/")
        desk.post(PAGE, {"name": "erp", "permissions": [SHIP]})
        assert not Key.objects.exists()
        session = desk.client.session
        session[FACTOR] = str(phone.factor)
        session.save()
        page = make(desk, SHIP)
        assert (page.status, page.errors) == (200, {})
        text = text_of(page)
        assert gives(text) == [SHIP]
        refused = Api()("GET", "audit", Authorization=f"Bearer {text}")
        assert refused.body["code"] == "permission_missing"


def test_the_key_is_shown_once_and_stored_nowhere(
    clerk: Person, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(clerk)
    form = desk.open(PAGE) | {"name": "erp", "permissions": [SEE, SHIP]}
    page = desk.post(PAGE, form)
    text = text_of(page)
    assert "no-store" in page.response["Cache-Control"]
    assert page.messages == []
    reloaded = desk.post(PAGE, form)
    assert "was sent before" in reloaded.errors["__all__"][0]
    (row,) = Key.objects.all()
    assert (row.name, row.permissions, row.expires_at) == ("erp", [SHIP, SEE], None)
    listed = desk.get(KEYS)
    assert str(row.pk) in listed.text
    (entry,) = AuditEntry.objects.filter(object=f"key:{row.pk}", action="create")
    assert (entry.actor, entry.channel) == (clerk.customer.public_id, "admin")
    sessions = str([row.get_decoded() for row in Session.objects.all()])
    rows = [str(vars(row)) for row in (*AuditEntry.objects.all(), *Key.objects.all())]
    for place in (reloaded.text, listed.text, sessions, caplog.text, *rows):
        assert text not in place


def test_a_form_that_was_changed_and_sent_again_makes_no_key(clerk: Person) -> None:
    desk = Desk(clerk)
    form = desk.open(PAGE) | {"name": "erp", "permissions": [SEE]}
    desk.post(PAGE, form)
    page = desk.post(PAGE, form | {"permissions": [SHIP]})
    assert "sent before with other values" in page.errors["__all__"][0]
    assert Key.objects.count() == 1


FAULTY: list[tuple[str, dict[str, Any]]] = [
    ("permissions", {"permissions": []}),
    ("permissions", {"permissions": ["\0"]}),
    ("name", {"name": ""}),
    ("name", {"name": "x" * 101}),
    ("name", {"name": "a\0b"}),
    ("expires_at", {"expires_at": "2020-01-01"}),
    ("expires_at", {"expires_at": "0001-01-01"}),
    ("expires_at", {"expires_at": "9999-12-31"}),
    ("expires_at", {"expires_at": "soon"}),
    ("form_key", {"form_key": "x"}),
]


def test_a_faulty_form_creates_no_key(clerk: Person) -> None:
    desk = Desk(clerk)
    opened = desk.open(PAGE) | {"name": "erp", "permissions": [SEE]}
    for field, values in FAULTY:
        page = desk.post(PAGE, opened | values)
        assert (page.status, list(page.errors)) == (200, [field]), values
    assert not Key.objects.exists()


def test_only_own_permissions_are_offered(clerk: Person) -> None:
    text = Desk(clerk).get(PAGE).text
    assert set(re.findall(r'name="permissions" value="([^"]*)"', text)) == {SEE, SHIP}


def test_a_key_lasts_until_the_end_of_its_last_day(clerk: Person) -> None:
    day = now().date() + timedelta(days=30)
    assert text_of(make(Desk(clerk), SEE, expires_at=day.isoformat()))
    assert Key.objects.get().expires_at == datetime(*day.timetuple()[:3], 23, 59, 59, tzinfo=UTC)


def test_the_maximum_is_an_error_of_the_form(
    clerk: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MAX_KEYS", 1)
    desk = Desk(clerk)
    make(desk, SEE)
    assert make(desk, SEE).errors == {
        "__all__": ["You have the maximum number of keys. End one first."]
    }


def test_customers_and_anonymous_requests_cannot_open_the_page_of_keys(person: MakePerson) -> None:
    client = Client()
    client.force_login(person().customer)
    for visitor in (client, Client()):
        for reply in (
            visitor.get(f"/admin/{PAGE}"),
            visitor.post(f"/admin/{PAGE}", {"name": "erp"}),
        ):
            assert reply.headers["Location"].startswith("/admin/login/")
    assert not Key.objects.exists()


def test_the_page_of_a_new_key_requests_the_password_again(clerk: Person) -> None:
    desk = Desk(clerk)
    form = desk.open(PAGE) | {"name": "erp", "permissions": [SEE]}
    age(desk.client)
    assert asks(desk.get(PAGE))
    page = desk.post(PAGE, form)
    assert asks(page)
    answer(desk, page)
    assert not Key.objects.exists()
    assert gives(text_of(desk.post(PAGE, form))) == [SEE]


def test_without_the_permission_only_own_keys_are_listed_and_ended(
    clerk: Person, boss: Person
) -> None:
    own, other = made(clerk, "own", permissions=[SEE]), made(boss, "of the boss")
    desk = Desk(clerk)
    page = desk.get(KEYS)
    assert [str(row) for row in page.rows] == ["own"]
    assert "of the boss" not in page.text
    assert "of the boss" not in desk.get(f"{KEYS}{other.id}/change/").text
    end(desk, other, confirmed="yes")
    assert Key.objects.live().count() == 2
    assert end(desk, own, confirmed="yes").messages == ["1 key ended."]
    assert [row.pk for row in Key.objects.live()] == [other.id]


def test_who_may_only_see_all_keys_ends_own_ones_alone(person: MakePerson) -> None:
    viewer = allow(person(is_staff=True), VIEW)
    assert end(Desk(viewer), made(person()), confirmed="yes").status == 403
    assert Key.objects.live().exists()


def test_the_name_of_a_key_is_escaped(clerk: Person) -> None:
    keys.create_key(clerk.caller, '"><b>x', now=now(), limits=Limits(permissions=[SEE]))
    assert '"><b>x' not in Desk(clerk).get(KEYS).text


def test_the_user_menu_links_to_the_page_of_keys(clerk: Person) -> None:
    text = Desk(clerk).get("").text
    for path in ("/admin/identity/key/?q=sam", "/admin/second-factor/", "/admin/password_change/"):
        assert f'href="{path}"' in text
