"""Internal notes of staff about a customer."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from larder.core.errors import InvalidInput, NotFound, PermissionMissing
from larder.db.idempotency import Claim, Scope
from larder.identity.models import AuditEntry, CustomerNote
from larder.identity.services import accounts
from larder.identity.services.notes import add_note
from tests.conftest import NOW, Api, Person
from tests.staff.desk import Desk, allow

SECRET = "Complains often: check twice."


@pytest.fixture
def clerk(person: Callable[..., Person]) -> Person:
    return allow(person(is_staff=True), "identity.view_customer", "identity.change_customer")


@pytest.fixture
def tom(person: Callable[..., Person]) -> Person:
    return person("tom")


def page(who: Person, name: str = "note") -> str:
    return f"identity/customer/{who.id}/{name}/"


def add(by: Person, customer: int, text: str, key: str = "one") -> bool:
    claim = Claim(Scope(by.customer.public_id, "note", key), text.encode())
    return add_note(customer, text, caller=by.caller, claim=claim, now=NOW)


def texts() -> list[str]:
    return list(CustomerNote.objects.order_by("id").values_list("text", flat=True))


def test_a_note_is_shown_on_the_page_of_the_customer_with_its_author(
    clerk: Person, tom: Person, person: Callable[..., Person]
) -> None:
    desk = Desk(clerk)
    shown = desk.save(page(tom), text="Rang her.\r\nShe is on holiday.")
    assert shown.messages == ["The note is added."]
    (note,) = shown.response.context["customer_notes"]["rows"]
    assert (note["by"], note["text"]) == (clerk.customer.username, "Rang her.\nShe is on holiday.")
    assert "Internal notes" in shown.text
    assert "Internal notes" not in desk.get(page(person(), "change")).text


def test_a_note_is_added_once_for_a_page(clerk: Person, tom: Person) -> None:
    desk = Desk(clerk)
    sent = desk.open(page(tom)) | {"text": "Once."}
    for _ in range(2):
        assert desk.post(page(tom), sent).messages == ["The note is added."]
    assert texts() == ["Once."]


@pytest.mark.parametrize("text", ["", " \n ", "x" * 2_001, "a\u202eb", "line\nbell\x07"])
def test_the_page_and_the_service_refuse_a_faulty_text(
    clerk: Person, tom: Person, text: str
) -> None:
    assert "text" in Desk(clerk).save(page(tom), text=text).errors
    with pytest.raises(InvalidInput):
        add(clerk, tom.id, text)
    assert texts() == []


def test_writing_needs_the_permission_to_change_customers_and_reading_to_view_them(
    person: Callable[..., Person], clerk: Person, tom: Person
) -> None:
    add(clerk, tom.id, SECRET)
    reader = allow(person(is_staff=True), "identity.view_customer")
    shown = Desk(reader).get(page(tom, "change")).text
    assert SECRET in shown
    assert "Add note" not in shown
    assert "Add note" in Desk(clerk).get(page(tom, "change")).text
    assert Desk(reader).get(page(tom)).status == 403
    with pytest.raises(PermissionMissing):
        add(reader, tom.id, "a")
    assert texts() == [SECRET]


def test_the_customer_and_the_api_do_not_see_a_note(
    clerk: Person, tom: Person, person: Callable[..., Person], as_: Callable[[Person], Api]
) -> None:
    add(clerk, tom.id, SECRET)
    chief = as_(person(is_staff=True, is_superuser=True))
    for answer in (as_(tom)("GET", "me"), chief("GET", "audit")):
        assert answer.status == 200
        assert SECRET not in str(answer.body)


def test_the_audit_trail_has_that_there_is_a_note_and_not_its_text(
    clerk: Person, tom: Person
) -> None:
    Desk(clerk).save(page(tom), text=SECRET)
    entry = AuditEntry.objects.get(action="add_note")
    assert entry.object == f"customer:{tom.customer.public_id}"
    assert (entry.before, entry.after) == ({}, {"personal_data": ["internal_note"]})


def test_notes_are_deleted_with_the_account_and_none_is_added_later(
    clerk: Person, tom: Person
) -> None:
    add(clerk, tom.id, SECRET)
    accounts.delete_account(tom.id, now=NOW)
    assert texts() == []
    with pytest.raises(NotFound):
        add(clerk, tom.id, "a", "two")
    assert texts() == []


def test_a_note_is_never_changed(clerk: Person, tom: Person) -> None:
    add(clerk, tom.id, SECRET)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        CustomerNote.objects.update(text="")


def test_the_page_of_a_customer_shows_the_last_notes(clerk: Person, tom: Person) -> None:
    for number in range(51):
        add(clerk, tom.id, f"Note {number}.", str(number))
    shown = Desk(clerk).get(page(tom, "change"))
    assert "Only the last 50 internal notes are shown." in shown.text
    rows = shown.response.context["customer_notes"]["rows"]
    assert (rows[0]["text"], rows[-1]["text"]) == ("Note 50.", "Note 1.")
