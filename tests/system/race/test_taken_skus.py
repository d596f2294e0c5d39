"""SKUs that a concurrent transaction takes are refused like other taken SKUs.

The guards are the unique constraint, the mapping of its name to a field, and the second check of a
file whose row changes a product that was added meanwhile.
"""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Answer, Api
from tests.database import superuser_url
from tests.db.feeds import transaction
from tests.system.race.shops import ServiceShop, at_once
from tools.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
Send = Callable[[Api], Answer]

AT_MOST_FIVE = """
INSERT INTO product (public_id, sku, name, price, description, unit, barcode, image_url,
                     min_quantity, max_per_order, step, created_at, updated_at, version)
VALUES (gen_random_uuid(), 'B', 'N', 1, '', '', '', '', 1, 5, 1, now(), now(), 1)
"""
WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def beside_a_new_product(staff: Api, send: Send) -> Answer:
    """Sends a request that waits for a transaction that has taken the SKU B, and then commits."""
    with transaction() as other, psycopg.connect(superuser_url(), autocommit=True) as looking:
        other.execute(AT_MOST_FIVE)

        def commit() -> None:
            assert wait_until(lambda: looking.execute(WAITING).fetchone() is not None)
            other.commit()

        _, answer = at_once(ServiceShop(), [commit, lambda: send(staff)])
    assert isinstance(answer, Answer)
    return answer


def file(staff: Api) -> Answer:
    """A file with a product of which at least six units are ordered."""
    rows = b"sku,name,price,min_quantity\nA,N,1,1\nB,N,1,6"
    return staff("POST", "products/import", rows, content_type="text/csv")


def skus(staff: Api) -> list[str]:
    return [one["sku"] for one in staff("GET", "products").body["results"]]


def test_a_row_that_contradicts_a_concurrent_product_is_named(staff: Api) -> None:
    answer = beside_a_new_product(staff, file)
    assert (answer.status, answer.body["code"]) == (400, "validation_error")
    faults = [(one["pointer"], one["code"]) for one in answer.body["errors"]]
    assert faults == [("/3/max_per_order", "out_of_range")]
    assert skus(staff) == ["B"]


def test_a_row_changes_a_concurrently_added_product(staff: Api) -> None:
    def fitting(staff: Api) -> Answer:
        return staff("POST", "products/import", b"sku,name,price\nB,M,2", content_type="text/csv")

    assert beside_a_new_product(staff, fitting).body == {"created": 0, "changed": 1, "unchanged": 0}


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "products", {"name": "N", "price": "1", "sku": "B"}, (409, "sku_taken")),
        ("PATCH", "products/{}", {"sku": "B"}, (409, "sku_taken")),
        ("PUT", "products/by-sku/B", {"name": "N", "price": "1", "min_quantity": 6}, (200, None)),
    ],
)
def test_a_concurrently_added_product_is_also_found_by_single_requests(
    staff: Api,
    product: Callable[..., int],
    method: str,
    path: str,
    body: dict[str, Any],
    expected: tuple[int, str | None],
) -> None:
    path = path.format(product(sku="A"))
    answer = beside_a_new_product(staff, lambda staff: staff(method, path, body))
    assert (answer.status, answer.body.get("code")) == expected
