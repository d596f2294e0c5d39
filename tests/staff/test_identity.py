"""Customers in the admin: permission to order, rights and passwords."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from larder.core import waits
from larder.core.clock import now
from larder.identity import hashers
from larder.identity.models import Customer
from larder.identity.services import accounts
from larder.identity.services.addresses import add_address
from tests.conftest import NOW, Api, Person
from tests.staff.desk import Desk, allow

CUSTOMERS = "identity/customer/"
PASSWORD = "correct horse battery"


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person(is_staff=True, is_superuser=True))


def change(who: Person) -> str:
    return f"{CUSTOMERS}{who.id}/change/"


def fresh(who: Person) -> Customer:
    return Customer.objects.get(pk=who.id)


def new(**values: str) -> dict[str, str]:
    return {"username": "mary smith"} | values


@pytest.mark.django_db
def test_the_admin_redirects_anonymous_requests_to_the_log_in() -> None:
    answer = Client().get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")
    page = Client().get(answer["Location"])
    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<form" in page.content


def test_staff_log_in_without_regard_to_case_and_customers_do_not(
    person: Callable[..., Person],
) -> None:
    person("Mary", PASSWORD, is_staff=True)
    person("Tom", PASSWORD)
    for name, status in (("mary", 302), ("tom", 200)):
        credentials = {"username": name, "password": PASSWORD}
        assert Client().post("/admin/login/", credentials).status_code == status


def test_a_log_in_while_too_many_passwords_are_checked_is_refused_with_advice(
    person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    person("Mary", PASSWORD, is_staff=True)
    monkeypatch.setattr(waits, "LONGEST_WAIT", 0.01)
    monkeypatch.setattr(hashers, "_lanes", hashers.lanes_of(staff=2, others=2))
    with hashers.slot("staff"):
        answer = Client().post("/admin/login/", {"username": "Mary", "password": PASSWORD})
    assert (answer.status_code, b"server is busy" in answer.content) == (503, True)


def test_a_customer_added_by_staff_may_order_and_has_no_password(desk: Desk) -> None:
    page = desk.save(f"{CUSTOMERS}add/", **new(email="mary@example.com"))
    assert page.errors == {}
    mary = Customer.objects.get(username="mary smith")
    assert (mary.may_order, mary.is_staff, mary.email) == (True, False, "mary@example.com")
    assert not mary.has_usable_password()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": "TAKEN"}, "username"),
        ({"email": "Taken@Example.com"}, "email"),
        ({"username": "x" * 151}, "username"),
        ({"username": "\ufdfa" * 20}, "username"),
    ],
)
def test_an_invalid_account_is_an_error_of_its_field(
    desk: Desk, person: Callable[..., Person], values: dict[str, str], field: str
) -> None:
    person("taken", email="taken@example.com")
    before = Customer.objects.count()
    assert list(desk.save(f"{CUSTOMERS}add/", **new(**values)).errors) == [field]
    assert Customer.objects.count() == before


def test_a_deactivated_customer_is_refused_at_once(
    desk: Desk, person: Callable[..., Person], api: Api
) -> None:
    who = person("tom", PASSWORD)
    credentials = {"username": "tom", "password": PASSWORD}
    refresh = api("POST", "auth/token", credentials).body["refresh"]
    opened = desk.open(change(who))
    desk.post(change(who), {name: opened[name] for name in opened if name != "is_active"})
    assert fresh(who).is_active is False
    assert api("POST", "auth/token", credentials).status == 401
    assert api("POST", "auth/token/refresh", {"refresh": refresh}).status == 401
    desk.save(change(who), is_active="on")
    assert api("POST", "auth/token", credentials).status == 200


def test_only_the_changed_fields_of_a_form_are_written(
    desk: Desk, person: Callable[..., Person]
) -> None:
    who = person()
    opened = desk.open(change(who))
    assert 'name="initial-may_order" value="True"' in desk.get(change(who)).text
    Customer.objects.filter(pk=who.id).update(may_order=False, last_name="Smith")
    desk.post(change(who), opened | {"first_name": "Tom"})
    now = fresh(who)
    assert (now.first_name, now.last_name, now.may_order) == ("Tom", "Smith", False)


def test_a_taken_name_or_address_is_an_error_of_its_field(
    desk: Desk, person: Callable[..., Person]
) -> None:
    person("taken", email="taken@example.com")
    who = person("tom")
    assert list(desk.save(change(who), username="Taken").errors) == ["username"]
    assert list(desk.save(change(who), email="TAKEN@example.com").errors) == ["email"]
    both = desk.save(change(who), username="Taken", email="TAKEN@example.com").errors
    assert list(both) == ["username", "email"]
    assert fresh(who).username == "tom"


def test_the_admin_cannot_delete_an_account(desk: Desk, person: Callable[..., Person]) -> None:
    who = person()
    assert desk.post(f"{CUSTOMERS}{who.id}/delete/", {"post": "yes"}).status == 403
    assert fresh(who)


def test_a_superuser_makes_an_account_staff_and_gives_it_a_group(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who = person()
    page = desk.get("auth/group/add/")
    offered = page.response.context["adminform"].form.fields["permissions"].queryset
    names = set(offered.values_list("codename", flat=True))
    assert {"view_product", "delete_product", "add_adjustment", "change_order"} <= names
    assert names.isdisjoint({"delete_order", "change_stock", "add_group"})
    viewing = offered.get(codename="view_product").pk
    desk.save("auth/group/add/", name="Kitchen", permissions=[viewing])
    desk.save(change(who), is_staff="on", groups=[Group.objects.get(name="Kitchen").pk])
    who.customer.refresh_from_db()
    assert Desk(who).get("catalog/product/").status == 200
    assert Desk(who).get("orders/order/").status == 403


def test_a_taken_name_of_a_group_is_an_error_of_its_field(desk: Desk) -> None:
    """The database says so when the row is written."""
    for name in ("Kitchen", "Till"):
        desk.save("auth/group/add/", name=name)
    taken = {"name": ["Group with this Name already exists."]}
    assert desk.save("auth/group/add/", name="Kitchen").errors == taken
    till = Group.objects.get(name="Till").pk
    assert desk.save(f"auth/group/{till}/change/", name="Kitchen").errors == taken
    assert desk.save(f"auth/group/{till}/change/", name="Tills").errors == {}


def test_staff_cannot_change_their_own_rights(person: Callable[..., Person]) -> None:
    """Not even with a form that has the fields, which the page does not."""
    boss, other = person(is_staff=True, role="owner"), person(is_staff=True, is_superuser=True)
    opened = Desk(boss).open(change(boss))
    assert opened.keys().isdisjoint({"is_active", "is_staff", "is_superuser", "groups"})
    rights = {"is_superuser": "on", "is_staff": "", "groups": ["1"]}
    assert Desk(boss).post(change(boss), opened | rights | {"first_name": "Ada"}).errors == {}
    row = fresh(boss)
    assert (row.first_name, row.is_active, row.is_staff, row.is_superuser) == (
        *("Ada", True, True),
        False,
    )
    assert [role.name for role in row.groups.all()] == ["owner"]
    assert fresh(other).is_superuser


@pytest.fixture
def clerk(person: Callable[..., Person]) -> Desk:
    """Staff who may change customers, and are no superuser."""
    names = ("view_customer", "change_customer", "add_customer")
    return Desk(allow(person(is_staff=True), *(f"identity.{name}" for name in names)))


def test_staff_cannot_make_an_account_staff(clerk: Desk, person: Callable[..., Person]) -> None:
    who = person()
    rights = {"is_staff": "on", "is_superuser": "on", "groups": ["1"], "user_permissions": ["1"]}
    page = clerk.save(change(who), first_name="Tom", **rights)
    assert page.errors == {}
    assert (fresh(who).first_name, fresh(who).is_staff, fresh(who).is_superuser) == (
        "Tom",
        False,
        False,
    )
    clerk.save(f"{CUSTOMERS}add/", **new(is_staff="on", is_superuser="on"))
    account = Customer.objects.get(username="mary smith")
    assert (account.is_staff, account.is_superuser) == (False, False)


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_staff_cannot_take_over_the_account_of_staff(
    clerk: Desk, person: Callable[..., Person], rights: dict[str, bool]
) -> None:
    other = person(**rights)
    assert clerk.get(change(other)).status == 200
    assert clerk.post(change(other), {"username": "x"}).status == 403


def test_only_superusers_can_change_groups(
    person: Callable[..., Person],
) -> None:
    who = allow(person(is_staff=True), "auth.view_group", "auth.change_group", "auth.add_group")
    assert Desk(who).get("auth/group/").status == 403
    assert Desk(who).get("auth/group/add/").status == 403


def test_no_page_shows_a_password_hash(desk: Desk, person: Callable[..., Person]) -> None:
    who = person()
    for path in (change(who), CUSTOMERS):
        assert "argon2" not in desk.get(path).text


def test_customers_are_found_by_exact_name_or_address_and_else_by_parts(
    desk: Desk, person: Callable[..., Person]
) -> None:
    mary = person("Mary Smith", email="ms@example.com").customer
    person("Mary Smithers")
    for term in ("mary smith", "MS@example.com", "ms@exam", "ry smith "):
        assert mary in desk.get(CUSTOMERS, q=term).rows
    assert desk.get(CUSTOMERS, q="MARY SMITH").rows[0] == mary
    assert desk.get(CUSTOMERS, q="MS@Example.com").rows[0] == mary
    assert len(desk.get(CUSTOMERS, q="smith").rows) == 2


@pytest.mark.parametrize(
    "term",
    ["smith", "Mary", "smith mary", "ms1", "0171 2345678", "+49 (171) 234-5678", "2345678"],
)
def test_customers_are_found_by_their_names_and_phone_numbers(
    desk: Desk, person: Callable[..., Person], term: str
) -> None:
    who = person("ms1")
    Customer.objects.filter(pk=who.id).update(first_name="Mary", last_name="Smith")
    fields = {"name": "Mary", "line1": "1 Quay", "country": "DE", "phone": "+49 171 2345678"}
    add_address(who.caller, fields, now=NOW)
    other = person("tom").customer
    page = desk.get(CUSTOMERS, q=term)
    assert who.customer in page.rows
    assert other not in page.rows
    assert "Mary Smith" in page.text


def test_customers_are_offered_by_name(desk: Desk, person: Callable[..., Person]) -> None:
    for username, first, last in (("a", "Zoe", "Smith"), ("smith", "", ""), ("c", "Ann", "Smith")):
        Customer.objects.filter(pk=person(username, email=f"{username}@x.example").id).update(
            first_name=first, last_name=last
        )
    parameters = {"app_label": "orders", "model_name": "order", "field_name": "customer"}
    offered = desk.get("autocomplete/", **parameters, term="smith").response.json()["results"]
    assert [item["text"] for item in offered] == [
        "smith · smith@x.example",
        "Ann Smith · c · c@x.example",
        "Zoe Smith · a · a@x.example",
    ]
    chosen = desk.get("orders/order/telephone/", customer=offered[1]["id"])
    assert "Ann Smith · c · c@x.example" in chosen.text


def test_deleted_customers_are_not_shown_and_cannot_be_changed(
    desk: Desk, person: Callable[..., Person]
) -> None:
    who = person("Mary")
    form = desk.open(change(who))
    accounts.delete_account(who.id, now=now())
    assert who.id not in [row.pk for row in desk.get(CUSTOMERS).rows]
    before = fresh(who)
    sent = desk.post(change(who), form | {"email": "mary@example.com", "is_active": "on"})
    assert any("doesn’t exist" in message for message in sent.messages)
    assert (fresh(who).email, fresh(who).is_active) == ("", False)
    assert fresh(who).username == before.username


def test_staff_give_no_username_with_invisible_characters(
    desk: Desk, person: Callable[..., Person]
) -> None:
    who = person("anna")
    page = desk.save(change(who), username="an\u200bna")
    assert "username" in page.errors
    assert fresh(who).username == "anna"
