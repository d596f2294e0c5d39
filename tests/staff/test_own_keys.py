"""Members of staff create and end API keys of their programs in the admin."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from larder.core.clock import now
from larder.http.authentication import FACTOR
from larder.identity.models import AuditEntry, Key
from larder.identity.services import keys
from larder.identity.services.keys import Limits
from tests.conftest import Api, Person
from tests.identity.factors import demanded, enrol
from tests.staff.confirming import age, answer, asks
from tests.staff.desk import Desk, Page, allow

MakePerson = Callable[..., Person]
PAGE = "own-keys/"
SEE, SHIP = "orders.view_order", "orders.ship_order"
KEY = re.compile(r"larder_[A-Za-z0-9_-]{40}")


@pytest.fixture
def clerk(person: MakePerson) -> Person:
    return allow(person("sam", is_staff=True), SEE, SHIP)


def make(desk: Desk, *permissions: str, **values: str) -> Page:
    """Opens the page and sends the form of a key."""
    given = {"name": "erp", "permissions": [*permissions], **values}
    return desk.post(PAGE, desk.open(PAGE) | given)


def text_of(page: Page) -> str:
    (text,) = KEY.findall(page.text)
    return str(text)


def gives(text: str) -> Any:
    """The permissions that v1 says the key has."""
    found = Api()("GET", "me", Authorization=f"Bearer {text}")
    assert found.status == 200, found.body
    return found.body["permissions"]


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
    given = desk.open(PAGE) | {"name": "erp", "permissions": [SEE, SHIP]}
    page = desk.post(PAGE, given)
    text = text_of(page)
    assert "no-store" in page.response["Cache-Control"]
    assert page.messages == []
    reloaded = desk.post(PAGE, given)
    assert "was sent before" in reloaded.errors["__all__"][0]
    (row,) = Key.objects.all()
    assert (row.name, row.permissions, row.expires_at) == ("erp", [SHIP, SEE], None)
    listed = desk.get(PAGE)
    assert str(row.pk) in listed.text
    (entry,) = AuditEntry.objects.filter(object=f"key:{row.pk}", action="create")
    assert (entry.actor, entry.channel) == (clerk.customer.public_id, "admin")
    sessions = str([one.get_decoded() for one in Session.objects.all()])
    rows = [str(vars(one)) for one in (*AuditEntry.objects.all(), *Key.objects.all())]
    for place in (reloaded.text, listed.text, sessions, caplog.text, *rows):
        assert text not in place


def test_a_form_that_was_changed_and_sent_again_makes_no_key(clerk: Person) -> None:
    desk = Desk(clerk)
    given = desk.open(PAGE) | {"name": "erp", "permissions": [SEE]}
    desk.post(PAGE, given)
    page = desk.post(PAGE, given | {"permissions": [SHIP]})
    assert "sent before with other values" in page.errors["__all__"][0]
    assert Key.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "values"),
    [
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
    ],
)
def test_a_faulty_form_creates_no_key(clerk: Person, field: str, values: dict[str, Any]) -> None:
    desk = Desk(clerk)
    given = desk.open(PAGE) | {"name": "erp", "permissions": [SEE]} | values
    page = desk.post(PAGE, given)
    assert (page.status, list(page.errors)) == (200, [field])
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
    for one in (client, Client()):
        for found in (one.get(f"/admin/{PAGE}"), one.post(f"/admin/{PAGE}", {"name": "erp"})):
            assert found.headers["Location"].startswith("/admin/login/")
    assert not Key.objects.exists()


def test_the_page_of_keys_requests_the_password_again(clerk: Person) -> None:
    desk = Desk(clerk)
    given = desk.open(PAGE) | {"name": "erp", "permissions": [SEE]}
    age(desk.client)
    assert asks(desk.get(PAGE))
    page = desk.post(PAGE, given)
    assert asks(page)
    assert not Key.objects.exists()
    answer(desk, page)
    assert not Key.objects.exists()
    assert gives(text_of(desk.post(PAGE, given))) == [SEE]
    age(desk.client)
    asked = desk.post(PAGE, {"end": str(Key.objects.get().pk)})
    assert asks(asked)
    assert Key.objects.live().exists()
    answer(desk, asked)
    desk.post(PAGE, {"end": str(Key.objects.get().pk)})
    assert not Key.objects.live().exists()


def test_only_own_keys_are_listed_and_ended(clerk: Person, boss: Person) -> None:
    desk, limits = Desk(clerk), Limits(permissions=[SEE])
    own = keys.create_key(clerk.caller, "own", now=now(), limits=limits).id
    other = keys.create_key(boss.caller, "of the boss", now=now()).id
    page = desk.get(PAGE)
    assert str(own) in page.text
    assert "of the boss" not in page.text
    assert desk.post(PAGE, {"end": str(other)}).status == 403
    refusals = AuditEntry.objects.filter(actor=clerk.customer.public_id, action="refused")
    assert [one.after for one in refusals] == [{"permission": "identity.delete_key"}]
    for wrong in ("x", "\0", ""):
        assert desk.post(PAGE, {"end": wrong}).messages == ["This does not exist any more."]
    assert Key.objects.live().count() == 2
    assert desk.post(PAGE, {"end": str(own)}).messages == ["The key was ended."]
    assert [one.pk for one in Key.objects.live()] == [other]
    assert desk.get(PAGE, end=str(other)).status == 200
    assert Key.objects.live().filter(pk=other).exists()


def test_the_name_of_a_key_is_escaped(clerk: Person) -> None:
    keys.create_key(clerk.caller, '"><b>x', now=now(), limits=Limits(permissions=[SEE]))
    assert '"><b>x' not in Desk(clerk).get(PAGE).text


def test_the_user_menu_links_to_the_page_of_keys(clerk: Person) -> None:
    text = Desk(clerk).get("").text
    for path in ("/admin/own-keys/", "/admin/second-factor/", "/admin/password_change/"):
        assert f'href="{path}"' in text
