"""Which late confirmations get their units: the decision, compared with one order at a time."""

from hypothesis import given
from hypothesis import strategies as some

from larder.orders.decision import take_again

PRODUCTS = (1, 2, 3)
units = some.dictionaries(some.sampled_from(PRODUCTS), some.integers(1, 5))
shelves = some.dictionaries(some.sampled_from(PRODUCTS), some.integers(0, 8))


@given(some.lists(units, max_size=6), shelves)
def test_each_order_gets_all_or_none_of_the_units_that_earlier_orders_left(
    missing: list[dict[int, int]], shelf: dict[int, int]
) -> None:
    left, before = dict(shelf), dict(shelf)
    for lacks, short in zip(missing, take_again(missing, shelf), strict=True):
        wanting = {one: left.get(one, 0) for one, n in lacks.items() if n > left.get(one, 0)}
        assert {one["product"]: one["available"] for one in short} == wanting
        if not short:
            left = {one: there - lacks.get(one, 0) for one, there in left.items()}
    assert shelf == before
    assert all(there >= 0 for there in left.values())


def test_two_orders_do_not_get_the_same_units() -> None:
    first, second = take_again([{1: 2}, {1: 2}], {1: 3})
    assert first == []
    assert second == [{"code": "hold_expired", "product": 1, "requested": 2, "available": 1}]
