"""Adjustments, and moves of orders by staff, with hundreds of products."""

from collections.abc import Sequence

import pytest

from larder.core import per_key
from larder.inventory.services import locks
from larder.inventory.services.locks import LARGE_MOVE
from tests.conftest import Api


@pytest.mark.parametrize("lines", [LARGE_MOVE - 1, LARGE_MOVE])
def test_a_large_adjustment_waits_for_the_one_before_it(
    staff: Api, many_products: Sequence[int], monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    monkeypatch.setattr(per_key, "LONGEST_WAIT", 0.01)
    received = [{"product": one, "delta": 3} for one in many_products[:lines]]
    with locks._large[True].turn():
        # Not the judged client: it fails at a 503.
        made = Api(staff._token)(
            "POST", "stock/adjustments", {"reason": "received", "lines": received}
        )
    assert made.status == (503 if lines == LARGE_MOVE else 201)
