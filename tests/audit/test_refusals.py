"""Refused attempts at operations of staff are in the audit trail, in a bounded number."""

import os
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection

from config import urls
from larder.compat.documents import TITLES
from larder.compat.urls import patterns
from larder.db import database
from larder.identity import sql
from larder.identity.models import AuditEntry
from larder.identity.services import audit
from tests.audit.conftest import MakeProduct, Trail
from tests.conftest import Api, Person
from tests.staff.desk import Desk, allow

AsPerson = Callable[[Person], Api]
MakePerson = Callable[..., Person]
NEW = {"sku": "J1", "name": "Jam", "price": "2"}


def test_a_refused_attempt_is_recorded_with_the_permission(
    person: MakePerson, as_: AsPerson, trail: Trail
) -> None:
    who = person(is_staff=True, role="viewer")
    assert as_(who)("POST", "products", NEW).status == 403
    assert trail("operation:create_product") == [
        ("v1", "refused", {}, {"permission": "catalog.add_product"})
    ]
    assert AuditEntry.objects.order_by("-id")[0].actor == who.customer.public_id


def test_only_refused_requests_of_customers_are_recorded(
    person: MakePerson, as_: AsPerson, trail: Trail
) -> None:
    who = person()
    api = as_(who)
    assert api("GET", "products").status == 200
    assert api("POST", "orders/abandon", {}).status == 400
    assert trail() == []
    assert api("GET", "audit").status == 403
    assert trail("operation:list_audit_entries") == [
        ("v1", "refused", {}, {"permission": "identity.view_auditentry"})
    ]


def test_the_refusal_of_a_service_is_recorded(
    person: MakePerson, as_: AsPerson, product: MakeProduct, customer: Api, trail: Trail
) -> None:
    order = {"lines": [{"product": product(), "quantity": 1}]}
    placed = customer("POST", "orders", order).headers["Location"]
    viewer = as_(person(is_staff=True, role="viewer"))
    assert viewer("POST", f"{placed}/cancel").status == 403
    assert trail("operation:cancel_order") == [
        ("v1", "refused", {}, {"permission": "orders.cancel_order"})
    ]


def test_staff_without_the_permission_are_refused_on_objects_of_others_and_recorded(
    person: MakePerson, as_: AsPerson, product: MakeProduct, trail: Trail, settings: Any
) -> None:
    """Customers do not learn whether such an object exists, and their attempts are not recorded."""
    settings.COMPAT = frozenset(TITLES)
    settings.ROOT_URLCONF = (*urls.urlpatterns, *patterns(settings.COMPAT))
    mary = person()
    shopper, other, clerk = as_(mary), as_(person()), as_(person(is_staff=True, role="catalogue"))
    lines = [{"product": product(), "quantity": 1}]
    order = shopper("POST", "orders", {"lines": lines}).headers["Location"]
    key = shopper("POST", "auth/keys", {}).body["id"]
    customer, id = f"/api/identity/customers/{mary.id}/", order.rpartition("/")[2]
    view = "orders.view_order"
    attempts: dict[str, tuple[str, str, str, Any]] = {
        "get_order": (view, "GET", order, None),
        "list_order_events": (view, "GET", f"{order}/events", None),
        "list_payments": (view, "GET", f"{order}/payments", None),
        "abandon_order": (view, "POST", "orders/abandon", {"id": id}),
        "change_order": ("orders.change_order", "PATCH", order, {"note": "hurry"}),
        "cancel_order": ("orders.cancel_order", "POST", f"{order}/cancel", {}),
        "delete_key": ("identity.delete_key", "DELETE", f"auth/keys/{key}", None),
        "get_customer": ("identity.view_customer", "GET", customer, None),
        "change_customer": ("identity.view_customer", "PATCH", customer, {"username": "x"}),
        "delete_customer": ("identity.view_customer", "DELETE", customer, None),
    }
    for operation, (permission, method, path, body) in attempts.items():
        assert other(method, path, body).status == 404
        assert trail(f"operation:{operation}") == []
        assert clerk(method, path, body).status == 403, operation
        ((_, action, _, after),) = trail(f"operation:{operation}")
        assert (action, after) == ("refused", {"permission": permission})
    assert shopper("GET", order, None).body["status"] == "placed"
    assert len(shopper("GET", "auth/keys").body["results"]) == 1


