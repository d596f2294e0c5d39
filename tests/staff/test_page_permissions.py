"""Each page of the admin opens with exactly its permissions.

docs/reference/permissions.md has a row for each. `WRITE_MATRIX=1` writes the rows from the code.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client

from larder.core.clock import now
from larder.http.admin_session import USED
from larder.identity import permissions
from larder.identity.models import AuditEntry, Customer
from larder.identity.services import keys, sessions
from larder.inventory.models import LedgerEntry
from larder.orders.models import RefundDue
from larder.staff.page_permissions import needed
from tests.conftest import Api, Person
from tests.staff.confirming import DANGEROUS, HARMLESS, REFUSED_TO_ALL, admin_pages
from tests.staff.desk import Desk, allow

OTHERS = {
    "search",
    "index",
    "login",
    "logout",
    "password_change",
    "password_change_done",
    "jsi18n",
    "app_list",
    "autocomplete",
    "view_on_site",
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
        "auth_user": tom.id,
        "catalog_category": category.body["id"],
        "catalog_product": jam,
        "identity_auditentry": AuditEntry.objects.earliest("id").pk,
        "identity_customer": tom.id,
        "identity_key": keys.create_key(tom.caller, "till", now=now()).id,
        "inventory_adjustment": adjustment.body["id"],
        "inventory_ledgerentry": LedgerEntry.objects.earliest("id").pk,
        "inventory_stock": jam,
        "orders_order": order.body["id"],
        "orders_refunddue": refund.pk,
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


def status(who: Person, path: str) -> int:
    return int(Desk(who).client.get(f"/admin/{path}").status_code)


PAGES = sorted((HARMLESS | set(DANGEROUS)) - OTHERS)


@pytest.mark.parametrize("app", sorted({page.partition("_")[0] for page in PAGES}))
def test_a_page_opens_only_with_its_permissions(
    app: str, objects: dict[str, Any], person: Callable[..., Person]
) -> None:
    who, other = person(is_staff=True), allow(person(is_staff=True))
    routes = dict(admin_pages(admin.site.urls[0]))
    wrong = {}
    for page in (one for one in PAGES if one.startswith(f"{app}_")):
        if page in ("identity_customer_reset_factor", "identity_customer_enrol_code"):
            id: Any = other.id
        else:
            id = objects.get("_".join(page.split("_")[:2]))
        if answered := _wrong(page, re.sub(r"<[^>]+>", str(id), routes[page]), who):
            wrong[page] = answered
        if (recorded := recorded_permissions(who, page)) != missing(page):
            wrong[page] = {f"recorded {recorded}": 403}
    assert wrong == {}


ACTIONS = [
    (model._meta, name)
    for model, one in admin.site._registry.items()
    for _, name, _ in one._get_base_actions()  # type: ignore[attr-defined]
]


@pytest.mark.parametrize(("of", "action"), ACTIONS, ids=str)
def test_a_refused_action_of_a_list_is_recorded_with_its_permission(
    of: Any, action: str, person: Callable[..., Person]
) -> None:
    page = f"{of.app_label}_{of.model_name}_{action}"
    lacks = "" if action == "delete_selected" else needed(page)[0]
    enough = {lacks, lacks.replace(".view_", ".change_")}
    who = allow(person(is_staff=True), *(permissions.ALL - enough))
    path = f"/admin/{of.app_label}/{of.model_name}/"
    sent = Desk(who).client.post(path, {"action": action, "_selected_action": "1"})
    assert (sent.status_code, recorded_permissions(who, page)) == (403, {lacks})


def recorded_permissions(who: Person, page: str) -> set[str]:
    """The missing permissions with which the audit trail has that the page was refused: once an
    hour."""
    entries = AuditEntry.objects.filter(actor=who.customer.public_id, action="refused")
    refused = entries.filter(object=f"operation:admin:{page}")
    return {one.after.get("permission", "") for one in refused}


def missing(page: str) -> set[str]:
    """The first permission without which `_wrong` is refused; none for a page that is refused with
    all permissions."""
    return {""} if page in REFUSED_TO_ALL else {needed(page)[-1]}


def _wrong(page: str, path: str, who: Person) -> dict[str, int]:
    """The statuses that a page should not have, by the permissions: "all but …", or "needed"."""
    if page in REFUSED_TO_ALL:
        found = status(allow(who, *permissions.ALL), path)
        return {} if found == 403 else {"all": found}
    found = status(allow(who, *needed(page)), path)
    wrong = {} if found in (200, 302) else {"needed": found}
    for one in reversed(needed(page)):
        # As everywhere in Django's admin, who may change an object may see it.
        enough = {one, one.replace(".view_", ".change_")}
        found = status(allow(who, *(permissions.ALL - enough)), path)
        if found != 403:
            wrong[f"all but {one}"] = found
    return wrong
