"""Products, which the contracts show with different fields: what is common to them."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from larder.catalog.services.products import archive_product
from larder.compat.pages import Rows
from larder.compat.views import CompatView, caller, needs, read
from larder.core.clock import now
from larder.inventory import queries
from larder.inventory.queries import ProductFilter, StockedProduct
from larder.inventory.services.products import (
    Author,
    change_stocked_product,
    create_stocked_product,
)


def product_rows(
    request: Request, filters: ProductFilter = ProductFilter()
) -> Rows[StockedProduct]:
    """Returns the products that match, by ascending id."""
    who = caller(request).id
    return Rows(
        lambda: queries.count_products(filters),
        lambda offset, limit: queries.products(who, filters, offset=offset, limit=limit),
    )


def create(
    request: Request, shape: type[Serializer[Any]], *, unique_name: bool = False
) -> StockedProduct:
    """Creates the product of the body, with its stock."""
    who, fields = caller(request), dict(read(request, shape))
    quantity = fields.pop("quantity", 0)
    product = create_stocked_product(
        fields, quantity=quantity, author=Author(who, now()), unique_name=unique_name
    )
    return queries.product(who.id, product.id)


class ProductView(CompatView):
    unique_name = False
    """Whether no other product may have its name."""

    def number(self, product: Any) -> int:
        return int(product)

    def get(self, request: Request, product: int) -> Response:
        return Response(self.shown(queries.product(caller(request).id, self.number(product))))

    @needs("catalog.change_product")
    def put(self, request: Request, product: int) -> Response:
        """Changes a product. Without a quantity its stock stays unchanged."""
        return self._changed(product, partial=False)

    @needs("catalog.change_product")
    def patch(self, request: Request, product: int) -> Response:
        return self._changed(product, partial=True)

    @needs("catalog.delete_product")
    def delete(self, request: Request, product: int) -> Response:
        archive_product(self.number(product), caller=caller(request), now=now())
        return Response(status=204)

    def _changed(self, product: int, *, partial: bool) -> Response:
        who, product = caller(self.request), self.number(product)
        # 404 comes first, also for an empty change and for faults in the body.
        queries.product(who.id, product)
        fields = dict(read(self.request, self.serializer_class, partial=partial))
        quantity = fields.pop("quantity", None)
        if quantity is not None:
            who.require("inventory.add_adjustment")
        change_stocked_product(
            product,
            fields,
            quantity=quantity,
            author=Author(who, now()),
            unique_name=self.unique_name,
        )
        return Response(self.shown(queries.product(who.id, product)))