def test_unknown_objects_are_not_found_by_staff_without_the_permission(
    person: MakePerson, as_: AsPerson, trail: Trail
) -> None:
    clerk = as_(person(is_staff=True, role="catalogue"))
    nowhere = "0190a7f0-0000-7000-8000-000000000000"
    mine = clerk("POST", "auth/keys", {}).body["id"]
    assert [clerk("DELETE", f"auth/keys/{mine}").status for _ in range(2)] == [204, 404]
    assert clerk("DELETE", f"auth/keys/{nowhere}").status == 404
    assert clerk("GET", f"orders/{nowhere}").status == 404
    assert trail.objects() == ["key:" + mine] * 2


def test_a_hundred_repeats_write_one_entry_for_each_operation(
    person: MakePerson, as_: AsPerson, trail: Trail
) -> None:
    viewer = as_(person(is_staff=True, role="viewer"))
    for _ in range(100):
        assert viewer("POST", "products", NEW).status == 403
    assert viewer("POST", "categories", {"name": "Jams"}).status == 403
    assert 2 <= len(trail()) <= 4, "two operations, and an hour that ends meanwhile"


def test_the_unique_index_admits_one_entry(person: MakePerson, trail: Trail) -> None:
    by = audit.Acting(person().customer.public_id, "v1")
    values = [by.actor, by.channel, "operation:x", "{}"]
    for _ in range(3):
        database.execute(sql.RECORD_REFUSAL, values)
    assert 1 <= len(trail("operation:x")) <= 2


@pytest.mark.django_db(transaction=True)
def test_a_read_only_database_refuses_without_recording(person: MakePerson, trail: Trail) -> None:
    by = audit.Acting(person().customer.public_id, "v1")
    database.execute("SET default_transaction_read_only = on")
    try:
        audit.record_refusal(by, "x", "catalog.add_product")
    finally:
        connection.close()
    assert trail() == []
    audit.record_refusal(by, "x", "catalog.add_product")
    assert len(trail()) == 1


@pytest.mark.django_db(transaction=True)
def test_an_error_of_the_database_does_not_replace_the_refusal(
    person: MakePerson, as_: AsPerson, trail: Trail, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = as_(person(is_staff=True, role="viewer"))
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute("ALTER TABLE identity.audit_entry RENAME TO audit_entry_away")
        try:
            refused = viewer("POST", "products", NEW)
        finally:
            owner.execute("ALTER TABLE identity.audit_entry_away RENAME TO audit_entry")
    assert (refused.status, refused.body["code"]) == (403, "permission_missing")
    assert trail() == []
    assert "if this repeats, check that the database accepts writes" in caplog.text


def test_a_refused_page_of_the_admin_is_recorded(person: MakePerson, trail: Trail) -> None:
    desk = Desk(allow(person(is_staff=True), "orders.view_order"))
    for _ in range(2):
        assert desk.get("catalog/category/add/").status == 403
    assert desk.get("orders/order/").status == 200
    assert trail("operation:admin:catalog_category_add") == [("admin", "refused", {}, {})]
    assert len(trail()) == 1


def test_a_key_with_a_permission_that_is_not_the_users_is_refused_and_recorded(
    person: MakePerson, trail: Trail
) -> None:
    desk = Desk(allow(person(is_staff=True), "orders.view_order"))
    given = {"name": "erp", "permissions": ["orders.view_order", "identity.manage_rights"]}
    page = "identity/key/make/"
    assert desk.post(page, desk.open(page) | given).status == 403
    assert trail() == [("admin", "refused", {}, {"permission": "identity.manage_rights"})]
