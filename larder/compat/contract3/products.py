"""Products of contract 3: prices with three decimals; staff write, under names that are unique."""

import re
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat import products
from larder.compat.fields import Price, Text
from larder.compat.operations import operation
from larder.compat.pages import ByOffsetOfFive
from larder.compat.views import CompatView
from larder.core import limits
from larder.core.errors import NotFound
from larder.inventory.queries import ProductFilter

BEYOND_ALL_PRICES = Decimal(10 ** (limits.PRICE_DIGITS - limits.MONEY_DECIMALS))
"""More than any product of the shop can cost, whichever contract set its price."""

_INTEGER = re.compile(r"-?[0-9]{1,10}")


class Stock(serializers.IntegerField):
    """Available units: a JSON integer, or its digits in a string."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=limits.MAX_STOCK, **options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int and not (isinstance(data, str) and _INTEGER.fullmatch(data)):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Product(serializers.Serializer[Any]):
    """A product. `stock` is the number of available units."""

    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=200)
    price = Price(digits=10, places=3, required=False)
    stock = Stock(source="quantity", required=False)


class NewProduct(Product):
    """A product as staff add it."""

    price = Price(digits=10, places=3, default=Decimal(0))


class Filters(serializers.Serializer[Any]):
    """The filters of a list."""

    max_price = serializers.DecimalField(max_digits=None, decimal_places=None, required=False)


FILTERS = (OpenApiParameter("keyword"), Filters)


class ProductsView(CompatView):
    serializer_class, pagination_class = Product, ByOffsetOfFive

    @operation(
        "list_products",
        parameters=[OpenApiParameter("keyword"), Filters],
        responses=Product(many=True),
    )
    def get(self, request: Request) -> Response:
        """Lists the products by ascending id, including those out of stock."""
        return Response(self.page(products.product_rows(request, _filter(request))))

    @operation("create_product", permission="catalog.add_product", responses={201: Product})
    def post(self, request: Request) -> Response:
        """Staff: adds a product. The default of price and stock is 0."""
        product = products.create(request, NewProduct, unique_name=True)
        return Response(self.shown(product), status=201)


def _filter(request: Request) -> ProductFilter:
    """Raises ValidationError if `max_price` is not a number."""
    filters = Filters(data=request.query_params.dict())
    filters.is_valid(raise_exception=True)
    price = filters.validated_data.get("max_price")
    return ProductFilter(
        name_contains=request.query_params.get("keyword", ""),
        max_price=None if price is None else _within_prices(price),
    )


def _within_prices(price: Decimal) -> Decimal:
    """The same limit in a number that PostgreSQL can read: it knows no 1e999999.

    >>> _within_prices(Decimal("2.2009")), _within_prices(Decimal("-1e999999"))
    (Decimal('2.200'), Decimal('-1.000'))
    """
    within = max(min(price, BEYOND_ALL_PRICES), Decimal(-1))
    return within.quantize(Decimal("0.001"), ROUND_FLOOR)


class ProductView(products.ProductView):
    serializer_class = Product
    unique_name = True

    def number(self, product: Any) -> int:
        """Reads the id here and not in the path: credentials come first, and refusals are of one
        shape. Raises NotFound if it is not the number of a product."""
        if not _ID.fullmatch(product) or int(product) > limits.MAX_ID:
            raise NotFound
        return int(product)


_ID = re.compile(r"[0-9]{1,19}")
