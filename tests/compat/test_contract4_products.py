"""Contract 4: products, as customers see and staff write them."""

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from larder.catalog.services.products import archive_product
from larder.compat.contract4 import ProductBody, product_row
from larder.inventory import queries
from larder.inventory.queries import ProductFilter
from tests.compat.conftest import ApiClient
from tests.conftest import NOW

MakeProduct = Callable[..., int]


def test_the_fast_rows_equal_those_of_the_serializer(
    product: MakeProduct,
) -> None:
    product(price="2.205", name="Fish & Chips é \U0001f35f"), product(price="0", stock=2**31 - 1)
    products = queries.products(0, ProductFilter(), limit=None)
    products.append(replace(products[0], price=Decimal("999999999.995"), quantity=0))
    assert [product_row(item) for item in products] == [*ProductBody(products, many=True).data]


def test_sold_out_deleted_and_unknown_products_are_not_found(
    shopper: ApiClient, keeper: ApiClient, product: MakeProduct
) -> None:
    gone = product()
    archive_product(gone, caller=None, now=NOW)
    for id in (product(stock=0), gone, 999_999, 0, 2**63, 10**30):
        for client in (shopper, keeper):
            reply = client("GET", f"/products/{id}/")
            assert (reply.status, list(reply.body)) == (404, ["detail"])
