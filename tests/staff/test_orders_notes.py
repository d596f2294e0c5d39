"""Internal notes of staff about an order."""

import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from larder.core.errors import InvalidInput, KeyReused, NotFound, PermissionMissing
from larder.db.idempotency import Claim, Scope
from larder.identity.models import AuditEntry
from larder.identity.services import accounts
from larder.orders.models import Order, OrderNote
from larder.orders.queries import OrderView
from larder.orders.services.notes import add_note
from tests.conftest import NOW, Api, Person
from tests.db.feeds import settle
from tests.staff.desk import Desk, allow
from tests.staff.orders import ORDERS, place, printed

__all__ = ["place"]

SECRET = "Complains often: check twice."
Place = Callable[..., Order]


@pytest.fixture
def clerk(person: Callable[..., Person]) -> Person:
    return allow(person(is_staff=True), "orders.view_order", "orders.change_order")


@pytest.fixture
def order(person: Callable[..., Person], place: Place) -> Order:
    return place(person())


def page(order: Order, name: str = "note") -> str:
    return f"{ORDERS}{order.pk}/{name}/"


def add(by: Person, order: UUID, text: str, key: str = "one") -> bool:
    claim = Claim(Scope(by.customer.public_id, "note", key), text.encode())
    return add_note(order, text, caller=by.caller, claim=claim, now=NOW)


def texts(order: Order) -> list[str]:
    return list(order.notes.order_by("id").values_list("text", flat=True))


def test_a_note_is_shown_with_its_author_among_what_happened(clerk: Person, order: Order) -> None:
    desk = Desk(clerk)
    shown = desk.save(page(order), text="Rang her.\r\nShe is on holiday.")
    assert shown.messages == ["The note is added."]
    note, placed = shown.response.context["timeline"]["events"]
    assert (note["what"], note["by"]) == ("Internal note", clerk.customer.username)
    assert note["details"] == ["Rang her.\nShe is on holiday."]
    assert placed["what"] == "Placed"
    version = order.version
    order.refresh_from_db()
    assert (order.version, OrderNote.objects.get().actor) == (version, clerk.customer.public_id)


def test_a_note_is_added_once_for_a_page(clerk: Person, order: Order) -> None:
    desk = Desk(clerk)
    sent = desk.open(page(order)) | {"text": "Once."}
    for _ in range(2):
        assert desk.post(page(order), sent).messages == ["The note is added."]
    assert texts(order) == ["Once."]
    other = desk.post(page(order), sent | {"text": "Other."})
    assert "was sent before with other values" in other.text
    assert texts(order) == ["Once."]
    assert [add(clerk, order.pk, "a"), add(clerk, order.pk, "a")] == [False, True]
    with pytest.raises(KeyReused):
        add(clerk, order.pk, "b")


@pytest.mark.parametrize(
    "text", ["", " \n ", "x" * 2_001, "a\u202eb", "a\u200bb", "a\x07b", "line\nbell\x07"]
)
def test_the_page_and_the_service_refuse_a_faulty_text(
    clerk: Person, order: Order, text: str
) -> None:
    assert "text" in Desk(clerk).save(page(order), text=text).errors
    with pytest.raises(InvalidInput):
        add(clerk, order.pk, text)
    assert texts(order) == []


def test_every_fault_of_a_text_is_named_at_once(clerk: Person, order: Order) -> None:
    with pytest.raises(InvalidInput) as refused:
        add(clerk, order.pk, "x\x07" * 2_000)
    assert [one.code for one in refused.value.faults] == ["too_long", "invalid_format"]


def test_a_note_of_the_largest_length_is_kept(clerk: Person, order: Order) -> None:
    text = "\n".join(["ä" * 999, "ü" * 1_000])
    Desk(clerk).save(page(order), text=text.replace("\n", "\r\n"))
    assert texts(order) == [text]


def test_a_cart_and_an_unknown_order_have_no_notes(
    clerk: Person,
    person: Callable[..., Person],
    as_: Callable[[Person], Api],
    product: Callable[..., int],
) -> None:
    as_(person())("PUT", f"cart/lines/{product()}", {"quantity": 1})
    for unknown in (Order.objects.get().pk, uuid4()):
        with pytest.raises(NotFound):
            add(clerk, unknown, "a")


