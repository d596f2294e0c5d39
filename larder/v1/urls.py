"""The paths of v1. No path ends in a slash."""

from django.urls import path, register_converter
from django.urls.converters import UUIDConverter

from larder.v1 import (
    audit,
    auth,
    cart,
    categories,
    changes,
    csv_files,
    devices,
    documents,
    events,
    me,
    moves,
    orders,
    payments,
    products,
    stock,
    stream,
    webhooks,
)
from larder.v1.resources import Resource


class IdInAnyCase(UUIDConverter):
    """A UUID in upper or lower case. Both are equal (RFC 9562, section 4), and iOS writes UUIDs in
    upper case."""

    regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


register_converter(IdInAnyCase, "id")

# Django compares a request with the paths from top to bottom, 1 µs each: frequent paths come first.
urlpatterns = [
    path("products", Resource(GET=products.list_products, POST=products.create_product)),
    path("orders", Resource(GET=orders.list_orders, POST=orders.place_order)),
    path(
        "products/<int:product>",
        Resource(
            GET=products.get_product, PATCH=products.change_product, DELETE=products.archive_product
        ),
    ),
    path("orders/<id:order>", Resource(GET=orders.get_order, PATCH=orders.change_order)),
    path("cart", Resource(GET=cart.get_cart, PUT=cart.put_cart, DELETE=cart.delete_cart)),
    path("stock", Resource(GET=stock.get_stock)),
    path("auth/register", Resource(POST=auth.register)),
    path("auth/token", Resource(POST=auth.log_in)),
    path("auth/token/refresh", Resource(POST=auth.refresh_token)),
    path("auth/token/revoke", Resource(POST=auth.revoke_token)),
    path("auth/password/change", Resource(POST=auth.change_password)),
    path("auth/password/reset", Resource(POST=auth.reset_password)),
    path("auth/password/reset/confirm", Resource(POST=auth.set_forgotten_password)),
    path("auth/keys", Resource(GET=auth.list_keys, POST=auth.create_key)),
    path("auth/keys/<id:key>", Resource(DELETE=auth.delete_key)),
    path("me", Resource(GET=me.get_me, PATCH=me.change_me, DELETE=me.delete_me)),
    path("me/sessions", Resource(GET=me.list_sessions, DELETE=me.end_sessions)),
    path("me/sessions/<id:session>", Resource(GET=me.get_session, DELETE=me.end_session)),
    path("me/addresses", Resource(GET=me.list_addresses, POST=me.add_address)),
    path(
        "me/addresses/<id:address>",
        Resource(
            GET=me.get_address,
            PATCH=me.change_address,
            DELETE=me.delete_address,
        ),
    ),
    path("me/devices", Resource(GET=devices.list_devices, POST=devices.register_device)),
    path("me/devices/<id:device>", Resource(DELETE=devices.delete_device)),
    path("me/watches", Resource(GET=devices.list_watches)),
    path(
        "me/watches/<int:product>",
        Resource(PUT=devices.watch_product, DELETE=devices.unwatch_product),
    ),
    path("products/changes", Resource(GET=changes.list_product_changes)),
    path("products/import", Resource(POST=csv_files.import_products)),
    path("products/by-sku/<path:sku>", Resource(PUT=products.put_product)),
    path("products/<int:product>/ledger", Resource(GET=stock.get_ledger)),
    path("categories", Resource(GET=categories.list_categories, POST=categories.create_category)),
    path(
        "categories/<int:category>",
        Resource(
            GET=categories.get_category,
            PATCH=categories.change_category,
            DELETE=categories.delete_category,
        ),
    ),
    path("stock/adjustments", Resource(POST=stock.adjust_stock)),
    path(
        "cart/lines/<int:product>", Resource(PUT=cart.put_cart_line, DELETE=cart.delete_cart_line)
    ),
    path("cart/submit", Resource(POST=cart.submit_cart)),
    path("orders/abandon", Resource(POST=orders.abandon_order)),
    path("orders/changes", Resource(GET=changes.list_order_changes)),
    path("orders.csv", Resource(GET=csv_files.export_orders)),
    path("orders/<id:order>/events", Resource(GET=events.list_order_events)),
    path("orders/<id:order>/reorder", Resource(POST=cart.reorder)),
    path("orders/<id:order>/confirm", Resource(POST=moves.confirm_order)),
    path("orders/<id:order>/cancel", Resource(POST=moves.cancel_order)),
    path("orders/<id:order>/pack", Resource(POST=moves.pack_order)),
    path("orders/<id:order>/ship", Resource(POST=moves.ship_order)),
    path("orders/<id:order>/deliver", Resource(POST=moves.deliver_order)),
    path("orders/<id:order>/unpack", Resource(POST=moves.unpack_order)),
    path("orders/<id:order>/unship", Resource(POST=moves.unship_order)),
    path("orders/<id:order>/track", Resource(POST=moves.track_order)),
    path("orders/<id:order>/return", Resource(POST=moves.return_order)),
    path(
        "orders/<id:order>/payments",
        Resource(GET=payments.list_payments, POST=payments.record_payment),
    ),
    path("refunds-due", Resource(GET=payments.list_refunds_due)),
    path("events/stream", Resource(GET=stream.stream_events)),
    path("webhooks", Resource(GET=webhooks.list_webhooks, POST=webhooks.create_webhook)),
    path(
        "webhooks/<id:webhook>",
        Resource(
            GET=webhooks.get_webhook, PATCH=webhooks.change_webhook, DELETE=webhooks.delete_webhook
        ),
    ),
    path("webhooks/<id:webhook>/rotate", Resource(POST=webhooks.rotate_webhook_secret)),
    path("webhooks/<id:webhook>/test", Resource(POST=webhooks.test_webhook)),
    path("webhooks/<id:webhook>/recover", Resource(POST=webhooks.recover_webhook)),
    path("webhooks/<id:webhook>/resend", Resource(POST=webhooks.resend_to_webhook)),
    path("webhooks/<id:webhook>/deliveries", Resource(GET=webhooks.list_webhook_deliveries)),
    path(
        "webhooks/<id:webhook>/deliveries/<int:delivery>/redeliver",
        Resource(POST=webhooks.redeliver),
    ),
    path("audit", Resource(GET=audit.list_audit_entries)),
]

provider_events = [
    path("payments/providers/stripe", Resource(POST=payments.receive_stripe_event)),
    path("payments/providers/signed", Resource(POST=payments.receive_signed_event)),
]
"""Not in the document of the clients: each provider says what it sends."""

documentation = [
    path("openapi.json", Resource(GET=documents.show_document)),
    path("docs", Resource(GET=documents.show_page)),
    path("problems", Resource(GET=documents.show_problems)),
    path("problems/<slug:code>", Resource(GET=documents.show_problem)),
]
