"""Internal notes of staff about orders and customers."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from django.db import IntegrityError, transaction

from larder.core.errors import InvalidInput, KeyReused, NotFound, PermissionMissing
from larder.db.idempotency import Claim, Scope
from larder.identity.models import AuditEntry, Note
from larder.identity.services import accounts
from larder.identity.services.notes import About, add_note
from larder.orders.models import Order
from tests.conftest import NOW, Api, Person
from tests.staff.desk import Desk, allow
from tests.staff.orders import place, printed

__all__ = ["place"]

SECRET = "Complains often: check twice."
ROLE = ("orders.view_order", "orders.change_order", "identity.view_customer")


class Subject(NamedTuple):
    """An order or a customer: its page, the clerk who notes, and what the note is about."""

    page: str
    clerk: Person
    about: About
    order: Order

    @property
    def rows(self) -> list[str]:
        return list(Note.objects.order_by("id").values_list("text", flat=True))

    def add(self, text: str, key: str = "one", by: Person | None = None) -> bool:
        who = by or self.clerk
        claim = Claim(Scope(who.customer.public_id, "note", key), text.encode())
        return add_note(self.about, text, caller=who.caller, claim=claim, now=NOW)


@pytest.fixture(params=["order", "customer"])
def subject(
    request: pytest.FixtureRequest, person: Callable[..., Person], place: Callable[..., Order]
) -> Subject:
    clerk = allow(person(is_staff=True), *ROLE, "identity.change_customer")
    order = place(tom := person("tom"))
    if request.param == "order":
        about = About(f"order:{order.pk}", "orders.change_order")
        return Subject(f"orders/order/{order.pk}", clerk, about, order)
    about = About(f"customer:{tom.customer.public_id}", "identity.change_customer", tom.id)
    return Subject(f"identity/customer/{tom.id}", clerk, about, order)


def test_a_note_is_added_once_and_shown_with_its_author(subject: Subject) -> None:
    desk, page = Desk(subject.clerk), f"{subject.page}/note/"
    sent = desk.open(page) | {"text": "Rang her.\r\nShe is on holiday."}
    for _ in range(2):
        shown = desk.post(page, sent)
        assert shown.messages == ["The note is added."]
    assert subject.rows == ["Rang her.\nShe is on holiday."]
    assert "She is on holiday." in shown.text
    assert f"by {subject.clerk.customer.username}" in shown.text
    assert "was sent before with other values" in desk.post(page, sent | {"text": "Other."}).text
    assert [subject.add("a"), subject.add("a")] == [False, True]
    with pytest.raises(KeyReused):
        subject.add("b")
    entry = AuditEntry.objects.filter(action="add_note").earliest("id")
    assert (entry.object, entry.actor) == (subject.about.name, subject.clerk.customer.public_id)
    assert (entry.before, entry.after) == ({}, {"personal_data": ["internal_note"]})


@pytest.mark.parametrize("text", ["", " \n ", "x" * 2_001, "a\u202eb", "line\nbell\x07"])
def test_the_page_and_the_service_refuse_a_faulty_text(subject: Subject, text: str) -> None:
    assert "text" in Desk(subject.clerk).save(f"{subject.page}/note/", text=text).errors
    with pytest.raises(InvalidInput):
        subject.add(text)
    assert subject.rows == []


def test_writing_needs_the_permission_to_change_and_reading_to_view(
    subject: Subject, person: Callable[..., Person]
) -> None:
    subject.add(SECRET)
    reader = allow(person(is_staff=True), "orders.view_order", "identity.view_customer")
    shown = Desk(reader).get(f"{subject.page}/change/").text
    assert (SECRET in shown, "Add note" in shown) == (True, False)
    assert "Add note" in Desk(subject.clerk).get(f"{subject.page}/change/").text
    assert Desk(reader).get(f"{subject.page}/note/").status == 403
    with pytest.raises(PermissionMissing):
        subject.add("a", "two", reader)
    assert subject.rows == [SECRET]


def test_no_answer_of_the_api_and_no_print_has_a_note(
    subject: Subject, person: Callable[..., Person], as_: Callable[[Person], Api]
) -> None:
    subject.add(SECRET)
    chief = person(is_staff=True, is_superuser=True)
    order = f"orders/{subject.order.pk}"
    for path in (order, f"{order}/events", "orders", "audit", "me"):
        answer = as_(chief)("GET", path)
        assert (answer.status, SECRET in str(answer.body)) == (200, False)
    for action in ("pick_list", "packing_slips", "address_labels"):
        assert SECRET not in printed(Desk(chief), action, [subject.order]).text


def test_notes_about_a_customer_alone_are_deleted_with_the_account(subject: Subject) -> None:
    subject.add(SECRET)
    accounts.delete_account(subject.order.customer_id, now=NOW)
    if subject.about.name.startswith("order:"):
        assert subject.rows == [SECRET]
        return
    with pytest.raises(NotFound):
        subject.add("a", "two")
    assert subject.rows == []


def test_a_note_is_never_changed(subject: Subject) -> None:
    subject.add(SECRET)
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        Note.objects.update(text="")


def test_a_page_shows_the_last_notes(subject: Subject) -> None:
    for number in range(51):
        subject.add(f"Note {number}.", str(number))
    text = Desk(subject.clerk).get(f"{subject.page}/change/").text
    assert "Only the last 50" in text
    assert ("Note 1." in text, "Note 0." in text) == (True, False)
