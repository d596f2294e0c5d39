"""Dangerous pages and changes of the admin ask for the password again."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group

from larder.compat.urls import patterns
from larder.config import urls
from larder.core.clock import now
from larder.core.limits import CONFIRMED_SECONDS
from larder.http import middleware
from larder.identity.models import Customer, Key
from larder.identity.services import attempts, keys
from larder.staff import confirming
from tests.conftest import Person
from tests.staff.confirming import (
    DANGEROUS,
    HARMLESS,
    admin_pages,
    age,
    answer,
    asks,
    make_webhook,
)
from tests.staff.desk import Desk


@pytest.fixture(autouse=True)
def _normal_limits(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])


@pytest.fixture
def tom(person: Callable[..., Person]) -> Person:
    return person("tom", email="tom@example.com")


def test_every_page_of_the_admin_is_dangerous_or_not() -> None:
    assert {name for name, _ in admin_pages(admin.site.urls[0])} == set(DANGEROUS) | HARMLESS


@pytest.mark.parametrize("name", DANGEROUS)
def test_each_dangerous_page_asks_for_the_password_and_changes_nothing(
    desk: Desk, tom: Person, person: Callable[..., Person], name: str
) -> None:
    group, clerk = Group.objects.create(name="Till"), person(is_staff=True)
    objects: dict[str, object] = {"customer": tom.id, "clerk": clerk.id, "group": group.pk}
    objects["webhook"] = make_webhook(person(is_staff=True, is_superuser=True).caller)
    route = dict(admin_pages(admin.site.urls[0]))[name]
    page = DANGEROUS[name]
    path = re.sub(r"<[^>]+>", str(objects.get(page.object, "")), route)
    values = page.values
    if name == "identity_customer_change":
        values = desk.open(path) | values
    before = list(Group.objects.order_by("pk").values_list("pk", "name"))
    age(desk.client)
    assert asks(desk.get(path)) is page.at_get
    assert asks(desk.post(path, values))
    row = Customer.objects.get(pk=tom.id)
    assert (row.is_staff, row.check_password(tom.password)) == (False, True)
    assert list(Group.objects.order_by("pk").values_list("pk", "name")) == before
    assert not asks(answer(desk, desk.post(path, values)))
    assert not asks(desk.post(path, values))


@pytest.mark.parametrize(
    ("field", "value", "needed"),
    [
        ("is_active", None, True),
        ("is_superuser", "on", True),
        ("groups", ["group"], True),
        ("email", "tim@example.com", True),
        ("first_name", "Tim", False),
        ("may_order", None, False),
    ],
)
def test_changes_of_rights_and_addresses_need_the_password(
    desk: Desk, tom: Person, field: str, value: Any, needed: bool
) -> None:
    path = f"identity/customer/{tom.id}/change/"
    values = desk.open(path) | {field: value}
    if field == "groups":
        values["groups"] = [Group.objects.get(name="viewer").pk]
    # A browser sends a field for each group that was shown, here none.
    del values["initial-groups"]
    age(desk.client)
    page = desk.post(path, {name: value for name, value in values.items() if value is not None})
    assert asks(page) is needed


def test_keys_are_ended_after_the_password_only(desk: Desk, tom: Person) -> None:
    key = keys.create_key(tom.caller, "till", now=now()).id
    values = {
        "action": "end_selected",
        "index": "0",
        "confirmed": "yes",
        ACTION_CHECKBOX_NAME: [str(key)],
    }
    age(desk.client)
    page = desk.post("identity/key/", values)
    assert asks(page)
    assert Key.objects.live().filter(pk=key).exists()
    assert page.messages == [confirming.NOT_SAVED]
    answer(desk, page)
    assert Key.objects.live().filter(pk=key).exists()
    desk.post("identity/key/", values)
    assert not Key.objects.live().filter(pk=key).exists()


def test_a_page_is_opened_again_after_the_password(desk: Desk) -> None:
    age(desk.client)
    path = "orders/order/accounting/?from=list"
    page = answer(desk, desk.get("orders/order/accounting/", **{"from": "list"}))
    assert page.response.redirect_chain == [(f"/admin/{path}", 302)]
    assert not asks(page)
    assert desk.client.get("/admin/confirm/?next=https://example.com/").status_code == 200
    away = desk.client.post(
        "/admin/confirm/?next=https://example.com/", {"password": "correct horse"}
    )
    assert away["Location"] == "/admin/"


def test_a_log_in_or_password_is_valid_for_a_quarter_of_an_hour(desk: Desk) -> None:
    path = "orders/order/accounting/"
    assert not asks(desk.get(path))
    age(desk.client, CONFIRMED_SECONDS - 5)
    assert not asks(desk.get(path))
    age(desk.client, 10)
    page = desk.get(path)
    assert asks(page)
    assert not asks(answer(desk, page))
    assert not asks(desk.get(path))
    age(desk.client)
    assert asks(desk.get(path))


@pytest.mark.parametrize("password", ["not this one", "", "\0", "x" * 5000, "horse of another"])
def test_no_other_password_confirms(
    desk: Desk, person: Callable[..., Person], password: str
) -> None:
    person("ann", "horse of another", is_staff=True, is_superuser=True)
    age(desk.client)
    page = desk.post("auth/group/add/", {"name": "Kitchen"})
    again = answer(desk, page, password)
    assert (again.status, asks(again)) == (200, True)
    assert password == "" or password not in again.text
    if password == "not this one":
        assert "The password is wrong." in again.text
    assert not asks(answer(desk, again))


def test_wrong_passwords_are_limited_like_log_ins(desk: Desk, boss: Person) -> None:
    path = "orders/order/accounting/"
    age(desk.client)
    asking = desk.get(path)
    statuses = [answer(desk, asking, "wrong").status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    page = answer(desk, asking, boss.password)
    assert (page.status, asks(page)) == (429, True)
    assert "Too many attempts" in page.text
    assert 1 <= int(page.response["Retry-After"]) <= 60


def test_the_password_of_one_session_does_not_confirm_another(desk: Desk, boss: Person) -> None:
    other = Desk(boss)
    age(other.client)
    assert not asks(desk.get("orders/order/accounting/"))
    assert asks(other.get("orders/order/accounting/"))


def test_users_without_the_permission_are_not_asked_for_the_password(
    person: Callable[..., Person],
) -> None:
    who = Desk(person(is_staff=True, role=None))
    age(who.client)
    for path in ("auth/group/add/", "orders/order/accounting/", "catalog/product/import-file/"):
        assert who.get(path).status == 403


def test_the_cookie_changes_accounts_at_contracts_only_after_the_password(
    boss: Person, tom: Person, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ROOT_URLCONF = (*urls.urlpatterns, *patterns(frozenset({"2", "3"})))
    monkeypatch.setattr(middleware, "_COOKIES_IN_API", True)
    desk = Desk(boss)
    customer, public = f"/api/identity/customers/{tom.id}/", UUID(str(tom.customer.public_id)).hex
    changed = {"email": "tim@example.com"}
    age(desk.client)
    refused = [
        desk.client.patch(customer, changed, "application/json"),
        desk.client.delete(customer),
        desk.client.delete(f"/api/user/{public}/"),
    ]
    assert [page.status_code for page in refused] == [403] * 3
    assert all("password is needed again" in page.content.decode() for page in refused)
    desk.client.force_login(boss.customer)
    assert desk.client.patch(customer, changed, "application/json").status_code == 200
    assert desk.client.delete(customer).status_code == 204
