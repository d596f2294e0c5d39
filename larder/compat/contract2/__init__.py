"""Contract 2: identity, catalog, orders.

Open to Bearer tokens, and to the admin's cookie: a member of staff who is logged in there can
follow it all in a browser, from /api/ on. The root pages list the resources.
"""

from collections.abc import Mapping

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.accounts import Credentials, LogInView, RefreshView
from larder.compat.contract2 import accounts, shop
from larder.compat.fields import absolute
from larder.compat.views import BrowsableView
from larder.identity.tokens import IDENTITY as IDENTITY_TOKENS


class Root(BrowsableView):
    """Larder's API: follow the addresses."""

    name = "Api"
    paths: Mapping[str, str] = {}

    def get(self, request: Request) -> Response:
        return Response({name: absolute(request, path) for name, path in self.paths.items()})


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

urlpatterns = [
    path("api/", Root.as_view(paths=API)),
    path("api/identity/", Root.as_view(name="Identity", paths=IDENTITY)),
    path("api/identity/register/", accounts.Register.as_view()),
    path("api/identity/token/", LogInView.as_view(policy=IDENTITY_TOKENS, body=Credentials)),
    path("api/identity/token/refresh/", RefreshView.as_view(policy=IDENTITY_TOKENS)),
    path("api/identity/token/verify/", accounts.Verify.as_view()),
    path("api/identity/customers/", accounts.Customers.as_view()),
    path("api/identity/customers/<int:customer>/", accounts.Customer.as_view()),
    path("api/catalog/", Root.as_view(name="Catalog", paths=CATALOG)),
    path("api/catalog/products/", shop.ProductsView.as_view()),
    path("api/catalog/products/<int:product>/", shop.ProductView.as_view()),
    path("api/catalog/products/<int:product>/ship/", shop.ShipView.as_view()),
    # Contract 1 has this path too, and says the same and more.
    path("api/orders/", Root.as_view(name="Orders", paths=ORDERS)),
    path("api/orders/orders/", shop.OrdersView.as_view()),
    path("api/orders/orders/<int:number>/", shop.OrderView.as_view()),
]
