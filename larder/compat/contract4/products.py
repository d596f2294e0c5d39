"""Products in stock, and how staff change them."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from larder.catalog.services.products import archive_product
from larder.compat.contract4.shapes import ProductBody, ProductRow, product_row
from larder.compat.operations import Access, Refusal, operation
from larder.compat.views import PasswordView, caller, read
from larder.core.clock import now
from larder.core.errors import NotFound
from larder.inventory import queries
from larder.inventory.queries import ProductFilter
from larder.inventory.services.authors import Author
from larder.inventory.services.products import change_stocked_product, create_stocked_product


class Products(PasswordView):
    """The products that are in stock."""

    @operation("list_products", answers={200: ProductRow(many=True)})
    def get(self, request: Request) -> Response:
        """Lists all products in stock, by ascending id."""
        parts = queries.all_products(caller(request).id, ProductFilter(in_stock=True))
        return Response(self.whole(parts, lambda found: [product_row(one) for one in found]))

    @operation(
        "create_product",
        access=Access(permission="catalog.add_product"),
        body=ProductBody,
        answers={201: ProductRow, 403: Refusal},
    )
    def post(self, request: Request) -> Response:
        """Adds a product. Staff only."""
        fields = dict(read(request, ProductBody))
        quantity = fields.pop("quantity_in_stock")
        who = caller(request)
        made = create_stocked_product(fields, quantity=quantity, author=Author(who, now()))
        return Response(product_row(queries.product(who.id, made.id)), status=201)


class Product(PasswordView):
    """A product."""

    @operation("get_product", answers={200: ProductRow, 404: Refusal})
    def get(self, request: Request, product: int) -> Response:
        """Shows a product in stock."""
        found = queries.product(caller(request).id, product)
        if found.quantity == 0:
            raise NotFound
        return Response(product_row(found))

    @operation(
        "replace_product",
        access=Access(permission="catalog.change_product"),
        body=ProductBody,
        answers={200: ProductRow, 403: Refusal, 404: Refusal, 409: Refusal},
    )
    def put(self, request: Request, product: int) -> Response:
        """Replaces a product, also one that is out of stock. Staff only."""
        return _change(request, product, partial=False)

    @operation(
        "change_product",
        access=Access(permission="catalog.change_product"),
        body=ProductBody(partial=True),
        answers={200: ProductRow, 403: Refusal, 404: Refusal, 409: Refusal},
    )
    def patch(self, request: Request, product: int) -> Response:
        """Changes the given fields of a product, also if it is out of stock. Staff only."""
        return _change(request, product, partial=True)

    @operation(
        "delete_product",
        access=Access(permission="catalog.delete_product"),
        answers={204: None, 403: Refusal, 404: Refusal},
    )
    def delete(self, request: Request, product: int) -> Response:
        """Archives a product; orders keep it. Staff only."""
        archive_product(product, caller=caller(request), now=now())
        return Response(status=204)


def _change(request: Request, product: int, **options: Any) -> Response:
    who = caller(request)
    # 404 comes first, also for an empty change and for faults in the body.
    queries.product(who.id, product)
    fields = dict(read(request, ProductBody, **options))
    quantity = fields.pop("quantity_in_stock", None)
    if quantity is not None:
        who.require("inventory.add_adjustment")
    change_stocked_product(product, fields, quantity=quantity, author=Author(who, now()))
    return Response(product_row(queries.product(who.id, product)))
