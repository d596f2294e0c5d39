"""Contract 2: identity, catalog, orders.

Open to Bearer tokens, and to the admin's cookie: a member of staff who is logged in there can
follow it all in a browser, from /api/ on.
"""

from django.urls import path

from larder.compat.contract2 import catalog, customers, identity, orders, roots

urlpatterns = [
    path("api/", roots.Api.as_view()),
    path("api/identity/", roots.Identity.as_view()),
    path("api/identity/register/", identity.Register.as_view()),
    path("api/identity/token/", identity.Token.as_view()),
    path("api/identity/token/refresh/", identity.Refresh.as_view()),
    path("api/identity/token/verify/", identity.Verify.as_view()),
    path("api/identity/customers/", customers.Customers.as_view()),
    path("api/identity/customers/<int:customer>/", customers.Customer.as_view()),
    path("api/catalog/", roots.Catalog.as_view()),
    path("api/catalog/products/", catalog.Products.as_view()),
    path("api/catalog/products/<int:product>/", catalog.Product.as_view()),
    path("api/catalog/products/<int:product>/ship/", catalog.Ship.as_view()),
    # Contract 1 has this path too, and says the same and more.
    path("api/orders/", roots.Orders.as_view()),
    path("api/orders/orders/", orders.Orders.as_view()),
    path("api/orders/orders/<int:number>/", orders.Order.as_view()),
]
