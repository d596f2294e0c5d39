"""Pages of the admin that ask for the password again, and answers to them."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.test import Client
from django.urls import URLPattern

from larder.core.clock import now
from larder.core.limits import CONFIRMED_SECONDS
from larder.http.admin_session import CONFIRMED
from larder.identity.caller import Caller
from larder.relay.services.endpoints import create_endpoint
from tests.staff.desk import Desk, Page

TITLE = "Confirm your password"


def age(client: Client, seconds: int = CONFIRMED_SECONDS + 5) -> None:
    """Moves the time of the password into the past."""
    session = client.session
    session[CONFIRMED] -= seconds
    session.save()


def asks(page: Page) -> bool:
    return TITLE in page.text and 'name="password"' in page.text


def answer(desk: Desk, page: Page, password: str = "correct horse") -> Page:
    """Gives the password on the page that asks for it."""
    address = page.response.request["PATH_INFO"] + "?" + page.response.request["QUERY_STRING"]
    return desk.post(address.removeprefix("/admin/"), {"password": password})


class Dangerous(NamedTuple):
    """A page: the object in its address, and what is sent. `at_get`: GET asks, too."""

    object: str
    values: dict[str, Any]
    at_get: bool = False


DANGEROUS = {
    "auth_group_add": Dangerous("", {"name": "Kitchen"}, at_get=True),
    "auth_group_change": Dangerous("group", {"name": "Kitchen"}, at_get=True),
    "auth_group_delete": Dangerous("group", {"post": "yes"}),
    "identity_customer_change": Dangerous("customer", {"username": "tom", "is_staff": "on"}),
    "identity_customer_reset_factor": Dangerous("clerk", {}, at_get=True),
    "identity_customer_password_link": Dangerous("customer", {}, at_get=True),
    "identity_key_make": Dangerous("", {}, at_get=True),
    "relay_endpoint_add": Dangerous("", {"name": "ERP"}, at_get=True),
    "relay_endpoint_change": Dangerous("webhook", {"name": "ERP"}, at_get=True),
    "orders_order_accounting": Dangerous("", {"first": "2026-01-01"}, at_get=True),
    "catalog_product_import_file": Dangerous("", {"kept_file": "x"}, at_get=True),
}
_HARMLESS = """
    search index login logout password_change password_change_done autocomplete jsi18n
    view_on_site app_list
    auth_group_changelist auth_group_history
    catalog_category_add catalog_category_change catalog_category_changelist
    catalog_category_delete catalog_category_history
    catalog_product_add catalog_product_adjust_stock catalog_product_archive
    catalog_product_change catalog_product_changelist catalog_product_delete
    catalog_product_export catalog_product_history catalog_product_ledger
    catalog_product_restore
    identity_auditentry_add identity_auditentry_change identity_auditentry_changelist
    identity_auditentry_delete identity_auditentry_history
    identity_customer_add identity_customer_changelist identity_customer_delete
    identity_customer_history identity_customer_note
    identity_key_add identity_key_change identity_key_changelist identity_key_delete
    identity_key_history
    inventory_adjustment_add inventory_adjustment_change inventory_adjustment_changelist
    inventory_adjustment_delete inventory_adjustment_history offered_products
    inventory_ledgerentry_add inventory_ledgerentry_change inventory_ledgerentry_changelist
    inventory_ledgerentry_delete inventory_ledgerentry_history
    orders_order_add orders_order_cancel orders_order_change orders_order_changelist
    orders_order_confirm orders_order_edit orders_order_unpack orders_order_unship
    orders_order_address_label orders_order_packing_slip orders_order_pick_list
    orders_order_delete orders_order_deliver orders_order_history orders_order_pack
    orders_order_ship orders_order_return orders_order_telephone orders_order_track
    orders_order_paid orders_order_refunded
    inventory_adjustment_count inventory_adjustment_check_count
    orders_order_note orders_order_addresses
    orders_refunddue_add orders_refunddue_change orders_refunddue_changelist
    orders_refunddue_delete orders_refunddue_history
    relay_endpoint_changelist relay_endpoint_delete relay_endpoint_history
    """
HARMLESS = set(_HARMLESS.split())
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
    "orders_order_delete",
    "orders_refunddue_add",
    "orders_refunddue_delete",
}


def make_webhook(caller: Caller) -> UUID:
    """Makes a webhook, and returns its id."""
    fields = {"name": "ERP", "url": "https://shop.example/events", "events": ["order.placed"]}
    keys = [settings.SECRET_KEY]
    return create_endpoint(fields, caller=caller, keys=keys, at=now()).endpoint


def admin_pages(patterns: Any, at: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield pattern.name, at + str(pattern.pattern)
        else:
            yield from admin_pages(pattern.url_patterns, at + str(pattern.pattern))
