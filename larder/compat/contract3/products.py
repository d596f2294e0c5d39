"""Products of contract 3: prices with three decimals; staff write, under names that are unique."""

import re
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.catalog.services.products import archive_product
from larder.compat.fields import Amount, Text
from larder.compat.operations import FIELDS, OFFSET, Access, Refusal, envelope, operation
from larder.compat.pages import ByOffsetOfFive, Rows, page
from larder.compat.views import CompatView, caller, read
from larder.core import limits
from larder.core.clock import now
from larder.core.errors import NotFound
from larder.core.limits import MAX_ID, MAX_STOCK
from larder.inventory import queries
from larder.inventory.queries import ProductFilter, StockedProduct
from larder.inventory.services.authors import Author
from larder.inventory.services.products import change_stocked_product, create_stocked_product

NAME_LENGTH = 200
"""Characters of a product's name in this contract."""

PRICE_DIGITS, PRICE_DECIMALS = 10, 3
"""Digits of a price in this contract: in total, and after the decimal point."""

_WHOLE_DIGITS = PRICE_DIGITS - PRICE_DECIMALS
BEYOND_ALL_PRICES = Decimal(10 ** (limits.PRICE_DIGITS - limits.MONEY_DECIMALS))
"""More than any product of the shop can cost, whichever contract set its price."""

_INTEGER = re.compile(r"-?[0-9]{1,10}")
_STOCK = {
    "oneOf": [
        {"type": "integer", "minimum": 0, "maximum": MAX_STOCK},
        {"type": "string", "pattern": "^[0-9]{1,9}$"},
    ]
}
_PRICE = {
    "oneOf": [
        {"type": "number", "minimum": 0, "exclusiveMaximum": 10**_WHOLE_DIGITS},
        {
            "type": "string",
            "pattern": rf"^[0-9]{{1,{_WHOLE_DIGITS}}}(\.[0-9]{{1,{PRICE_DECIMALS}}})?$",
        },
    ]
}


@extend_schema_field(_STOCK)
class Stock(serializers.IntegerField):
    """Available units: a JSON integer, or its digits in a string."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=MAX_STOCK, **options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int and not (isinstance(data, str) and _INTEGER.fullmatch(data)):
            self.fail("invalid")
        return int(super().to_internal_value(data))


@extend_schema_field(_PRICE)
class Price(serializers.DecimalField):
    """The price of one unit: a number or a string, exact to three decimals."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_digits=PRICE_DIGITS, decimal_places=PRICE_DECIMALS, min_value=Decimal(0), **options
        )


class Product(serializers.Serializer[Any]):
    """A product. `stock` is the number of available units."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    price = Amount(places=3)
    stock = serializers.IntegerField(source="quantity")


class ProductFields(serializers.Serializer[Any]):
    """A product as staff add it."""

    name = Text(max_length=NAME_LENGTH)
    price = Price(required=False)
    stock = Stock(required=False)


class ProductChanges(ProductFields):
    """Changes of a product. All fields are optional."""

    name = Text(max_length=NAME_LENGTH, required=False)


class Filters(serializers.Serializer[Any]):
    """The filters of a list."""

    max_price = serializers.DecimalField(max_digits=None, decimal_places=None, required=False)


FILTERS = (
    *OFFSET,
    OpenApiParameter("keyword", OpenApiTypes.STR, description="The name has it in it, any case."),
    OpenApiParameter("max_price", OpenApiTypes.NUMBER, description="The price is at most this."),
)


class ProductsView(CompatView):
    @operation("list_products", answers={200: envelope(Product), 400: FIELDS}, parameters=FILTERS)
    def get(self, request: Request) -> Response:
        """Lists the products by ascending id, including those out of stock."""
        who, wanted = caller(request).id, _wanted(request)
        rows = Rows(
            lambda: queries.count_products(wanted),
            lambda offset, limit: queries.products(who, wanted, offset=offset, limit=limit),
        )
        return Response(page(request, rows, ByOffsetOfFive(), _shown))

    @operation(
        "create_product",
        access=Access(permission="catalog.add_product"),
        body=ProductFields,
        answers={201: Product, 403: Refusal},
    )
    def post(self, request: Request) -> Response:
        """Staff: adds a product. The default of price and stock is 0."""
        body, who = read(request, ProductFields), caller(request)
        made = create_stocked_product(
            {"name": body["name"], "price": body.get("price", Decimal(0))},
            quantity=body.get("stock", 0),
            author=Author(who, now()),
            unique_name=True,
        )
        return Response(Product(queries.product(who.id, made.id)).data, status=201)


def _shown(found: list[StockedProduct]) -> Any:
    return Product(found, many=True).data


def _wanted(request: Request) -> ProductFilter:
    """Returns the filters. Raises ValidationError if `max_price` is not a number."""
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


PRODUCT_ID = (OpenApiParameter("product", OpenApiTypes.INT, OpenApiParameter.PATH),)
REFUSED = {403: Refusal, 404: Refusal}


class ProductView(CompatView):
    @operation("get_product", answers={200: Product, 404: Refusal}, parameters=PRODUCT_ID)
    def get(self, request: Request, product: str) -> Response:
        """Shows a product."""
        return _answer(request, _read_id(product))

    @operation(
        "replace_product",
        access=Access(permission="catalog.change_product"),
        body=ProductFields,
        answers={200: Product} | REFUSED | {409: Refusal},
        parameters=PRODUCT_ID,
    )
    def put(self, request: Request, product: str) -> Response:
        """Staff: sets a product's name. Omitted price and stock stay unchanged."""
        return _change(request, product, ProductFields)

    @operation(
        "change_product",
        access=Access(permission="catalog.change_product"),
        body=ProductChanges,
        answers={200: Product} | REFUSED | {409: Refusal},
        parameters=PRODUCT_ID,
    )
    def patch(self, request: Request, product: str) -> Response:
        """Staff: changes the given fields of a product."""
        return _change(request, product, ProductChanges)

    @operation(
        "delete_product",
        access=Access(permission="catalog.delete_product"),
        answers={204: None} | REFUSED,
        parameters=PRODUCT_ID,
    )
    def delete(self, request: Request, product: str) -> Response:
        """Staff: archives a product. Orders keep it."""
        archive_product(_read_id(product), caller=caller(request), now=now())
        return Response(status=204)


_DIGITS = re.compile(r"[0-9]{1,19}")


def _read_id(text: str) -> int:
    """Looked at here and not in the path: credentials come first, and refusals are of one shape.

    Raises NotFound if it is not the number of a product.
    """
    if not _DIGITS.fullmatch(text) or int(text) > MAX_ID:
        raise NotFound
    return int(text)


def _change(request: Request, number: str, shape: type[ProductFields]) -> Response:
    """Raises NotFound first: faults of the body do not matter without a product."""
    product, who = _read_id(number), caller(request)
    queries.product(who.id, product)
    fields = dict(read(request, shape))
    if "stock" in fields:
        who.require("inventory.add_adjustment")
    change_stocked_product(
        product,
        fields,
        quantity=fields.pop("stock", None),
        author=Author(who, now()),
        unique_name=True,
    )
    return _answer(request, product)


def _answer(request: Request, product: int) -> Response:
    return Response(Product(queries.product(caller(request).id, product)).data)
