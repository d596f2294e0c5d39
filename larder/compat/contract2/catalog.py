"""Products: all clients read them. Staff write them, and remove units without an order."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat import products
from larder.compat.contract2.addresses import Address, created
from larder.compat.fields import Price, Text, Units
from larder.compat.operations import operation
from larder.compat.pages import ByOffsetOfLong, Rows, first_parts
from larder.compat.views import BrowsableView, caller, read
from larder.core.clock import now
from larder.core.limits import MAX_DESCRIPTION_LENGTH, MAX_ID, MAX_STOCK
from larder.inventory import queries
from larder.inventory.errors import InsufficientStock
from larder.inventory.queries import ProductFilter
from larder.inventory.services.adjustments import dispatch

UNAVAILABLE = "Requested quantity is not available."


class ProductBody(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=100)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, allow_blank=True)
    price = Price(digits=10)
    quantity = Units(min_value=0, max_value=MAX_STOCK, required=False)
    url = Address("/api/catalog/products/{0.id}/")
    public_id = serializers.UUIDField(read_only=True)


class Shipment(serializers.Serializer[Any]):
    quantity = Units()


class Filters(serializers.Serializer[Any]):
    """The filters of the list. An empty one is no filter."""

    category = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)


class Products(BrowsableView):
    """The products on sale."""

    serializer_class, pagination_class = ProductBody, ByOffsetOfLong

    @operation("list_products", parameters=[Filters], responses=ProductBody(many=True))
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
        return Response(self.page(rows))

    @operation("create_product", permission="catalog.add_product", responses={201: ProductBody})
    def post(self, request: Request) -> Response:
        """Adds a product with its stock."""
        return created(self.shown(products.create(request, ProductBody)))


class Product(products.ProductView, BrowsableView):
    """A product."""

    serializer_class = ProductBody


class Ship(BrowsableView):
    """The dispatch of units without an order."""

    serializer_class = Shipment

    @operation("ship_product", permission="inventory.add_adjustment", responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, product: int) -> Response:
        """Removes units from stock without an order."""
        queries.product(caller(request).id, product)
        quantity = read(request, Shipment)["quantity"]
        try:
            dispatch(product, quantity, caller=caller(request), now=now())
        except InsufficientStock as error:
            raise serializers.ValidationError([UNAVAILABLE]) from error
        return Response({"status": "Product was shipped"})
