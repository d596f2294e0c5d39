"""The decision, for any batch."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from larder.catalog.prices import Offer
from larder.core.errors import DomainError
from larder.orders.decision import (
    RequestedLine,
    Shop,
    UndecidedOrder,
    decide,
)
from larder.orders.errors import OrderTooSmall, PriceChanged
from larder.orders.queries import LineView, UnpaidUnits

PRODUCTS = range(1, 6)
UNKNOWN = 99
PRICES = [Decimal("0.000"), Decimal("1.125"), Decimal("2.200"), Decimal("40.000")]
THOROUGHLY = settings(deadline=None, max_examples=200)
Decided = list[LineView] | DomainError
PRECEDENCE = ("unknown_product", "insufficient_stock", "price_changed", "order_rule")
REFUSED_AS_A_WHOLE: dict[type[DomainError], Callable[["Case"], bool]] = {
    OrderTooSmall: lambda case: total(case) < case.minimum,
}
"""The refusals that name no line, each with its rule for the first order of a case."""


@dataclass(frozen=True)
class Case:
    """A batch and the state of the shop at the decision."""

    orders: list[list[RequestedLine]]
    shelf: dict[int, int]
    offers: dict[int, Offer]
    prices: list[dict[int, Decimal]]
    minimum: Decimal


def decided(case: Case) -> list[Decided]:
    """The answers of the batch."""
    orders = [UndecidedOrder(*order) for order in zip(case.orders, case.prices, strict=True)]
    return decide(orders, Shop(case.shelf, case.offers, case.minimum))


def offer(product: int, price: Decimal, least: int, more: int | None, step: int) -> Offer:
    """`more`: by how much the maximum quantity exceeds the minimum."""
    most = None if more is None else least + more
    return Offer(product, f"SKU-{product}", f"Product {product}", price, least, most, step)


requested_lines = st.builds(
    RequestedLine,
    product=st.one_of(st.sampled_from(PRODUCTS), st.sampled_from(PRODUCTS), st.just(UNKNOWN)),
    quantity=st.integers(1, 12),
    expected_price=st.one_of(st.none(), st.none(), st.none(), st.sampled_from(PRICES)),
)
rules = st.one_of(
    st.just((1, None, 1)),
    st.tuples(st.integers(1, 3), st.one_of(st.none(), st.integers(0, 20)), st.integers(1, 3)),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Small shops, so that orders compete: five products, some archived, little stock."""
    offers = {
        product: offer(product, draw(st.sampled_from(PRICES)), *draw(rules))
        for product in draw(st.sets(st.sampled_from(PRODUCTS), min_size=3))
    }
    orders = draw(
        st.lists(st.lists(requested_lines, min_size=1, max_size=3), min_size=1, max_size=6)
    )
    discount = st.sampled_from([Decimal(1), Decimal("0.5")])
    prices = [_prices(offers, draw(discount)) for _ in orders]
    shelf = {product: draw(st.integers(0, 30)) for product in PRODUCTS}
    minimum = draw(st.sampled_from([Decimal(0), Decimal(0), Decimal(15)]))
    return Case(orders, shelf, offers, prices, minimum)


def _prices(offers: Mapping[int, Offer], share: Decimal) -> dict[int, Decimal]:
    return {product: known.price * share for product, known in offers.items()}


def units_of(order: Sequence[RequestedLine]) -> Counter[int]:
    """Returns the units of each product in an order, summed over its lines."""
    units: Counter[int] = Counter()
    for line in order:
        units[line.product] += line.quantity
    return units


def total(case: Case) -> Decimal:
    """Returns what the first order costs. An unknown product costs nothing."""
    prices = case.prices[0]
    costs = [prices.get(line.product, Decimal(0)) * line.quantity for line in case.orders[0]]
    return sum(costs, Decimal(0))


def sold(answers: Sequence[Decided]) -> Counter[int]:
    """Units of each product in the orders that are placed."""
    units: Counter[int] = Counter()
    for answer in answers:
        for line in answer if isinstance(answer, list) else ():
            units[line.product] += line.quantity
    return units


def one_by_one(case: Case) -> list[Decided]:
    """Decides the same orders one by one, each with the stock that the earlier ones left."""
    answers: list[Decided] = []
    for order, prices in zip(case.orders, case.prices, strict=True):
        shelf = dict(Counter(case.shelf))
        for product, units in sold(answers).items():
            shelf[product] -= units
        answers += decided(Case([order], shelf, case.offers, [prices], case.minimum))
    return answers


@given(cases())
@THOROUGHLY
def test_a_batch_decides_as_its_orders_would_one_by_one(case: Case) -> None:
    before = dict(case.shelf)
    answers = decided(case)
    assert answers == one_by_one(case)
    assert all(units <= case.shelf[product] for product, units in sold(answers).items())
    assert case.shelf == before
    # A refused order changes nothing for its neighbours.
    placed = [number for number, answer in enumerate(answers) if isinstance(answer, list)]
    orders, prices = [case.orders[n] for n in placed], [case.prices[n] for n in placed]
    alone = Case(orders, case.shelf, case.offers, prices, case.minimum)
    assert decided(alone) == [answers[n] for n in placed]


