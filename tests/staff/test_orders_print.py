"""Pick lists, packing slips and address labels."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from larder.catalog.models import Product
from larder.identity.models import Customer
from larder.orders.decision import RequestedLine
from larder.orders.models import Order
from larder.orders.services.batches import place_order
from larder.orders.services.moves import cancel_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.services.transitions import TransitionRequest
from larder.staff.orders.contents import address_lines
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, allow
from tests.staff.orders import ORDERS, printed

ADDRESS = {"name": "Mary", "line1": "1 Quay", "city": "Bristol", "country": "GB", "phone": "0117"}
PRINTS = ("pick-list", "packing-slip", "address-label")


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(allow(person(is_staff=True), "orders.view_order"))


@pytest.fixture
def tea(product: Callable[..., int]) -> int:
    return product(sku="TEA", name="Green tea", stock=90)


@pytest.fixture
def jam(product: Callable[..., int]) -> int:
    return product(sku="JAM", name="Apricot jam", stock=90)


@pytest.fixture
def place(person: Callable[..., Person]) -> Callable[..., Order]:
    """Places an order: `place((product, quantity), ...)`."""

    def placed(*lines: tuple[int, int], **details: object) -> Order:
        who = person()
        requested = [RequestedLine(*line) for line in lines]
        order = Placement(customer=who.id, actor=who.customer.public_id, lines=requested)
        id = place_order(order, terms=Terms(currency="GBP"), now=NOW).order.id
        Order.objects.filter(id=id).update(**details)
        return Order.objects.get(id=id)

    return placed


def test_a_pick_list_adds_up_the_units_of_several_orders_by_name(
    desk: Desk, place: Callable[..., Order], tea: int, jam: int
) -> None:
    first, second = place((tea, 2), (jam, 1)), place((tea, 3))
    context = printed(desk, "pick_list", [second, first]).response.context
    rows = [(row["sku"], row["quantity"], row["parts"]) for row in context["rows"]]
    assert rows == [
        ("JAM", 1, [(first.number, 1)]),
        ("TEA", 5, [(first.number, 2), (second.number, 3)]),
    ]


def test_a_pick_list_follows_the_places_in_the_warehouse(
    desk: Desk, place: Callable[..., Order], product: Callable[..., int], tea: int
) -> None:
    first, second = (product(sku=sku, stock=9) for sku in ("A", "B"))
    Product.objects.filter(pk=first).update(shelf_place="B-2")
    Product.objects.filter(pk=second).update(shelf_place="A-1")
    order = place((tea, 1), (first, 1), (second, 1))
    rows = desk.get(f"{ORDERS}{order.pk}/pick-list/").response.context["rows"]
    assert [(row["place"], row["sku"]) for row in rows] == [("A-1", "B"), ("B-2", "A"), ("", "TEA")]


def test_a_slip_has_what_is_in_the_parcel_and_where_it_goes(
    desk: Desk, place: Callable[..., Order], tea: int
) -> None:
    order = place((tea, 2), ship_to=ADDRESS, note="Ring twice", reference="PO-1")
    text = desk.get(f"{ORDERS}{order.pk}/packing-slip/").text
    for shown in ("<div>1 Quay</div>", "Green tea", "Ring twice", "PO-1", str(order.number)):
        assert shown in text


@pytest.mark.parametrize("kind", ["packing-slip", "address-label"])
@pytest.mark.parametrize(
    ("ship_to", "line"), [(None, "Collected in the shop"), ({"line1": "1 Quay"}, "1 Quay")]
)
def test_slip_and_label_have_customer_shop_and_total(
    desk: Desk,
    place: Callable[..., Order],
    tea: int,
    settings: Any,
    kind: str,
    ship_to: dict[str, str] | None,
    line: str,
) -> None:
    settings.DEFAULT_FROM_EMAIL = "Corner Shop <shop@example.com>"
    order = place((tea, 2), ship_to=ship_to, total=Decimal("12.5"))
    Customer.objects.filter(pk=order.customer_id).update(first_name="Mary", last_name="Smith")
    text = desk.get(f"{ORDERS}{order.pk}/{kind}/").text
    for shown in ("<div>Mary Smith</div>", f"<div>{line}</div>", "Corner Shop", "£12.50"):
        assert shown in text


@pytest.mark.parametrize("kind", PRINTS)
def test_nothing_is_printed_of_a_cancelled_order(
    desk: Desk, person: Callable[..., Person], place: Callable[..., Order], tea: int, kind: str
) -> None:
    order = place((tea, 1), ship_to=ADDRESS)
    path = f"{ORDERS}{order.pk}/{kind}/"
    assert path in desk.get(f"{ORDERS}{order.pk}/change/").text
    cancel_order(TransitionRequest(order=order.pk, caller=person(is_staff=True).caller, now=NOW))
    assert path not in desk.get(f"{ORDERS}{order.pk}/change/").text
    assert desk.get(path).messages[0].startswith("There is nothing to print")


def test_a_print_has_a_bounded_number_of_lines(
    desk: Desk,
    place: Callable[..., Order],
    tea: int,
    jam: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders = [place((tea, 1), (jam, 1)) for _ in range(2)]
    monkeypatch.setattr("larder.staff.orders.printing.MAX_PAGE_LINES", 3)
    assert printed(desk, "packing_slips", orders).messages[0].startswith("Select fewer orders")
    assert printed(desk, "packing_slips", orders[:1]).status == 200


@pytest.mark.parametrize("kind", PRINTS)
def test_orders_are_printed_only_by_those_who_may_see_them(
    person: Callable[..., Person], place: Callable[..., Order], tea: int, kind: str
) -> None:
    order = place((tea, 1), ship_to=ADDRESS)
    packer = Desk(allow(person(is_staff=True), "orders.pack_order"))
    assert packer.get(f"{ORDERS}{order.pk}/{kind}/").status == 403
    assert Desk(person(is_staff=True)).get(f"{ORDERS}{UUID(int=7)}/{kind}/").status == 404


def test_each_printed_page_has_a_heading(desk: Desk, place: Callable[..., Order], tea: int) -> None:
    order = place((tea, 1), ship_to=ADDRESS)
    for kind in PRINTS:
        assert "<h1" in desk.get(f"{ORDERS}{order.id}/{kind}/").text
    label = desk.get(f"{ORDERS}{order.id}/address-label/").text
    assert f">Address label {order.number}</h1>" in label


def test_net_amount_and_tax_of_an_order_have_the_decimals_of_the_currency(
    desk: Desk, place: Callable[..., Order], product: Callable[..., int]
) -> None:
    order = place((product(price="2.65", tax_rate="19", stock=9), 3))
    assert order.total == Decimal("7.95")
    assert "£6.68 net and £1.27 tax" in desk.get(f"{ORDERS}{order.id}/change/").text


@pytest.mark.parametrize(
    ("country", "place"),
    [
        ("DE", ["24103 Kiel", "SH", "<span data-country>DE</span>"]),
        ("GB", ["Kiel SH 24103", "<span data-country>GB</span>"]),
        ("", ["24103 Kiel", "SH"]),
    ],
)
def test_city_and_postal_code_share_a_line_as_in_the_country(
    country: str, place: list[str]
) -> None:
    address = {"country": country, "postal_code": "24103", "city": "Kiel", "region": "SH"}
    assert address_lines(address) == place
    assert address_lines({"country": country, "line1": "1 Quay"})[0] == "1 Quay"
