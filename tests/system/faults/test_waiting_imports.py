"""A file that waits too long for others is answered with Retry-After, and nothing is stored."""

from collections.abc import Callable, Iterator

import pytest
from django.test import RequestFactory

from larder.catalog import sql
from larder.db import database
from larder.http.problems import problem
from tests.conftest import Answer, Api
from tests.db.feeds import transaction
from tools.openapi_parts import kinds

SKU_IN_THE_MAKING = """
INSERT INTO product (public_id, sku, name, price, description, unit, barcode, image_url,
                     min_quantity, step, created_at, updated_at, version)
VALUES (gen_random_uuid(), 'B', 'N', 1, '', '', '', '', 1, 1, now(), now(), 1)
"""
IN_THE_WAY = {
    "another file": sql.ONE_FILE,
    "a change of a product": "SELECT FROM product WHERE sku = 'A' FOR UPDATE",
    "a new product": SKU_IN_THE_MAKING,
}


@pytest.fixture
def limit(transactional_db: None) -> Iterator[Callable[[str, str], None]]:
    """Shortens a time limit of this test's connection."""
    yield lambda name, value: database.execute(f"SET {name} = '{value}'")
    database.execute("RESET lock_timeout")
    database.execute("RESET statement_timeout")


def send(staff: Api) -> Answer:
    body = b"sku,name,price\nA,N,1\nB,N,1"
    key = {"Idempotency_Key": "k"}
    return staff("POST", "products/import", body, content_type="text/csv", **key)


def assert_retry_after(refused: Answer) -> None:
    assert (refused.status, refused.body["code"]) == (503, "overloaded")
    assert int(refused.headers["Retry-After"]) > 0


@pytest.fixture
def staff_with_an_archived_product(staff: Api, product: Callable[..., int]) -> Api:
    staff("DELETE", f"products/{product(sku='A')}")
    return staff


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_an_import_behind_a_lock_is_refused_with_retry_after(
    what: str, limit: Callable[[str, str], None], staff_with_an_archived_product: Api
) -> None:
    staff = staff_with_an_archived_product
    limit("lock_timeout", "200ms")
    with transaction() as other:
        other.execute(IN_THE_WAY[what])
        assert_retry_after(send(staff))
        other.rollback()
    assert staff("GET", "products").body["results"] == []
    assert send(staff).body == {"created": 1, "changed": 1, "unchanged": 0}


def test_an_import_whose_statement_takes_too_long_is_refused_with_retry_after(
    limit: Callable[[str, str], None], staff_with_an_archived_product: Api
) -> None:
    limit("statement_timeout", "200ms")
    with transaction() as other:
        other.execute(sql.ONE_FILE)
        assert_retry_after(send(staff_with_an_archived_product))


def test_every_503_has_retry_after(db: None) -> None:
    busy = [code for code, kind in kinds().items() if kind.status == 503]
    assert len(busy) >= 2
    for code in busy:
        assert int(problem(RequestFactory().get("/"), code).headers["Retry-After"]) > 0
