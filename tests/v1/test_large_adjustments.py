"""A delivery of hundreds of products, booked at once."""

import time
from collections.abc import Sequence
from typing import Any

from tests.conftest import Api
from tests.v1.test_query_counts import STAFF_AGAIN


def test_a_thousand_lines_are_booked_in_as_many_statements_as_one(
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


def test_lines_by_sku_cost_one_look_for_all_of_them(
    staff: Api, many_products: Sequence[int], django_assert_num_queries: Any, sessions_known: None
) -> None:
    lines = [{"sku": f"M-{n:04}", "counted": 4} for n in range(500)]
    staff("GET", "me")
    with django_assert_num_queries(10 + STAFF_AGAIN + 1):
        made = staff("POST", "stock/adjustments", {"reason": "counted", "lines": lines})
    assert len(made.body["lines"]) == 500
