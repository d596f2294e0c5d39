"""Names and addresses that are taken: refused without a failed statement.

PostgreSQL logs a statement that fails, and in some configurations what it contains: the hash of a
password, a name, an address.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError

from larder.core.errors import AlreadyTaken, StaleVersion
from larder.identity.models import Customer
from larder.identity.services import accounts
from tests.conftest import Api, Person
from tests.database import before, logged
from tests.staff.desk import Desk

MakePerson = Callable[..., Person]
AsPerson = Callable[[Person], Api]
WORDS = "correct horse battery"

pytestmark = pytest.mark.django_db(transaction=True)


def assert_no_failure(lines: list[str]) -> None:
    assert [line for line in lines if " ERROR: " in line] == []


def test_a_failed_statement_is_found_in_the_log(person: MakePerson) -> None:
    name = person("anna").customer.username
    with logged() as lines, pytest.raises(IntegrityError):
        Customer(username=name).save(force_insert=True)
    with pytest.raises(AssertionError, match="customer_username_unique"):
        assert_no_failure(lines)


INSERT = 'INSERT INTO "customer"'


@pytest.mark.parametrize("is_looked_up", [True, False])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"username": "ANNÁ "}, "username_taken"),
        ({"username": "bert", "email": "Anna@Example.com"}, "email_taken"),
        ({"username": "anna", "email": "anna@example.com"}, "username_taken"),
    ],
)
def test_a_second_registration_is_refused(
    person: MakePerson, is_looked_up: bool, body: dict[str, str], code: str
) -> None:
    """Also if another transaction takes the name after the look-up."""

    def take() -> None:
        person("anna", email="anna@example.com")

    if is_looked_up:
        take()
    with logged() as lines, nullcontext() if is_looked_up else before(INSERT, take):
        answer = Api()("POST", "auth/register", body | {"password": WORDS})
    assert (answer.status, answer.body["code"]) == (409, code)
    assert_no_failure(lines)


BOTH = {"username": "anna", "email": "anna@example.com"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"username": "anna"}, ["/username"]),
        ({"email": "anna@example.com"}, ["/email"]),
        (BOTH, ["/username", "/email"]),
    ],
)
def test_a_refusal_names_each_field_that_is_taken(
    person: MakePerson, as_: AsPerson, body: dict[str, str], fields: list[str]
) -> None:
    person("anna", email="anna@example.com")
    new = {"username": "bert", "password": WORDS}
    for answer in (Api()("POST", "auth/register", new | body), as_(person())("PATCH", "me", body)):
        errors = answer.body["errors"]
        assert [(fault["pointer"], fault["code"]) for fault in errors] == [
            (field, "taken") for field in fields
        ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"username": "Anna"}, "username_taken"),
        ({"email": "ANNA@example.com"}, "email_taken"),
        ({"username": "anna", "email": "anna@example.com"}, "username_taken"),
    ],
)
def test_a_change_to_a_taken_name_or_address_is_refused(
    person: MakePerson, as_: AsPerson, change: dict[str, str], code: str
) -> None:
    person("anna", email="anna@example.com")
    bert = as_(person("bert"))
    with logged() as lines:
        answer = bert("PATCH", "me", change)
    assert (answer.status, answer.body["code"]) == (409, code)
    assert_no_failure(lines)


def test_an_outdated_version_is_refused_before_a_taken_name(person: MakePerson) -> None:
    person("anna")
    with pytest.raises(StaleVersion):
        accounts.change_profile(person().id, {"username": "anna"}, version=7)


def test_a_name_taken_after_the_look_up_is_refused(person: MakePerson) -> None:
    bert = person("bert")
    with (
        before('UPDATE "customer" SET', lambda: person("anna")),
        pytest.raises(AlreadyTaken, match="username"),
    ):
        accounts.change_profile(bert.id, {"username": "anna"})


def test_staff_are_refused_without_a_failed_statement(person: MakePerson) -> None:
    desk = Desk(person("boss", is_staff=True, is_superuser=True))
    person("anna", email="anna@example.com")
    Group.objects.create(name="Packers")
    bert = person("bert").id
    fields: dict[str, Any] = {"is_active": "on", "may_order": "on"}
    with logged() as lines:
        page = desk.post(f"identity/customer/{bert}/change/", fields | {"username": "anna"})
        group = desk.post("auth/group/add/", {"name": "Packers"})
    assert page.errors.keys() == {"username"}
    assert group.errors.keys() == {"name"}
    assert_no_failure(lines)


def test_a_command_cannot_create_an_account_with_a_taken_name(person: MakePerson) -> None:
    person("anna", email="anna@example.com")
    with logged() as lines:
        with pytest.raises(AlreadyTaken, match="username"):
            Customer.objects.create_superuser("Anna", WORDS)
        with pytest.raises(AlreadyTaken, match="email"):
            Customer.objects.create_user("bert", WORDS, email="anna@example.com")
    assert_no_failure(lines)
