"""Where v1 is. No path ends in a slash."""

from django.urls import path, register_converter
from drf_spectacular.views import SpectacularSwaggerSplitView

from larder.api.v1 import (
    abandon,
    addresses,
    auth,
    cart,
    categories,
    changes,
    documents,
    exports,
    imports,
    keys,
    me,
    moves,
    orders,
    passwords,
    products,
    sessions,
    stock,
)
from larder.api.v1.paths import IdInAnyCase

register_converter(IdInAnyCase, "id")

# A path is looked for from top to bottom, 1 µs each: what is asked for most stands first.
urlpatterns = [
    path("products", products.Products.as_view()),
    path("orders", orders.Orders.as_view()),
    path("products/<int:product>", products.Product.as_view()),
    path("orders/<id:order>", orders.Order.as_view()),
    path("cart", cart.Cart.as_view()),
    path("stock", stock.Stock.as_view()),
    path("auth/register", auth.Register.as_view()),
    path("auth/token", auth.Token.as_view()),
    path("auth/token/refresh", auth.Refresh.as_view()),
    path("auth/token/revoke", auth.Revoke.as_view()),
    path("auth/password/change", passwords.PasswordChange.as_view()),
    path("auth/password/reset", passwords.PasswordReset.as_view()),
    path("auth/password/reset/confirm", passwords.PasswordResetConfirmation.as_view()),
    path("auth/keys", keys.Keys.as_view()),
    path("auth/keys/<id:key>", keys.Key.as_view()),
    path("me", me.Me.as_view()),
    path("me/sessions", sessions.Sessions.as_view()),
    path("me/sessions/<id:session>", sessions.Session.as_view()),
    path("me/addresses", addresses.Addresses.as_view()),
    path("me/addresses/<id:address>", addresses.Address.as_view()),
    path("products/changes", changes.ProductChangesView.as_view()),
    path("products/import", imports.ProductImport.as_view()),
    path("products/by-sku/<path:sku>", products.ProductBySku.as_view()),
    path("products/<int:product>/ledger", stock.Ledger.as_view()),
    path("categories", categories.Categories.as_view()),
    path("categories/<int:category>", categories.Category.as_view()),
    path("stock/adjustments", stock.Adjustments.as_view()),
    path("cart/lines/<int:product>", cart.CartLine.as_view()),
    path("cart/submit", cart.CartSubmission.as_view()),
    path("orders/abandon", abandon.AbandonedOrders.as_view()),
    path("orders/changes", changes.OrderChangesView.as_view()),
    path("orders.csv", exports.OrdersFile.as_view()),
    path("orders/<id:order>/events", orders.OrderEvents.as_view()),
    path("orders/<id:order>/cancel", moves.Cancel.as_view()),
    path("orders/<id:order>/pack", moves.Pack.as_view()),
    path("orders/<id:order>/ship", moves.Ship.as_view()),
    path("orders/<id:order>/deliver", moves.Deliver.as_view()),
    path("orders/<id:order>/return", moves.Return.as_view()),
]

documentation = [
    path("openapi.json", documents.OpenApi.as_view(), name="openapi"),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(
            url_name="openapi",
            authentication_classes=[],
            permission_classes=[],
            # The view answers OPTIONS with JSON, which its only renderer, a template, cannot show.
            http_method_names=["get", "head"],
        ),
    ),
    path("problems", documents.Explanations.as_view()),
    path("problems/<slug:code>", documents.Explanation.as_view()),
]
