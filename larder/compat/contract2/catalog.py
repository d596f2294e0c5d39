"""Products: all clients read them. Staff write them, and remove units without an order."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.catalog.services.products import archive_product
from larder.compat.contract2.addresses import Address, created
from larder.compat.fields import Amount, Text, Units
from larder.compat.operations import (
    FIELDS,
    FIELDS_OR_SENTENCES,
    OFFSET_OF_LONG,
    Access,
    Refusal,
    envelope,
    operation,
)
from larder.compat.pages import ByOffsetOfLong, Rows, first_parts, page
from larder.compat.views import CompatView, caller, read
from larder.core.clock import now
from larder.core.limits import MAX_DESCRIPTION_LENGTH, MAX_ID, MAX_STOCK
from larder.inventory import queries
from larder.inventory.errors import InsufficientStock
from larder.inventory.queries import ProductFilter, StockedProduct
from larder.inventory.services.adjustments import dispatch
from larder.inventory.services.authors import Author
from larder.inventory.services.products import change_stocked_product, create_stocked_product

UNAVAILABLE = "Requested quantity is not available."

NAME_LENGTH = 100
"""Characters of a product's name in this contract."""

PRICE_DIGITS, PRICE_DECIMALS = 10, 2
"""Digits of a price in this contract: in total, and after the decimal point."""


class ProductRow(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    price = Amount()
    quantity = serializers.IntegerField()
    url = Address("/api/catalog/products/{0.id}/")
    public_id = serializers.UUIDField()


class ProductFields(serializers.Serializer[Any]):
    name = Text(max_length=NAME_LENGTH)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, allow_blank=True)
    price = serializers.DecimalField(
        max_digits=PRICE_DIGITS, decimal_places=PRICE_DECIMALS, min_value=0
    )
    quantity = Units(min_value=0, max_value=MAX_STOCK, required=False)


class Shipment(serializers.Serializer[Any]):
    quantity = Units()


class Shipped(serializers.Serializer[Any]):
    status = serializers.CharField()


class Filters(serializers.Serializer[Any]):
    """The filters of the list. An empty one is no filter."""

    category = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)


FILTERS = (
    *OFFSET_OF_LONG,
    OpenApiParameter(
        "category",
        {"type": "integer", "minimum": 1, "maximum": MAX_ID},
        description="Products of this category and of those below it.",
    ),
)


class Products(CompatView):
    """The products on sale."""

    @operation(
        "list_products", answers={200: envelope(ProductRow), 400: FIELDS}, parameters=FILTERS
    )
    def get(self, request: Request) -> Response:
        """Lists all products, or those of a category."""
        filters = Filters(data=request.query_params)
        filters.is_valid(raise_exception=True)
        who, wanted = caller(request).id, ProductFilter(**filters.validated_data)
        rows = Rows(
            lambda: queries.count_products(wanted),
            lambda offset, limit: self.whole(
                first_parts(queries.in_pages(who, wanted, offset=offset, limit=limit))
            ),
        )

        def shape(found: list[StockedProduct]) -> Any:
            return ProductRow(found, many=True, context={"request": request}).data

        return Response(page(request, rows, ByOffsetOfLong(), shape))

    @operation(
        "create_product",
        access=Access(permission="catalog.add_product"),
        body=ProductFields,
        answers={201: ProductRow, 403: Refusal},
    )
    def post(self, request: Request) -> Response:
        """Adds a product with its stock."""
        fields = dict(read(request, ProductFields))
        quantity = fields.pop("quantity", 0)
        made = create_stocked_product(
            fields, quantity=quantity, author=Author(caller(request), now())
        )
        return created(_shown(request, made.id))


def _shown(request: Request, product: int) -> Mapping[str, Any]:
    """Raises NotFound."""
    found = queries.product(caller(request).id, product)
    shown: Mapping[str, Any] = ProductRow(found, context={"request": request}).data
    return shown


class Product(CompatView):
    """A product."""

    @operation("get_product", answers={200: ProductRow, 404: Refusal})
    def get(self, request: Request, product: int) -> Response:
        """A product."""
        return Response(_shown(request, product))

    @operation(
        "replace_product",
        access=Access(permission="catalog.change_product"),
        body=ProductFields,
        answers={200: ProductRow, 403: Refusal, 404: Refusal, 409: Refusal},
    )
    def put(self, request: Request, product: int) -> Response:
        """Changes a product. Without a quantity its stock stays unchanged."""
        return _changed(request, product, partial=False)

    @operation(
        "change_product",
        access=Access(permission="catalog.change_product"),
        body=ProductFields,
        answers={200: ProductRow, 403: Refusal, 404: Refusal, 409: Refusal},
    )
    def patch(self, request: Request, product: int) -> Response:
        """Changes a product. Omitted fields stay unchanged."""
        return _changed(request, product, partial=True)

    @operation(
        "delete_product",
        access=Access(permission="catalog.delete_product"),
        answers={204: None, 403: Refusal, 404: Refusal},
    )
    def delete(self, request: Request, product: int) -> Response:
        """Archives a product. Orders keep it."""
        archive_product(product, caller=caller(request), now=now())
        return Response(status=204)


def _changed(request: Request, product: int, *, partial: bool) -> Response:
    queries.product(caller(request).id, product)  # 404 comes before faults of the body
    fields = dict(read(request, ProductFields, partial=partial))
    quantity = fields.pop("quantity", None)
    if quantity is not None:
        caller(request).require("inventory.add_adjustment")
    change_stocked_product(
        product, fields, quantity=quantity, author=Author(caller(request), now())
    )
    return Response(_shown(request, product))


class Ship(CompatView):
    """The dispatch of units without an order."""

    @operation(
        "ship_product",
        access=Access(permission="inventory.add_adjustment"),
        body=Shipment,
        answers={200: Shipped, 400: FIELDS_OR_SENTENCES, 403: Refusal, 404: Refusal},
    )
    def post(self, request: Request, product: int) -> Response:
        """Removes units from stock without an order."""
        queries.product(caller(request).id, product)
        quantity = read(request, Shipment)["quantity"]
        try:
            dispatch(product, quantity, caller=caller(request), now=now())
        except InsufficientStock as error:
            raise serializers.ValidationError([UNAVAILABLE]) from error
        return Response({"status": "Product was shipped"})
