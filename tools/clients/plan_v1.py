"""The order of v1's operations: somebody's first hour with the shop."""

from tools.clients.step import CUSTOMER, GUEST, NOBODY, STAFF, Step

KEY_OF_THIS_REQUEST = {"Idempotency-Key": "{{$guid}}"}

ACCOUNTS = (
    Step(
        "POST /api/v1/auth/token",
        NOBODY,
        {"username": "{{username}}", "password": "{{password}}"},
        {"access": "access", "refresh": "refresh"},
    ),
    Step(
        "POST /api/v1/auth/token",
        NOBODY,
        {"username": "{{staff_username}}", "password": "{{staff_password}}"},
        {"staff_access": "access"},
    ),
    Step(
        "POST /api/v1/auth/token/refresh",
        NOBODY,
        {"refresh": "{{refresh}}"},
        {"access": "access", "refresh": "refresh"},
    ),
    Step(
        "POST /api/v1/auth/register",
        NOBODY,
        {"username": "guest {{$guid}}", "password": "{{guest_password}}"},
        {"guest_username": "username"},
        KEY_OF_THIS_REQUEST,
    ),
    Step(
        "POST /api/v1/auth/token",
        NOBODY,
        {"username": "{{guest_username}}", "password": "{{guest_password}}"},
        {"guest_access": "access"},
    ),
    Step("GET /api/v1/me", GUEST),
    Step("PATCH /api/v1/me", GUEST, {"first_name": "Ada", "last_name": "Guest"}),
    Step(
        "POST /api/v1/auth/keys",
        GUEST,
        {"name": "a program of mine"},
        {"key_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step("GET /api/v1/auth/keys", GUEST),
    Step("DELETE /api/v1/auth/keys/{{key_id}}", GUEST),
    Step("DELETE /api/v1/me", GUEST),
)

CATALOGUE = (
    Step(
        "POST /api/v1/categories",
        STAFF,
        {"name": "Lanterns"},
        {"category_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step("GET /api/v1/categories"),
    Step("GET /api/v1/categories/{{category_id}}"),
    Step("PATCH /api/v1/categories/{{category_id}}", STAFF, {"name": "Lanterns and lamps"}),
    Step(
        "POST /api/v1/products",
        STAFF,
        {"sku": "{{$guid}}", "name": "Storm lantern", "price": "12.50", "quantity": 20},
        {"product_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step("GET /api/v1/products?q=lantern&in_stock=true&limit=5&count=true"),
    Step("GET /api/v1/products/{{product_id}}"),
    Step("PATCH /api/v1/products/{{product_id}}", STAFF, {"price": "11.90", "max_per_order": 10}),
    Step(
        "POST /api/v1/stock/adjustments",
        STAFF,
        {"reason": "received", "lines": [{"product": "#{{product_id}}", "delta": 5}]},
        headers=KEY_OF_THIS_REQUEST,
    ),
    Step("GET /api/v1/stock?products={{product_id}}"),
)

ORDERS = (
    Step(
        "POST /api/v1/orders",
        CUSTOMER,
        {
            "lines": [{"product": "#{{product_id}}", "quantity": 2, "expected_price": "11.90"}],
            "note": "Leave it at the door.",
        },
        {"order_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step("GET /api/v1/orders?limit=5"),
    Step("GET /api/v1/orders/{{order_id}}"),
    Step("GET /api/v1/orders/{{order_id}}/events"),
    Step("GET /api/v1/products/{{product_id}}/ledger", STAFF),
)

GOOD_BYE = (
    Step("DELETE /api/v1/products/{{product_id}}", STAFF),
    Step("DELETE /api/v1/categories/{{category_id}}", STAFF),
    Step("POST /api/v1/auth/token/revoke", NOBODY, {"refresh": "{{refresh}}"}),
)

V1 = (*ACCOUNTS, *CATALOGUE, *ORDERS, *GOOD_BYE)
