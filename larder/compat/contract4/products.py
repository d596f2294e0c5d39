"""Products in stock, and how staff change them."""

from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat import products
from larder.compat.contract4.shapes import ProductBody, product_row
from larder.compat.operations import operation
from larder.compat.views import PasswordView, caller
from larder.core.errors import NotFound
from larder.inventory import queries
from larder.inventory.queries import ProductFilter


class Products(PasswordView):
    """The products that are in stock."""

    serializer_class = ProductBody

    @operation("list_products", responses=ProductBody(many=True))
    def get(self, request: Request) -> Response:
        """Lists all products in stock, by ascending id."""
        parts = queries.all_products(caller(request).id, ProductFilter(in_stock=True))
        return Response(self.whole(parts, lambda rows: [product_row(product) for product in rows]))

    @operation("create_product", permission="catalog.add_product", responses={201: ProductBody})
    def post(self, request: Request) -> Response:
        """Adds a product. Staff only."""
        return Response(self.shown(products.create(request, ProductBody)), status=201)


class Product(PasswordView, products.ProductView):
    """A product. Staff change one that is out of stock too."""

    serializer_class = ProductBody

    @operation("get_product")
    def get(self, request: Request, product: int) -> Response:
        """Shows a product in stock."""
        stocked = queries.product(caller(request).id, product)
        if stocked.quantity == 0:
            raise NotFound
        return Response(self.shown(stocked))