def faults(case: Case) -> set[tuple[str, int]]:
    """Returns all faults of the first order, by line, as docs/reference/problems.md lists them."""
    order, prices = case.orders[0], case.prices[0]
    faulty = set()
    for product, units in units_of(order).items():
        known = case.offers.get(product)
        if known is None:
            faulty.add(("unknown_product", product))
            continue
        if units > case.shelf[product]:
            faulty.add(("insufficient_stock", product))
        expected = {line.expected_price for line in order if line.product == product}
        if expected - {None, prices[product]}:
            faulty.add(("price_changed", product))
        too_many = known.max_per_order is not None and units > known.max_per_order
        if units < known.min_quantity or too_many or units % known.step:
            faulty.add(("order_rule", product))
    return faulty


@dataclass(frozen=True)
class First:
    """Decides the first order of a case without the others."""

    placed: list[LineView]
    is_refused_as_a_whole: bool
    code: str
    named: list[dict[str, Any]]


def first(case: Case) -> First:
    """The answer of the first order."""
    alone = Case(case.orders[:1], case.shelf, case.offers, case.prices[:1], case.minimum)
    (answers,) = decided(alone)
    if isinstance(answers, DomainError):
        as_a_whole = type(answers) in REFUSED_AS_A_WHOLE
        return First([], as_a_whole, answers.code, answers.extensions.get("lines", []))
    return First(answers, is_refused_as_a_whole=False, code="", named=[])


HALF = Case(
    [[RequestedLine(1, 2), RequestedLine(1, 1)]],
    {1: 3},
    {1: offer(1, Decimal(40), 1, None, 1)},
    [{1: Decimal(20)}],
    Decimal(0),
)
"""The last units, in two lines, for a customer who pays half of the list price."""
DEAR = Decimal(100_000)


@given(cases())
@example(HALF)
@THOROUGHLY
def test_an_order_is_placed_at_its_prices_or_refused_with_its_faulty_lines(case: Case) -> None:
    answer = first(case)
    named = [(line["code"], line["product"]) for line in answer.named]
    assert len(named) == len(set(named))
    assert set(named) == faults(case)
    assert bool(answer.placed) != bool(named or answer.is_refused_as_a_whole)
    is_refused = any(refuses(case) for refuses in REFUSED_AS_A_WHOLE.values())
    assert answer.is_refused_as_a_whole == (not named and is_refused)
    if named:
        codes = {code for code, _ in named}
        assert answer.code == next(code for code in PRECEDENCE if code in codes)
        check_lines(case, answer.named)
    if answer.placed:
        lines = {line.product: line.quantity for line in answer.placed}
        assert lines == units_of(case.orders[0])
        assert len(answer.placed) == len(lines)
        assert all(line.unit_price == case.prices[0][line.product] for line in answer.placed)


def check_lines(case: Case, lines: Sequence[dict[str, Any]]) -> None:
    """A faulty line has the values that are needed to correct it."""
    asked = units_of(case.orders[0])
    for line in lines:
        product = line["product"]
        if line["code"] == "price_changed":
            assert line["price"] == case.prices[0][product] != line["expected"]
        else:
            assert line["requested"] == asked[product]
        if line["code"] == "insufficient_stock":
            assert line["available"] == case.shelf[product]
        if line["code"] == "order_rule":
            rule = case.offers[product]
            limits = (rule.min_quantity, rule.max_per_order, rule.step)
            assert (line["min_quantity"], line["max_per_order"], line["step"]) == limits


@given(cases())
@THOROUGHLY
def test_a_refusal_of_lines_says_also_that_a_known_total_is_too_small(case: Case) -> None:
    (answers,) = decided(Case(case.orders[:1], case.shelf, case.offers, case.prices[:1], DEAR))
    assert isinstance(answers, DomainError)
    known = {line.product for line in case.orders[0]} <= case.offers.keys()
    assert any(isinstance(error, OrderTooSmall) for error in answers.all) == known


def test_an_order_below_the_minimum_total_is_refused_with_the_minimum() -> None:
    jam = offer(1, Decimal("2.20"), 1, None, 1)
    case = Case([[RequestedLine(1, 2)]], {1: 9}, {1: jam}, [{1: jam.price}], Decimal(15))
    assert decided(case) == [OrderTooSmall(Decimal("4.40"), Decimal(15))]


@pytest.mark.parametrize(
    ("units", "code"), [(2, "order_rule"), (3, None), (4, "order_rule"), (6, None)]
)
def test_units_are_ordered_in_whole_steps(units: int, code: str | None) -> None:
    assert code_of(offer(1, Decimal(1), 1, None, 3), units, stock=9) == code


