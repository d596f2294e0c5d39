"""Adjustments, and moves of orders by staff, with hundreds of products."""

from collections.abc import Sequence
from typing import Any

import pytest

from larder.core import per_key
from larder.inventory.services import locks
from larder.inventory.services.locks import LARGE_MOVE
from tests.conftest import Api
from tests.v1.moving import STAFF_AGAIN


def test_all_skus_of_an_adjustment_are_looked_up_with_one_statement(
    staff: Api, many_products: Sequence[int], django_assert_num_queries: Any, sessions_known: None
) -> None:
    lines = [{"sku": f"M-{n:04}", "counted": 4} for n in range(500)]
    staff("GET", "me")
    with django_assert_num_queries(10 + STAFF_AGAIN + 1):
        made = staff("POST", "stock/adjustments", {"reason": "counted", "lines": lines})
    assert len(made.body["lines"]) == 500


@pytest.mark.parametrize("lines", [LARGE_MOVE - 1, LARGE_MOVE])
def test_a_large_adjustment_waits_for_the_one_before_it(
    staff: Api, many_products: Sequence[int], monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    monkeypatch.setattr(per_key, "LONGEST_WAIT", 0.01)
    received = [{"product": one, "delta": 3} for one in many_products[:lines]]
    with per_key.limited(locks._of_staff.large):
        # Not the judged client: it fails at a 503.
        made = Api(staff._token)(
            "POST", "stock/adjustments", {"reason": "received", "lines": received}
        )
    assert made.status == (503 if lines == LARGE_MOVE else 201)
