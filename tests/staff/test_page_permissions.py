"""Each page of the admin opens with exactly its permissions.

`NAMED` is the specification; docs/reference/permissions.md has a row for each.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client, RequestFactory

from larder.core.clock import now
from larder.http.admin_session import USED
from larder.identity import permissions
from larder.identity.models import AuditEntry, Customer
from larder.identity.services import keys, sessions
from larder.inventory.models import LedgerEntry
from larder.orders.models import RefundDue
from larder.relay.services.endpoints import MANAGE
from tests.conftest import Api, Person
from tests.staff.confirming import (
    DANGEROUS,
    HARMLESS,
    REFUSED_TO_ALL,
    admin_pages,
    make_webhook,
)
from tests.staff.desk import Desk, allow

OTHERS = {
    "search",
    "offered_products",
    "index",
    "login",
    "logout",
    "password_change",
    "password_change_done",
    "jsi18n",
    "app_list",
    "autocomplete",
    "view_on_site",
    "identity_key_changelist",
    "identity_key_change",
    "identity_key_history",
    "identity_key_make",
}
"""Pages for all staff, and those whose parameters name the objects."""


@pytest.fixture
def objects(
    person: Callable[..., Person], as_: Callable[[Person], Api], product: Callable[..., int]
) -> dict[str, Any]:
    """The id of an object of each kind."""
    jam, tom = product(), person()
    api = as_(person(is_staff=True, is_superuser=True))
    order = as_(tom)("POST", "orders", {"lines": [{"product": jam, "quantity": 1}]})
    category = api("POST", "categories", {"name": "Jams"})
    lines = {"lines": [{"product": jam, "counted": 7}], "reason": "stocktake"}
    adjustment = api("POST", "stock/adjustments", lines)
    refund = RefundDue.objects.create(order=order.body["id"], currency="GBP", amount=1, since=now())
    return {
        "auth_group": Group.objects.create(name="Till").pk,
        "catalog_category": category.body["id"],
        "catalog_product": jam,
        "identity_auditentry": AuditEntry.objects.earliest("id").pk,
        "identity_customer": tom.id,
        "identity_key": keys.create_key(tom.caller, "till", now=now()).id,
        "inventory_adjustment": adjustment.body["id"],
        "inventory_ledgerentry": LedgerEntry.objects.earliest("id").pk,
        "orders_order": order.body["id"],
        "orders_refunddue": refund.pk,
        "relay_endpoint": make_webhook(person(is_staff=True, is_superuser=True).caller),
    }


OF_NOBODY = {"login": 200, "logout": 302}
"""Pages that need no log-in, with their statuses without one."""


def _shown(route: str) -> str:
    return "/admin/" + re.sub(r"\^\(\?P(<\w+>).*\)/\$", r"\1/", route)


def no_log_in(who: Person, session: Any) -> None:
    session.flush()


def demoted(who: Person, session: Any) -> None:
    Customer.objects.filter(pk=who.id).update(is_staff=False)


def deactivated(who: Person, session: Any) -> None:
    Customer.objects.filter(pk=who.id).update(is_active=False)


def logged_out_everywhere(who: Person, session: Any) -> None:
    sessions.end_others(who.id, keep=None, now=datetime.now(UTC))


def unused_for_long(who: Person, session: Any) -> None:
    session[USED] -= settings.ADMIN_IDLE_MINUTES * 60 + 60
    session.save()


@pytest.mark.parametrize("end", [no_log_in, demoted])
def test_every_page_needs_a_log_in_of_staff(
    end: Callable[[Person, Any], None], person: Callable[..., Person]
) -> None:
    desk = Desk(who := person(is_staff=True, is_superuser=True))
    end(who, desk.client.session)
    opened = {}
    for name, route in admin_pages(admin.site.urls[0]):
        answer = without_traces(desk, _shown(route).replace("<app_label>", "catalog"))
        if not answer.headers.get("Location", "").startswith("/admin/login/"):
            opened[name] = answer.status_code
    assert opened == OF_NOBODY


@pytest.mark.parametrize("end", [deactivated, logged_out_everywhere, unused_for_long])
def test_an_ended_session_opens_no_page(
    end: Callable[[Person, Any], None], person: Callable[..., Person]
) -> None:
    desk = Desk(who := person(is_staff=True, is_superuser=True))
    assert without_traces(desk, "/admin/").status_code == 200
    end(who, desk.client.session)
    answer = without_traces(desk, "/admin/")
    assert answer.headers["Location"] == "/admin/login/?next=/admin/"


def without_traces(desk: Desk, path: str) -> Any:
    """The answer to a request with the cookie of the desk, which is undone."""
    name = settings.SESSION_COOKIE_NAME
    sent = Client(headers={"Cookie": f"{name}={desk.client.cookies[name].value}"})
    point = transaction.savepoint()
    try:
        return sent.get(re.sub("<[^>]+>", "1", path))
    finally:
        transaction.savepoint_rollback(point)


PAGES = sorted((HARMLESS | set(DANGEROUS)) - OTHERS)


@pytest.mark.parametrize("app", sorted({page.partition("_")[0] for page in PAGES}))
def test_a_page_opens_only_with_its_permissions(
    app: str, objects: dict[str, Any], person: Callable[..., Person]
) -> None:
    who, other = person(is_staff=True), allow(person(is_staff=True))
    client = Desk(who).client

    def status(path: str, permissions: Iterable[str], method: str = "GET") -> int:
        allow(who, *permissions)
        return client.generic(method, f"/admin/{path}").status_code

    routes = dict(admin_pages(admin.site.urls[0]))
    wrong = {}
    for page in (page for page in PAGES if page.startswith(f"{app}_")):
        if page == "identity_customer_reset_factor":
            id: Any = other.id
        else:
            id = objects.get("_".join(page.split("_")[:2]))
        if answered := _wrong(page, re.sub(r"<[^>]+>", str(id), routes[page]), status):
            wrong[page] = answered
    assert wrong == {}


def test_an_action_of_a_list_needs_its_permission(person: Callable[..., Person]) -> None:
    def offered(screen: Any, held: Iterable[str]) -> set[str]:
        request: Any = RequestFactory().get("/admin/")
        request.user = Customer.objects.get(pk=allow(person(is_staff=True), *held).id)
        return {*screen.get_actions(request)} - {"end_selected"}

    actions = set()
    for model, screen in admin.site._registry.items():
        for name in offered(screen, permissions.ALL):
            action = f"{model._meta.app_label}_{model._meta.model_name}_{name}"
            (lacks,) = needed(action)
            # Who may not see the objects has no list of them.
            if ".view_" not in lacks:
                assert name not in offered(screen, permissions.ALL - {lacks})
            actions.add(action)
    assert actions >= {"orders_order_mark_packed", "catalog_product_archive_selected"}


def _wrong(page: str, path: str, status: Callable[..., int]) -> dict[str, int]:
    """The statuses that a page should not have, by the permissions: "all but …", or "needed"."""
    if page in REFUSED_TO_ALL:
        answered = status(path, permissions.ALL)
        return {} if answered == 403 else {"all": answered}
    answered = status(path, needed(page))
    wrong = {} if answered in (200, 302) else {"needed": answered}
    lacking = [("GET", name) for name in needed(page)]
    lacking += [("POST", name) for name in needed(page, "POST")]
    for method, name in lacking:
        # As everywhere in Django's admin, who may change an object may see it.
        enough = {name, name.replace(".view_", ".change_")}
        answered = status(path, permissions.ALL - enough, method)
        if answered != 403:
            wrong[f"{method} with all but {name}"] = answered
    return wrong


NAMED = {
    "catalog_product_adjust_stock": ("inventory.add_adjustment",),
    "catalog_product_archive": ("catalog.delete_product",),
    "catalog_product_restore": ("catalog.delete_product",),
    "catalog_product_import_file": ("catalog.add_product", "catalog.change_product"),
    "catalog_product_ledger": ("inventory.view_ledgerentry",),
    "inventory_adjustment_count": ("inventory.add_adjustment",),
    "inventory_adjustment_check_count": ("inventory.add_adjustment",),
    "catalog_product_export": ("catalog.view_product",),
    "identity_customer_note": ("identity.change_customer",),
    "identity_customer_password_link": ("identity.change_customer",),
    "identity_customer_reset_factor": ("identity.manage_rights",),
    "orders_order_address_label": ("orders.view_order",),
    "orders_order_addresses": ("identity.view_customer", "orders.add_order"),
    "orders_order_edit": ("orders.change_order",),
    "orders_order_note": ("orders.change_order",),
    "orders_order_packing_slip": ("orders.view_order",),
    "orders_order_paid": ("orders.record_payment",),
    "orders_order_refunded": ("orders.record_payment",),
    "orders_order_pick_list": ("orders.view_order",),
    "orders_order_return": ("orders.return_order",),
    "orders_order_track": ("orders.change_order",),
    "orders_order_unpack": ("orders.pack_order",),
    "orders_order_unship": ("orders.ship_order",),
    "orders_order_add": ("orders.add_order",),
    "orders_order_telephone": ("orders.add_order",),
    "orders_order_accounting": ("orders.export_order",),
    "catalog_product_archive_selected": ("catalog.delete_product",),
    "catalog_product_restore_selected": ("catalog.delete_product",),
    "orders_order_mark_packed": ("orders.pack_order",),
    "orders_order_mark_shipped": ("orders.ship_order",),
    "orders_order_mark_delivered": ("orders.deliver_order",),
    "orders_order_print_pick_list": ("orders.view_order",),
    "orders_order_print_packing_slips": ("orders.view_order",),
    "orders_order_print_address_labels": ("orders.view_order",),
}
"""The permissions of the pages and actions whose names do not say them."""

_READ = {"changelist", "history"}


def needed(page: str, method: str = "GET") -> tuple[str, ...]:
    """Returns the permissions that open a page, such as `catalog_product_change`, or that send its
    form."""
    if page in NAMED:
        return NAMED[page]
    app, _, rest = page.partition("_")
    model, _, action = rest.partition("_")
    if app == "auth":
        return ("identity.manage_rights",)
    if app == "relay":
        return (MANAGE,)
    is_read = action in _READ or (action == "change" and method == "GET")
    return (f"{app}.{'view' if is_read else action}_{model}",)
