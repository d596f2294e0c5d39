"""Each page of the admin opens with its permissions alone, and is refused with all others."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group

from larder.core.clock import now
from larder.identity import permissions
from larder.identity.models import AuditEntry
from larder.identity.services import keys
from larder.inventory.models import LedgerEntry
from tests.conftest import Api, Person
from tests.staff.desk import Desk, allow
from tests.staff.test_confirming import DANGEROUS, HARMLESS, admin_pages

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
REFUSED_TO_ALL = {
    "catalog_product_delete",
    "identity_auditentry_add",
    "identity_auditentry_delete",
    "identity_customer_delete",
    "identity_key_add",
    "identity_key_delete",
    "inventory_adjustment_delete",
    "inventory_ledgerentry_add",
    "inventory_ledgerentry_delete",
    "inventory_stock_add",
    "inventory_stock_delete",
    "orders_order_add",
    "orders_order_delete",
}
NAMED = {
    "catalog_product_adjust_stock": {"inventory.add_adjustment"},
    "catalog_product_archive": {"catalog.delete_product"},
    "catalog_product_import_file": {"catalog.add_product", "catalog.change_product"},
    "catalog_product_ledger": {"inventory.view_ledgerentry"},
    "inventory_stock_adjust_stock": {"inventory.add_adjustment"},
    "inventory_stock_ledger": {"inventory.view_ledgerentry"},
    "catalog_product_export": {"catalog.view_product"},
    "inventory_stock_export": {"inventory.view_stock"},
    # Django's page for a new user has a button that goes on to change it.
    "identity_customer_add": {"identity.add_customer", "identity.change_customer"},
    "auth_user_password_change": {"identity.change_customer"},
    "identity_customer_set_password": {"identity.change_customer"},
    "identity_customer_reset_factor": {"identity.manage_rights"},
    "identity_customer_enrol_code": {"identity.manage_rights"},
    "orders_order_take_back": {"orders.return_order"},
    "orders_order_telephone": {"orders.add_order"},
}
"""The permissions of the pages whose names do not say them."""


def needed(page: str) -> set[str]:
    """The permissions that open a page."""
    if page in NAMED:
        return NAMED[page]
    app, model, action = page.split("_", 2)
    if app == "auth":
        return {"identity.manage_rights"}
    reads = {"changelist", "change", "history"}
    return {f"{app}.{'view' if action in reads else action}_{model}"}


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
    }


def status(who: Person, path: str) -> int:
    return int(Desk(who).client.get(f"/admin/{path}").status_code)


PAGES = sorted((HARMLESS | set(DANGEROUS)) - OTHERS)


@pytest.mark.parametrize("app", sorted({page.partition("_")[0] for page in PAGES}))
def test_a_page_opens_with_its_permissions_and_with_no_others(
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
    assert wrong == {}


def _wrong(page: str, path: str, who: Person) -> dict[str, int]:
    """The statuses that a page should not have, by the permissions: "all but …", or "needed"."""
    if page in REFUSED_TO_ALL:
        found = status(allow(who, *permissions.ALL), path)
        return {} if found == 403 else {"all": found}
    found = status(allow(who, *needed(page)), path)
    wrong = {} if found in (200, 302) else {"needed": found}
    for one in needed(page):
        # As everywhere in Django's admin, who may change an object may see it.
        enough = {one, one.replace(".view_", ".change_")}
        found = status(allow(who, *(permissions.ALL - enough)), path)
        if found != 403:
            wrong[f"all but {one}"] = found
    return wrong
