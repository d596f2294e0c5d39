"""The root pages, which list the resources. A browser can follow their links."""

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.contract2.addresses import absolute
from larder.compat.operations import operation
from larder.compat.views import CompatView


def _links(name: str, **paths: str) -> Any:
    """Returns a serializer with the addresses of paths, by name."""
    fields = {key: serializers.URLField() for key in paths}
    return type(name, (serializers.Serializer,), fields)


def _found(request: Request, paths: dict[str, str]) -> Response:
    return Response({name: absolute(request, path) for name, path in paths.items()})


API = {"identity": "/api/identity/", "catalog": "/api/catalog/", "orders": "/api/orders/"}
IDENTITY = {
    "register": "/api/identity/register/",
    "token": "/api/identity/token/",
    "refresh": "/api/identity/token/refresh/",
    "verify": "/api/identity/token/verify/",
    "customers": "/api/identity/customers/",
}
CATALOG = {"products": "/api/catalog/products/"}
ORDERS = {"orders": "/api/orders/orders/"}


OTHER_CONTRACTS = {
    "1": {"products": "/api/products/"},
    "3": {"product": "/api/product/", "order": "/api/order/", "user": "/api/user/"},
}
"""The resources of other contracts under /api/, listed here for people with a browser."""


class ApiRoot(_links("ApiRoot", **API)):  # type: ignore[misc]
    """The parts of the API, and the lists of other enabled contracts."""

    products = serializers.URLField(required=False)
    product = serializers.URLField(required=False)
    order = serializers.URLField(required=False)
    user = serializers.URLField(required=False)


class Api(CompatView):
    """Larder's API: follow the addresses."""

    @operation("root", answers={200: ApiRoot})
    def get(self, request: Request) -> Response:
        """Lists the parts of the API."""
        paths = dict(API)
        for contract in sorted(settings.COMPAT & OTHER_CONTRACTS.keys()):
            paths |= OTHER_CONTRACTS[contract]
        return _found(request, paths)


class Identity(CompatView):
    """Accounts and tokens."""

    @operation("identity_root", answers={200: _links("IdentityRoot", **IDENTITY)})
    def get(self, request: Request) -> Response:
        """Lists the addresses for registration, log-in and customers."""
        return _found(request, IDENTITY)


class Catalog(CompatView):
    """The catalogue."""

    @operation("catalog_root", answers={200: _links("CatalogRoot", **CATALOG)})
    def get(self, request: Request) -> Response:
        """Lists the address of the products."""
        return _found(request, CATALOG)


class Orders(CompatView):
    """Orders."""

    @operation("orders_root", answers={200: _links("OrdersRoot", **ORDERS)})
    def get(self, request: Request) -> Response:
        """Lists the address of the orders."""
        return _found(request, ORDERS)
