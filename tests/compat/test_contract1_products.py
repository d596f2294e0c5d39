"""Contract 1: the list of products, and one of them."""

from collections.abc import Callable

from larder.catalog.services.products import archive_product
from larder.core.clock import now
from tests.compat.conftest import ApiClient

MakeProduct = Callable[..., int]


def test_sold_out_products_are_listed_and_deleted_ones_are_not(
    shopper: ApiClient, product: MakeProduct
) -> None:
    empty, gone = product(stock=0), product()
    archive_product(gone, caller=None, now=now())
    page = shopper("GET", "/api/products/").body
    assert page["count"] == 1
    assert [(row["id"], row["quantity"]) for row in page["results"]] == [(empty, 0)]
    assert shopper("GET", f"/api/products/{gone}/").status == 404
