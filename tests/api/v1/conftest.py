"""Fixtures of v1's contract tests."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest

from larder.catalog.services import NewProduct, create_products
from larder.common.ids import NOBODY
from larder.inventory.services.movements import open_stock


@pytest.fixture
def many_products(db: None, now: datetime) -> Sequence[int]:
    """A thousand products, ten of each in stock."""
    new = [NewProduct(f"M-{n:04}", f"Product {n}", Decimal("1.25")) for n in range(1_000)]
    made = create_products(new, now=now)
    open_stock(dict.fromkeys(made.values(), 10), actor=NOBODY, now=now)
    return list(made.values())
