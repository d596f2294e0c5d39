"""What the lines of an order count in the books, in whole minor units. Pure. The gross amounts add
up to what is paid for the order, and each net amount follows from the gross amount of its line.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from larder.core import money
from larder.core.money import to_payable


class Amount(NamedTuple):
    """Minor units with tax and without; `net` is None without a tax rate."""

    gross: int
    net: int | None


def amounts(lines: Iterable[tuple[Decimal, Decimal | None]], currency: str) -> list[Amount]:
    """Returns the amount of each line of an order, of its exact amount and tax rate.

    The sum up to each line is rounded, and the line gets the difference to the line before it. So
    one line of 1.005 has 1.01, and a second one 1.00.

    >>> amounts([(Decimal("1.005"), Decimal(20)), (Decimal("1.005"), None)], "GBP")
    [Amount(gross=101, net=84), Amount(gross=100, net=None)]
    """
    total, before, counted = Decimal(0), 0, []
    for exact, rate in lines:
        total += exact
        up_to = to_payable(total, currency)
        gross, before = up_to - before, up_to
        net = money.net(Decimal(gross), rate, decimals=0)
        counted.append(Amount(gross, None if net is None else int(net)))
    return counted
