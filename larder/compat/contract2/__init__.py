"""Contract 2: identity, catalog, orders.

Open to Bearer tokens, and to the admin's cookie: a member of staff who is logged in there can
follow it all in a browser, from /api/ on. The root pages list the resources.
"""

from collections.abc import Mapping

from django.conf import settings
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.contract2 import accounts, shop
from larder.compat.fields import absolute
from larder.compat.views import BrowsableView

OTHER_CONTRACTS = {
    "1": {"products": "/api/products/"},
    "3": {"product": "/api/product/", "order": "/api/order/", "user": "/api/user/"},
}
"""The resources of other contracts under /api/, listed here for people with a browser."""


class Root(BrowsableView):
    """A list of addresses."""

    paths: Mapping[str, str]

    def links(self) -> Mapping[str, str]:
        """Returns the paths by name."""
        return self.paths

    def get(self, request: Request) -> Response:
        """Lists the addresses of the resources."""
        return Response({name: absolute(request, path) for name, path in self.links().items()})


class Api(Root):
    """Larder's API: follow the addresses."""

    paths = {
        "identity": "/api/identity/",
        "catalog": "/api/catalog/",
        "orders": "/api/orders/",
    }

    def links(self) -> Mapping[str, str]:
        """Returns the parts of the API, and the lists of other enabled contracts."""
        links = dict(self.paths)
        for contract in sorted(settings.COMPAT & OTHER_CONTRACTS.keys()):
            links |= OTHER_CONTRACTS[contract]
        return links


class Identity(Root):
    """Accounts and tokens."""

    paths = {
        "register": "/api/identity/register/",
        "token": "/api/identity/token/",
        "refresh": "/api/identity/token/refresh/",
        "verify": "/api/identity/token/verify/",
        "customers": "/api/identity/customers/",
    }


class Catalog(Root):
    """The catalogue."""

    paths = {"products": "/api/catalog/products/"}


class Orders(Root):
    """Orders."""

    paths = {"orders": "/api/orders/orders/"}


urlpatterns = [
    path("api/", Api.as_view()),
    path("api/identity/", Identity.as_view()),
    path("api/identity/register/", accounts.Register.as_view()),
    path("api/identity/token/", accounts.Token.as_view()),
    path("api/identity/token/refresh/", accounts.Refresh.as_view()),
    path("api/identity/token/verify/", accounts.Verify.as_view()),
    path("api/identity/customers/", accounts.Customers.as_view()),
    path("api/identity/customers/<int:customer>/", accounts.Customer.as_view()),
    path("api/catalog/", Catalog.as_view()),
    path("api/catalog/products/", shop.ProductsView.as_view()),
    path("api/catalog/products/<int:product>/", shop.ProductView.as_view()),
    path("api/catalog/products/<int:product>/ship/", shop.ShipView.as_view()),
    # Contract 1 has this path too, and says the same and more.
    path("api/orders/", Orders.as_view()),
    path("api/orders/orders/", shop.OrdersView.as_view()),
    path("api/orders/orders/<int:number>/", shop.OrderView.as_view()),
]