def test_writing_needs_the_permission_to_change_orders_and_reading_to_view_them(
    person: Callable[..., Person], clerk: Person, order: Order
) -> None:
    add(clerk, order.pk, SECRET)
    viewer = Desk(allow(person(is_staff=True), "orders.view_order"))
    shown = viewer.get(page(order, "change")).text
    assert SECRET in shown
    assert "Add note" not in shown
    assert "/identity/customer/" not in shown, "a link that would be refused"
    assert "Add note" in Desk(clerk).get(page(order, "change")).text
    assert viewer.get(page(order)).status == 403
    packer = Desk(allow(person(is_staff=True), "orders.pack_order"))
    assert SECRET not in packer.get(page(order, "pack")).text


def test_a_permission_that_was_taken_away_meanwhile_is_missed(
    person: Callable[..., Person], order: Order
) -> None:
    former = allow(person(is_staff=True), "orders.view_order")
    with pytest.raises(PermissionMissing):
        add(former, order.pk, "a")
    assert texts(order) == []


@pytest.mark.django_db(transaction=True)
def test_no_answer_for_customers_and_no_print_has_a_note(
    person: Callable[..., Person],
    as_: Callable[[Person], Api],
    product: Callable[..., int],
    desk: Desk,
) -> None:
    tom = person()
    api, chief = as_(tom), as_(person(is_staff=True, is_superuser=True))
    address = {"name": "Tom", "line1": "1 Quay", "city": "Bath", "country": "GB"}
    lines = [{"product": product(), "quantity": 1}]
    made = api("POST", "orders", {"lines": lines, "ship_to": address}).body["id"]
    before = api("GET", f"orders/{made}").headers["ETag"]
    desk.save(f"{ORDERS}{made}/note/", text=SECRET)
    assert api("GET", f"orders/{made}").headers["ETag"] == before
    settle()
    paths = [f"orders/{made}", f"orders/{made}/events", "orders", "orders/changes", "audit"]
    found = [one("GET", path) for one in (api, chief) for path in paths]
    assert all(SECRET not in json.dumps(one.body) for one in found)
    order = Order.objects.get(pk=made)
    for action in ("pick_list", "packing_slips", "address_labels"):
        assert SECRET not in printed(desk, action, [order]).text
    assert "internal_note" not in OrderView.__struct_fields__


def test_the_audit_trail_has_that_there_is_a_note_and_not_its_text(
    clerk: Person, order: Order
) -> None:
    Desk(clerk).save(page(order), text=SECRET)
    entry = AuditEntry.objects.get(action="add_note")
    assert (entry.object, entry.actor) == (f"order:{order.pk}", clerk.customer.public_id)
    assert (entry.before, entry.after) == ({}, {"personal_data": ["internal_note"]})


def test_notes_stay_with_the_order_of_a_deleted_account(clerk: Person, order: Order) -> None:
    posted = {"note": "Ring twice.", "carrier": "DHL", "tracking_number": "1"}
    Order.objects.filter(pk=order.pk).update(**posted)
    add(clerk, order.pk, SECRET)
    for one in (order.customer_id, clerk.id):
        accounts.delete_account(one, now=NOW)
    assert Order.objects.filter(pk=order.pk).values(*posted).get() == posted
    assert texts(order) == [SECRET]


def test_the_page_of_an_order_shows_the_last_notes(clerk: Person, desk: Desk, order: Order) -> None:
    for number in range(51):
        add(clerk, order.pk, f"Note {number}.", str(number))
    shown = desk.get(page(order, "change"))
    assert "Only the last 50 events and internal notes are shown." in shown.text
    notes = [one["details"] for one in shown.response.context["timeline"]["events"]]
    assert notes[:2] == [["Note 50."], ["Note 49."]]
    assert (len(notes), ["Note 0."] in notes, ["Note 1."] in notes) == (51, False, True)
