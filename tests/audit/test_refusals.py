"""Refused attempts at operations of staff are in the audit trail, a bounded number of them."""

import os
from collections.abc import Callable

import psycopg
import pytest
from django.db import connection, transaction

from larder.db import database
from larder.identity import audit, sql
from larder.identity.models import AuditEntry
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


def test_a_customers_attempt_is_recorded_and_what_a_customer_may_do_is_not(
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


def test_a_hundred_repeats_write_one_entry_for_each_operation(
    person: MakePerson, as_: AsPerson, trail: Trail
) -> None:
    viewer = as_(person(is_staff=True, role="viewer"))
    for _ in range(100):
        assert viewer("POST", "products", NEW).status == 403
    assert viewer("POST", "categories", {"name": "Jams"}).status == 403
    assert 2 <= len(trail()) <= 4, "two operations, and an hour that ends meanwhile"


def test_the_index_alone_admits_one_entry(person: MakePerson, trail: Trail) -> None:
    by = audit.Acting(person().customer.public_id, "v1")
    values = [by.actor, by.channel, "operation:x", "{}"]
    for _ in range(3):
        database.execute(sql.RECORD_REFUSAL, values)
    assert 1 <= len(trail("operation:x")) <= 2
    assert database.rows(sql.IS_NEW_REFUSAL, [by.actor, "operation:y"]) == [(True,)]


@pytest.mark.django_db(transaction=True)
def test_a_server_that_is_read_only_records_nothing_and_refuses_all_the_same(
    person: MakePerson, trail: Trail
) -> None:
    by = audit.Acting(person().customer.public_id, "v1")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        audit.record_refusal(by, "x", "catalog.add_product")
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


@pytest.mark.parametrize(
    ("page", "permission"),
    [
        ("catalog/category/add/", "catalog.add_category"),
        ("catalog/product/", "catalog.view_product"),
        ("inventory/adjustment/add/", "inventory.add_adjustment"),
    ],
)
def test_a_refused_page_of_the_admin_is_recorded(
    person: MakePerson, trail: Trail, page: str, permission: str
) -> None:
    desk = Desk(allow(person(is_staff=True), "orders.view_order"))
    assert desk.get(page).status == 403
    assert desk.get(page).status == 403
    assert trail() == [("admin", "refused", {}, {"permission": permission})]
    assert desk.get("orders/order/").status == 200
    assert len(trail()) == 1


def test_a_change_by_staff_who_may_only_look_is_recorded(
    person: MakePerson, product: MakeProduct, trail: Trail
) -> None:
    desk, page = Desk(allow(person(is_staff=True), "catalog.view_product")), product()
    assert desk.get(f"catalog/product/{page}/change/").status == 200
    assert trail() == []
    assert desk.post(f"catalog/product/{page}/change/", {"name": "Jam"}).status == 403
    assert trail("operation:admin:catalog_product_change") == [
        ("admin", "refused", {}, {"permission": "catalog.change_product"})
    ]


def test_a_refused_action_of_a_list_is_recorded(
    person: MakePerson, product: MakeProduct, trail: Trail
) -> None:
    who = allow(person(is_staff=True), "catalog.view_product")
    given = {"_selected_action": str(product()), "index": "0", "confirmed": "yes"}
    for action in ("archive_selected", "delete_selected", "archive_selected"):
        assert Desk(who).post("catalog/product/", {**given, "action": action}).status == 403
    assert trail.objects() == [
        "operation:admin:catalog_product_archive_selected",
        "operation:admin:catalog_product_delete_selected",
    ]
    assert Desk(who).post("catalog/product/", {**given, "action": "no_action"}).status == 200
    assert len(trail()) == 2


def test_a_key_with_a_permission_that_is_not_the_users_is_refused_and_recorded(
    person: MakePerson, trail: Trail
) -> None:
    desk = Desk(allow(person(is_staff=True), "orders.view_order"))
    given = {"name": "erp", "permissions": ["orders.view_order", "identity.manage_rights"]}
    page = desk.post("own-keys/", desk.open("own-keys/") | given)
    assert page.errors == {"permissions": ["You do not have identity.manage_rights any more."]}
    assert trail() == [("admin", "refused", {}, {"permission": "identity.manage_rights"})]
