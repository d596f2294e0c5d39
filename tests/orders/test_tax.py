"""Net amounts and taxes of an order add up to what is paid for it."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from larder.core.clock import now
from larder.core.ids import new_id
from larder.core.money import from_minor, to_minor
from larder.orders.queries import LineView, OrderView
from larder.v1.order_shapes import shown

rates = st.decimals(0, 100, places=2)
prices = st.decimals(0, "999999999.999", places=3)
lines = st.builds(
    LineView,
    *(st.just(1), st.just(1), st.just("SKU"), st.just("Name")),
    quantity=st.integers(1, 10**6),
    unit_price=prices,
    tax_rate=rates,
)


def order(of: list[LineView]) -> OrderView:
    at, total = now(), sum((line.line_total for line in of), Decimal(0))
    head = (new_id(), 1, 1, "placed", "GBP", total, "", "", None)
    return OrderView(*head, at, at, at, 1, None, None, of)


@given(st.lists(lines, min_size=1, max_size=5))
def test_net_and_tax_add_up_to_the_total(of: list[LineView]) -> None:
    answer = shown(order(of))
    assert answer.net_total is not None
    assert answer.tax_total is not None
    paid = from_minor(to_minor(Decimal(answer.total), "GBP"), "GBP")
    assert Decimal(answer.net_total) + Decimal(answer.tax_total) == paid
    nets = [Decimal(line.net_total or "-1") for line in answer.lines]
    assert sum(nets) == Decimal(answer.net_total)
    assert Decimal(answer.tax_total) >= 0


@given(st.lists(lines, min_size=1, max_size=5))
def test_a_line_without_a_rate_leaves_the_sums_unknown(of: list[LineView]) -> None:
    answer = shown(order([*of, replace(of[0], tax_rate=None)]))
    assert (answer.net_total, answer.tax_total) == (None, None)
