"""Adjustments, and moves of orders by staff, with hundreds of products."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from larder.core import per_key
from larder.inventory.services import locks
from larder.inventory.services.locks import LARGE_MOVE
from tests.conftest import Api
from tests.v1.moving import STAFF_AGAIN


def test_a_thousand_lines_are_stored_with_as_many_statements_as_one(
    staff: Api, many_products: Sequence[int], django_assert_num_queries: Any, sessions_known: None
) -> None:
    def receive(products: Sequence[int]) -> None:
        lines = [{"product": one, "delta": 3} for one in products]
        made = staff("POST", "stock/adjustments", {"reason": "received", "lines": lines})
        assert (made.status, len(made.body["lines"])) == (201, len(products))

    staff("GET", "me")
    # rights, BEGIN, limit of waits, locks, adjustment, stock with ledger, audit trail, COMMIT;
    # adjustment, entries
    with django_assert_num_queries(10 + STAFF_AGAIN):
        receive(many_products[:1])
    began = time.monotonic()
    with django_assert_num_queries(10 + STAFF_AGAIN):
        receive(many_products)
    assert time.monotonic() - began < 5


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


@pytest.mark.parametrize("lines", [LARGE_MOVE - 1, LARGE_MOVE])
def test_a_move_of_a_large_order_waits_for_the_large_change_before_it(
    staff: Api, many_products: Sequence[int], monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    """Packing and shipping can be undone and made again without end. Without their turn among large
    changes, they leave no time to orders of the same products."""
    ordered = [{"product": one, "quantity": 1} for one in many_products[:lines]]
    order = staff("POST", "orders", {"lines": ordered}).body["id"]
    monkeypatch.setattr(per_key, "LONGEST_WAIT", 0.01)
    with per_key.limited(locks._of_staff.large):
        # The body names no lines. Not the judged client: it fails at a 503.
        packed = Api(staff._token)("POST", f"orders/{order}/pack", {})
    assert packed.status == (503 if lines == LARGE_MOVE else 200)
