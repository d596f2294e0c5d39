"""Actions of staff on orders, accounts and keys, and their exports, are in the audit trail."""

from collections.abc import Callable
from datetime import timedelta

from larder.core.clock import now
from larder.identity.models import AuditEntry
from larder.identity.services.keys import key_for_password
from tests.audit.conftest import MakeProduct, Trail
from tests.conftest import Api, Person
from tests.staff.desk import Desk

AsPerson = Callable[[Person], Api]
MakePerson = Callable[..., Person]


def test_moves_of_an_order_are_recorded_with_what_changes(
    person: MakePerson, as_: AsPerson, product: MakeProduct, trail: Trail
) -> None:
    jam, tea = product(price="2.00"), product(price="1.00")
    lines = [{"product": jam, "quantity": 3}, {"product": tea, "quantity": 1}]
    order = as_(person())("POST", "orders", {"lines": lines}).body["id"]
    api, name = as_(person(is_staff=True, is_superuser=True)), f"order:{order}"
    details = {"note": "Call Ada Lovelace", "requested_for": "2026-03-01"}
    assert api("PATCH", f"orders/{order}", details).status == 200
    assert api("POST", f"orders/{order}/pack", {"lines": [{"product": jam, "quantity": 2}]}).status
    assert api("POST", f"orders/{order}/ship").status == 200
    back = {"lines": [{"product": tea, "quantity": 1}], "reason": "late"}
    assert api("POST", f"orders/{order}/return", back).status == 200
    assert trail(name) == [
        (
            "v1",
            "change",
            {"requested_for": None},
            {"requested_for": "2026-03-01", "personal_data": ["note"]},
        ),
        (
            "v1",
            "pack",
            {"status": "placed", "total": "7.00", "quantities": {str(jam): 3}},
            {"status": "packed", "total": "5.00", "quantities": {str(jam): 2}},
        ),
        ("v1", "ship", {"status": "packed"}, {"status": "shipped"}),
        ("v1", "return", {"returned": {str(tea): 0}}, {"returned": {str(tea): 1}}),
    ]
    assert api("POST", f"orders/{order}/ship").status == 200
    assert len(trail(name)) == 4


def test_an_order_that_staff_place_for_a_customer_is_recorded(
    person: MakePerson, as_: AsPerson, product: MakeProduct, trail: Trail
) -> None:
    jam, customer = product(price="2.00"), person()
    who = person(is_staff=True, is_superuser=True)
    lines = [{"product": jam, "quantity": 3}]
    body = {"customer": customer.id, "lines": lines, "note": "Ada"}
    order = as_(who)("POST", "orders", body).body["id"]
    after = {"customer": customer.id, "total": "6.00", "quantities": {str(jam): 3}}
    assert trail() == [("v1", "place", {}, after)]
    entry = AuditEntry.objects.get(object=f"order:{order}")
    assert entry.actor == who.customer.public_id


def test_rights_are_recorded_and_personal_data_by_name_only(
    person: MakePerson, trail: Trail
) -> None:
    who, other = person(is_staff=True, is_superuser=True), person(email="ada@example.com")
    page = Desk(who).save(
        f"identity/customer/{other.id}/change/", email="new@example.com", may_order=""
    )
    assert page.errors == {}
    assert trail(f"customer:{other.customer.public_id}") == [
        ("admin", "change", {"may_order": True}, {"may_order": False, "personal_data": ["email"]})
    ]


def test_keys_of_staff_are_recorded_without_the_key(
    person: MakePerson, as_: AsPerson, trail: Trail
) -> None:
    who = person(is_staff=True, is_superuser=True)
    api = as_(who)
    ends = (now() + timedelta(days=1)).isoformat()
    body = {"name": "Ada's till", "permissions": ["orders.view_order"], "expires_at": ends}
    key = api("POST", "auth/keys", body).body
    assert api("DELETE", f"auth/keys/{key['id']}").status == 204
    created, ended = trail(f"key:{key['id']}")
    limits = {"permissions": ["orders.view_order"], "expires_at": key["expires_at"]}
    owner = {"customer": str(who.customer.public_id)}
    assert created == ("v1", "create", {}, owner | limits)
    assert ended[:3] == ("v1", "end", {"ended_at": None})


def test_a_key_created_with_a_key_is_recorded_with_that_key(
    person: MakePerson, as_: AsPerson, trail: Trail
) -> None:
    api = as_(person(is_staff=True, is_superuser=True))
    body = {"name": "till", "permissions": ["identity.change_customer"]}
    first = api("POST", "auth/keys", body).body
    second = Api()("POST", "auth/keys", body, Authorization=f"Bearer {first['key']}").body
    ((_, _, _, after),) = trail(f"key:{second['id']}")
    assert after["made_with"] == f"key:{first['id']}"


def test_the_key_that_staff_get_with_their_password_is_recorded_once(
    person: MakePerson, trail: Trail
) -> None:
    who, customer = person(is_staff=True), person()
    for each in (who, who, customer):
        name, password = each.customer.username, each.password
        key_for_password(name, password, channel="contract4", secrets=("s" * 32,), now=now())
    (entry,) = trail()
    assert entry == (
        "contract4",
        "create",
        {},
        {"customer": str(who.customer.public_id), "derived": True},
    )


def test_exports_are_recorded_with_their_filters(
    person: MakePerson, as_: AsPerson, trail: Trail
) -> None:
    who = person(is_staff=True, is_superuser=True)
    assert as_(who)("GET", "orders.csv?status=placed&reference=Ada").status == 200
    assert as_(who)("GET", "orders.csv").status == 200
    assert trail() == [
        ("v1", "export", {}, {"status": "placed", "reference": True}),
        ("v1", "export", {}, {"own": True}),
    ]
    page = Desk(who).get("catalog/product/export/?q=jam")
    assert page.status == 200
    assert trail("export:product") == [("admin", "export", {}, {"filters": ["q"]})]


def test_an_export_of_the_admin_is_recorded_without_values_of_filters(
    person: MakePerson, trail: Trail
) -> None:
    desk = Desk(person(is_staff=True, is_superuser=True))
    for query, status in {"archived=yes&q=Ada&o=1": 200, "name__icontains=Ada": 400}.items():
        page = desk.get(f"catalog/product/export/?{query}")
        assert page.status == status
    assert [after for _, _, _, after in trail("export:product")] == [
        {"filters": ["archived", "o", "q"]}
    ]


MARKERS = (
    "planted-name",
    "planted@example.com",
    "planted-first",
    "planted password 1",
    "planted n",
)


def test_the_trail_of_a_deleted_account_has_no_personal_data(
    person: MakePerson, as_: AsPerson, product: MakeProduct
) -> None:
    who, desk = (staff := person(is_staff=True, is_superuser=True)), Desk(staff)
    other = person("planted-name", email="planted@example.com", first_name="planted-first")
    path = f"identity/customer/{other.id}/"
    desk.save(f"{path}change/", email="planted@example.com2", first_name="planted-first2")
    body = {
        "customer": other.id,
        "lines": [{"product": product(), "quantity": 1}],
        "note": "planted note",
    }
    api = as_(who)
    order = api("POST", "orders", body).body["id"]
    api("PATCH", f"orders/{order}", {"note": "planted note 2", "reference": "planted name"})
    api("POST", f"orders/{order}/cancel", {"reason": "planted name"})
    assert as_(other)("DELETE", "me").status == 204
    rows = AuditEntry.objects.values_list("object", "action", "before", "after")
    text = repr(list(rows))
    assert {"change", "cancel"} <= {row[1] for row in rows}
    assert [marker for marker in MARKERS if marker in text] == []
