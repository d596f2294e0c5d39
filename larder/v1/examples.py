"""An example body for each operation that takes one, for the OpenAPI document.

The collections of docs/clients use the same bodies. A test sends them to a server: each example
succeeds, in a shop where product 1 is on sale.
"""

from collections.abc import Mapping
from typing import Any

EXAMPLES: Mapping[str, Any] = {
    "register": {
        "username": "ada",
        "password": "correct horse battery staple",
        "email": "ada@example.com",
        "first_name": "Ada",
    },
    "log_in": {"username": "demo", "password": "demo"},
    "refresh_token": {"refresh": "the refresh token, unchanged"},
    "revoke_token": {"refresh": "the refresh token, unchanged"},
    "change_password": {
        "current_password": "correct horse battery staple",
        "new_password": "a horse of another colour",
    },
    "reset_password": {"email": "ada@example.com"},
    "set_forgotten_password": {
        "reset_token": "the token in the mail",
        "new_password": "a horse of another colour",
    },
    "create_key": {"name": "a program of mine"},
    "change_me": {"first_name": "Ada", "last_name": "Guest"},
    "add_address": {
        "label": "Home",
        "name": "Ada Guest",
        "line1": "12 St James's Sq",
        "city": "London",
        "country": "GB",
    },
    "change_address": {"postal_code": "SW1Y 4JH"},
    "create_category": {"name": "Lanterns"},
    "change_category": {"name": "Lanterns and lamps"},
    "create_product": {
        "sku": "LANTERN-1",
        "name": "Storm lantern",
        "price": "12.50",
        "quantity": 20,
    },
    "change_product": {"price": "11.90", "max_per_order": 10},
    "put_product": {"name": "Lamp oil", "price": "4.20", "unit": "bottle", "quantity": 12},
    "import_products": "sku,name,price,unit,quantity\nWICK-3,Cotton wick,0.35,metre,500\n",
    "adjust_stock": {"reason": "received", "lines": [{"product": 1, "delta": 5}]},
    "put_cart": {"lines": [{"product": 1, "quantity": 1}]},
    "put_cart_line": {"quantity": 2},
    "submit_cart": {"note": "Ring twice."},
    "place_order": {"lines": [{"product": 1, "quantity": 2}], "note": "Leave it with the porter."},
    "abandon_order": {"idempotency_key": "0f5b2c9e-5d0e-4a55-9c54-2f7f4b0f7a31"},
    "confirm_order": {},
    "change_order": {"lines": [{"product": 1, "quantity": 3}], "note": "Ring twice."},
    "cancel_order": {"reason": "Ordered by mistake."},
    "pack_order": {"lines": [{"product": 1, "quantity": 2, "missing": False}]},
    "ship_order": {"carrier": "Royal Mail", "tracking_number": "AB123456785GB"},
    "deliver_order": {},
    "track_order": {"carrier": "Royal Mail", "tracking_number": "AB123456794GB"},
    "unpack_order": {},
    "unship_order": {},
    "record_payment": {
        "provider": "terminal",
        "kind": "captured",
        "transaction_id": "2026-11-29-0042",
        "amount": 2500,
        "currency": "GBP",
    },
    "return_order": {"lines": [{"product": 1, "quantity": 1}], "reason": "One was broken."},
}
"""By the operation's id."""
