"""Orders moved by staff in the admin: one by one, and many at once."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.test import Client

from larder.catalog.models import Product
from larder.core.ids import SYSTEM_ACTOR
from larder.db import database
from larder.identity.services.accounts import delete_account
from larder.inventory.services.movements import open_stock
from larder.orders.decision import RequestedLine
from larder.orders.models import Order, OrderEvent
from larder.orders.services.batches import place_order
from larder.orders.services.changes import change_order
from larder.orders.services.moves import cancel_order, pack_order, ship_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.staff.orders.moves import DONE_BEFORE
from tests.conftest import NOW, Person
from tests.orders import large_orders
from tests.orders.holding import SECONDS, hold, pass_seconds
from tests.orders.holding import order as order_now
from tests.staff.desk import Desk, allow
from tests.staff.moving import (
    ORDERS,
    offered,
    place,
    select,
    short,
    status,
    stock,
    transition_request,
)


def test_an_order_s_page_offers_what_its_status_allows(desk: Desk, order: UUID, jam: int) -> None:
    assert offered(desk, order) == {"pack", "edit", "cancel"}
    desk.save(f"{ORDERS}{order}/pack/")
    assert offered(desk, order) == {"ship", "cancel"}
    desk.save(f"{ORDERS}{order}/ship/")
    assert offered(desk, order) == {"deliver", "return"}
    desk.save(f"{ORDERS}{order}/deliver/")
    assert offered(desk, order) == {"return"}
    back = {f"line-{jam}-quantity": "4", "reason": "mouldy"}
    assert desk.save(f"{ORDERS}{order}/return/", **back).messages
    assert (status(order), offered(desk, order)) == ("returned", set())


def test_moves_are_recorded_with_the_member_of_staff(
    desk: Desk, boss: Person, order: UUID, jam: int
) -> None:
    page = desk.save(f"{ORDERS}{order}/pack/")
    number = Order.objects.get().number
    assert page.messages == [f"Order {number} is packed."]
    assert (status(order), stock(jam)) == ("packed", (6, 4))
    assert OrderEvent.objects.get(type="packed").actor == boss.customer.public_id


@pytest.mark.parametrize(("rest", "left"), [("missing", (6, 1)), ("back", (9, 1))])
def test_units_not_picked_are_missing_or_available_again(
    desk: Desk, order: UUID, jam: int, rest: str, left: tuple[int, int]
) -> None:
    desk.save(f"{ORDERS}{order}/pack/", **short(jam, "1", rest))
    assert (status(order), stock(jam)) == ("packed", left)


@pytest.mark.parametrize("quantity", ["", "3"])
def test_a_forgotten_field_of_the_pack_page_takes_nothing_off_the_stock(
    desk: Desk, order: UUID, jam: int, quantity: str
) -> None:
    page = desk.save(f"{ORDERS}{order}/pack/", **{f"line-{jam}-quantity": quantity})
    expected = {
        "": {f"line-{jam}-quantity": ["This field is required."]},
        "3": {f"line-{jam}-rest": ["Choose what became of the others."]},
    }
    assert page.errors == expected[quantity]
    assert (status(order), stock(jam)) == ("placed", (6, 4))


def test_the_pack_page_shows_what_the_parcel_needs(desk: Desk, order: UUID) -> None:
    Order.objects.update(ship_to={"name": "Mary", "city": "Bristol"}, note="Ring twice")
    text = desk.get(f"{ORDERS}{order}/pack/").text
    assert "<dd>Mary\nBristol</dd>" in text
    assert "<dd>Ring twice</dd>" in text


def test_the_lines_of_the_pack_page_follow_the_places_in_the_warehouse(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int], jam: int
) -> None:
    tea, oil = product(sku="TEA", name="Tea"), product(sku="OIL", name="Oil")
    Product.objects.filter(pk=tea).update(shelf_place="B-2")
    Product.objects.filter(pk=oil).update(shelf_place="A-1")
    who = person()
    placement = Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=[RequestedLine(id, 1) for id in (jam, tea, oil)],
    )
    placed = place_order(placement, terms=Terms(currency="GBP"), now=NOW).order.id
    lines = desk.get(f"{ORDERS}{placed}/pack/").response.context["page"].lines
    assert [line.cells[:2] for line in lines] == [("A-1", "OIL"), ("B-2", "TEA"), ("–", "JAM-1")]


def test_picking_more_than_ordered_is_refused_at_its_line(
    desk: Desk, order: UUID, jam: int
) -> None:
    page = desk.save(f"{ORDERS}{order}/pack/", **{f"line-{jam}-quantity": "5"})
    assert page.errors == {f"line-{jam}-quantity": ["Expected at most 4, the ordered quantity."]}
    assert (status(order), stock(jam)) == ("placed", (6, 4))


@pytest.mark.parametrize(("restock", "left"), [(True, (9, 0)), (False, (6, 0))])
def test_returned_units_are_available_again_or_written_off(
    desk: Desk, order: UUID, jam: int, restock: bool, left: tuple[int, int]
) -> None:
    desk.save(f"{ORDERS}{order}/pack/")
    desk.save(f"{ORDERS}{order}/ship/")
    values = {f"line-{jam}-quantity": "3", "reason": "too red"}
    sent = desk.open(f"{ORDERS}{order}/return/") | values
    if not restock:
        del sent[f"line-{jam}-restock"]
    assert "is booked" in desk.post(f"{ORDERS}{order}/return/", sent).messages[0]
    assert (status(order), stock(jam)) == ("shipped", left)
    assert "<p>£4.50 of it returned</p>" in desk.get(f"{ORDERS}{order}/change/").text
    page = desk.save(f"{ORDERS}{order}/return/", **{**values, f"line-{jam}-quantity": "2"})
    assert page.errors == {
        f"line-{jam}-quantity": ["Too many: 4 were shipped, and 3 were already returned."]
    }
    text = desk.get(f"{ORDERS}{order}/change/").text
    assert "JAM-1 Red jam: 3 came back" in text


def test_a_return_needs_a_reason_and_quantities(desk: Desk, order: UUID, jam: int) -> None:
    desk.save(f"{ORDERS}{order}/pack/")
    desk.save(f"{ORDERS}{order}/ship/")
    page = desk.save(f"{ORDERS}{order}/return/", **{f"line-{jam}-quantity": "1"})
    assert page.errors["reason"] == ["This field is required."]
    page = desk.save(f"{ORDERS}{order}/return/", reason="x")
    assert page.errors == {"__all__": ["Enter the number of returned units in at least one line."]}


def test_a_page_sent_twice_moves_once_with_the_same_answer(
    desk: Desk, order: UUID, jam: int
) -> None:
    for move, values in (
        ("pack", short(jam, "3")),
        ("ship", {}),
        ("return", {f"line-{jam}-quantity": "1", "reason": "x"}),
    ):
        sent = desk.open(f"{ORDERS}{order}/{move}/") | values
        first, second = (desk.post(f"{ORDERS}{order}/{move}/", sent) for _ in range(2))
        assert first.messages == second.messages
        assert "is" in first.messages[0]
    assert OrderEvent.objects.filter(order_id=order).count() == 4
    assert stock(jam) == (7, 0)


def test_a_page_of_an_outdated_order_is_refused_with_a_message(
    desk: Desk, person: Callable[..., Person], order: UUID, jam: int
) -> None:
    """The customer wants a jar fewer while the page is open."""
    opened = {move: desk.open(f"{ORDERS}{order}/{move}/") for move in ("pack", "cancel")}
    clerk = person(is_staff=True)
    change_order(
        transition_request(order, clerk), terms=Terms(currency="GBP"), lines=[RequestedLine(jam, 3)]
    )
    for move, sent in opened.items():
        page = desk.post(f"{ORDERS}{order}/{move}/", sent)
        assert "changed by another user after you opened the page" in page.messages[0]
        assert page.response.redirect_chain
    assert (status(order), stock(jam)) == ("placed", (7, 3))


def test_the_message_reports_a_move_by_another_user(
    desk: Desk, person: Callable[..., Person], order: UUID, jam: int
) -> None:
    sent, other = (desk.open(f"{ORDERS}{order}/pack/") for _ in range(2))
    pack_order(transition_request(order, person(is_staff=True)))
    page = desk.post(f"{ORDERS}{order}/pack/", sent)
    assert page.messages[0].endswith(str(DONE_BEFORE))
    page = desk.post(f"{ORDERS}{order}/pack/", other | short(jam, "1"))
    assert "Nothing was done now." in page.messages[0]
    assert stock(jam) == (6, 4)


def test_a_move_that_is_no_longer_possible_redirects_to_the_order(
    desk: Desk, person: Callable[..., Person], order: UUID
) -> None:
    sent = desk.open(f"{ORDERS}{order}/pack/")
    cancel_order(transition_request(order, person(is_staff=True)))
    page = desk.post(f"{ORDERS}{order}/pack/", sent)
    assert "Nothing was done" in page.messages[0]
    page = desk.get(f"{ORDERS}{order}/pack/")
    assert page.messages[0].endswith("Cancelled. This action is not possible.")
    assert status(order) == "cancelled"


def test_a_page_without_the_token_against_forgery_is_refused(
    boss: Person, person: Callable[..., Person], order: UUID
) -> None:
    clerk = person(is_staff=True)
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss.customer)
    for place_, sent in (
        (f"{ORDERS}{order}/cancel/", {"seen_version": "1"}),
        (f"{ORDERS}telephone/", {}),
        (f"identity/customer/{clerk.id}/reset-factor/", {}),
        ("identity/key/make/", {"name": "erp"}),
        ("catalog/product/import-file/", {}),
        ("inventory/adjustment/add/", {}),
    ):
        assert client.post(f"/admin/{place_}", sent).status_code == 403
    assert status(order) == "placed"


@pytest.mark.parametrize("values", [{"seen_version": ""}, {"seen_version": "x"}, {"form_key": "x"}])
def test_a_page_without_its_version_or_key_moves_nothing(
    desk: Desk, order: UUID, values: dict[str, str]
) -> None:
    page = desk.save(f"{ORDERS}{order}/cancel/", **values)
    assert "This page cannot be read." in page.text
    assert status(order) == "placed"


def test_orders_are_moved_only_with_the_permission_of_the_move(
    person: Callable[..., Person], order: UUID
) -> None:
    viewer = Desk(allow(person(is_staff=True), "orders.view_order"))
    assert offered(viewer, order) == set()
    for move in ("pack", "ship", "deliver", "return", "edit", "cancel"):
        assert viewer.get(f"{ORDERS}{order}/{move}/").status == 403
        sent = {"seen_version": "1", "form_key": str(order), "reason": "x"}
        assert viewer.post(f"{ORDERS}{order}/{move}/", sent).status == 403
    assert "mark_packed" not in viewer.get(ORDERS).text
    select(viewer, "mark_packed", order)
    assert status(order) == "placed"
    clerk = Desk(allow(person(is_staff=True), "orders.view_order", "orders.pack_order"))
    assert offered(clerk, order) == {"pack"}
    assert clerk.get(f"{ORDERS}{order}/cancel/").status == 403
    assert "packed" in clerk.save(f"{ORDERS}{order}/pack/").messages[0]


def test_a_thousand_lines_are_packed_on_one_page(desk: Desk, person: Callable[..., Person]) -> None:
    database.execute(large_orders.PRODUCTS, [1_000])
    who, jars = person(), list(Product.objects.values_list("id", flat=True))
    open_stock(dict.fromkeys(jars, 10), actor=SYSTEM_ACTOR, now=NOW)
    placement = Placement(
        customer=who.id, actor=who.customer.public_id, lines=[RequestedLine(jar, 2) for jar in jars]
    )
    order = place_order(placement, terms=Terms(currency="GBP"), now=NOW).order.id
    page = desk.save(f"{ORDERS}{order}/pack/", **short(jars[7], "1"))
    assert "is packed" in page.messages[0]


def test_events_are_shown_as_sentences_with_sku_and_name(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int], order: UUID, jam: int
) -> None:
    tea, clerk = product(sku="TEA", name="Green tea"), person("clerk", is_staff=True)
    terms = Terms(currency="GBP")
    lines = [RequestedLine(jam, 3), RequestedLine(tea, 1)]
    change_order(transition_request(order, clerk), terms=terms, lines=lines)
    change_order(
        transition_request(order, clerk),
        terms=terms,
        lines=[RequestedLine(jam, 3)],
        details={"note": "Ring"},
    )
    desk.save(f"{ORDERS}{order}/pack/", **short(jam, "1"))
    text = desk.get(f"{ORDERS}{order}/change/").text
    for sentence in (
        "JAM-1 Red jam: 3 instead of 4.",
        "TEA Green tea: 1 added.",
        "TEA Green tea: 1 taken off.",
        "Note: “Ring” instead of nothing.",
        "JAM-1 Red jam: 1 of 3 picked, 2 missing from the shelf.",
        "1 of 3 ordered",
    ):
        assert sentence in text
    assert "{&#x27;" not in text
    assert "[{" not in text


def test_a_deleted_account_is_shown_as_deleted(
    desk: Desk, person: Callable[..., Person], jam: int
) -> None:
    who = person("mary")
    order = place(who, jam, 1)
    ship = transition_request(order, person("helen", is_staff=True))
    pack_order(ship)
    ship_order(ship)
    delete_account(who.id, now=NOW)
    for path in (ORDERS, f"{ORDERS}{order}/change/"):
        text = desk.get(path).text
        assert ("deleted account" in text, "deleted-" in text) == (True, False), path
    assert "helen" in desk.get(f"{ORDERS}{order}/change/").text


MAY = ("orders.view_order", "orders.confirm_order", "orders.cancel_order", "orders.pack_order")


def test_a_pending_order_is_confirmed(
    desk: Desk, boss: Person, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam = product(stock=5)
    allow(boss, *MAY)
    held = hold(person(), (jam, 3))
    assert offered(desk, held.id) == {"confirm", "cancel"}
    assert "Held until" in desk.get(f"{ORDERS}{held.id}/change/").text
    page = desk.save(f"{ORDERS}{held.id}/confirm/")
    assert page.messages == [f"Order {held.number} is placed."]
    assert (status(held.id), stock(jam)) == ("placed", (2, 3))
    assert OrderEvent.objects.filter(order_id=held.id, type="confirmed").count() == 1
    assert offered(desk, held.id) == {"pack", "edit", "cancel"}


def test_the_page_shows_that_a_hold_has_expired(
    desk: Desk, boss: Person, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam = product(stock=3)
    allow(boss, *MAY)
    held = hold(person(), (jam, 3))
    pass_seconds(SECONDS, [held.id])
    order_now(person(), (jam, 1))
    page = desk.save(f"{ORDERS}{held.id}/confirm/")
    assert "the hold has expired" in page.messages[0]