@pytest.mark.parametrize(
    ("units", "code"),
    [(2, "order_rule"), (3, None), (4, None), (5, None), (6, "order_rule"), (7, "order_rule")],
)
def test_the_minimum_and_maximum_quantity_are_allowed(units: int, code: str | None) -> None:
    assert code_of(offer(1, Decimal(1), 3, 2, 1), units, stock=9) == code


@pytest.mark.parametrize(("units", "code"), [(4, None), (5, None), (6, "insufficient_stock")])
def test_the_last_unit_can_be_ordered_and_one_more_is_refused(units: int, code: str | None) -> None:
    assert code_of(offer(1, Decimal(1), 1, None, 1), units, stock=5) == code


@pytest.mark.parametrize(
    ("minimum", "code"), [("9.99", None), ("10.00", None), ("10.01", "order_rule")]
)
def test_an_order_of_exactly_the_minimum_total_is_placed(minimum: str, code: str | None) -> None:
    ten = offer(1, Decimal("5.00"), 1, None, 1)
    assert code_of(ten, 2, stock=2, minimum=Decimal(minimum)) == code


def code_of(jam: Offer, units: int, *, stock: int, minimum: Decimal = Decimal(0)) -> str | None:
    """Returns the code of the refusal of an order of one product; None if it is placed."""
    case = Case(
        [[RequestedLine(jam.id, units)]], {jam.id: stock}, {jam.id: jam}, [{1: jam.price}], minimum
    )
    (answers,) = decided(case)
    return answers.code if isinstance(answers, DomainError) else None


def test_an_order_sees_the_stock_that_earlier_placed_orders_left() -> None:
    jam = offer(1, Decimal("2.20"), 1, None, 1)
    orders = [[RequestedLine(1, units)] for units in (3, 5, 2, 1)]
    case = Case(orders, {1: 6}, {1: jam}, [{1: jam.price}] * 4, Decimal(0))
    answers = decided(case)
    assert [isinstance(answer, list) for answer in answers] == [True, False, True, True]
    assert isinstance(answers[1], DomainError)
    assert answers[1].extensions["lines"][0]["available"] == 3


def decided_at(expected: str, *order: RequestedLine, units: int = 9) -> Decided:
    """Decides one order with an expected total; all products cost 2.20 and are sold in pairs."""
    offers = {id: offer(id, Decimal("2.20"), 1, None, 2) for id in (1, 2)}
    prices = {id: known.price for id, known in offers.items()}
    asked = UndecidedOrder(order, prices, Decimal(expected))
    (answers,) = decide([asked], Shop({1: units, 2: 9}, offers))
    return answers


AT_TWO = RequestedLine(1, 2, Decimal(2))
AT_TODAYS = RequestedLine(2, 2, Decimal("2.2"))


def test_an_order_at_the_expected_total_is_placed_although_its_expected_line_prices_differ() -> (
    None
):
    answers = decided_at("8.8", AT_TWO, AT_TODAYS)
    assert isinstance(answers, list)
    assert [line.unit_price for line in answers] == [Decimal("2.20")] * 2


def test_a_changed_total_names_each_changed_line() -> None:
    answers = decided_at("8.4", AT_TWO, AT_TODAYS)
    assert isinstance(answers, PriceChanged)
    changed = {"product": 1, "expected": Decimal(2), "price": Decimal("2.20")}
    assert answers.lines == [{"code": "price_changed", **changed}]
    assert (answers.total, answers.expected) == (Decimal("8.80"), Decimal("8.4"))


def test_a_changed_total_is_refused_without_a_changed_line() -> None:
    answers = decided_at("1", AT_TODAYS)
    assert answers == PriceChanged([], Decimal("4.40"), Decimal(1))


def test_a_changed_total_has_precedence_over_order_rules_but_not_over_missing_stock() -> None:
    odd = RequestedLine(2, 3)
    answers = decided_at("1", odd)
    assert isinstance(answers, PriceChanged)
    assert [line["code"] for line in answers.lines] == ["order_rule"]
    short = decided_at("1", AT_TWO, odd, units=1)
    assert isinstance(short, DomainError)
    assert short.code == "insufficient_stock"
    assert short.all[1:] == [PriceChanged([], Decimal("11.00"), Decimal(1))]
    assert [line["code"] for line in short.extensions["lines"]] == [
        *("insufficient_stock", "price_changed", "order_rule"),
    ]


def test_an_unknown_product_counts_in_the_total_at_its_expected_price() -> None:
    gone = RequestedLine(UNKNOWN, 2, Decimal(3))
    answers = decided_at("10.4", AT_TWO, gone)
    assert isinstance(answers, DomainError)
    assert [line["code"] for line in answers.extensions["lines"]] == ["unknown_product"]


def test_too_many_unpaid_units_are_refused_together_with_faulty_lines() -> None:
    order = UndecidedOrder([RequestedLine(UNKNOWN, 3)], prices={}, counts_for=7)
    (refusal,) = decide([order], Shop({}, {}, unpaid={7: UnpaidUnits(limit=2, units=0)}))
    assert isinstance(refusal, DomainError)
    assert [error.code for error in refusal.all] == ["unpaid_limit", "unknown_product"]
