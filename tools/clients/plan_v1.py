"""The order of v1's operations: a customer's first hour with the shop."""

from tools.clients.step import ANONYMOUS, CUSTOMER, GUEST, STAFF, Shown, Step

KEY_OF_THIS_REQUEST = {"Idempotency-Key": "{{$guid}}"}
OF_PRODUCT = Shown({"product": "#{{product_id}}"})

ACCOUNTS = (
    Step(
        "POST /api/v1/auth/token",
        ANONYMOUS,
        Shown({"username": "{{username}}", "password": "{{password}}"}),
        {"access": "access", "refresh": "refresh"},
    ),
    Step(
        "POST /api/v1/auth/token",
        ANONYMOUS,
        {"username": "{{staff_username}}", "password": "{{staff_password}}"},
        {"staff_access": "access"},
    ),
    Step(
        "POST /api/v1/auth/token/refresh",
        ANONYMOUS,
        Shown({"refresh": "{{refresh}}"}),
        {"access": "access", "refresh": "refresh"},
    ),
    Step(
        "POST /api/v1/auth/register",
        ANONYMOUS,
        Shown(
            {
                "username": "guest {{$guid}}",
                "password": "{{guest_password}}",
                "email": "{{$guid}}@example.com",
            }
        ),
        {"guest_username": "username", "guest_email": "email"},
        KEY_OF_THIS_REQUEST,
    ),
    Step(
        "POST /api/v1/auth/token",
        ANONYMOUS,
        {"username": "{{guest_username}}", "password": "{{guest_password}}"},
        {"guest_access": "access"},
    ),
    Step("GET /api/v1/me", GUEST),
    Step("GET /api/v1/me/sessions", GUEST, keeps={"session_id": "results.0.id"}),
    Step("GET /api/v1/me/sessions/{{session_id}}", GUEST),
    Step(
        "POST /api/v1/auth/password/change",
        GUEST,
        Shown({"current_password": "{{guest_password}}", "new_password": "{{new_password}}"}),
    ),
    Step("DELETE /api/v1/me/sessions", GUEST),
    Step("PATCH /api/v1/me", GUEST, Shown()),
    Step(
        "POST /api/v1/auth/keys",
        GUEST,
        Shown(),
        {"key_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step(
        "POST /api/v1/me/addresses",
        GUEST,
        Shown(),
        {"address_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step("GET /api/v1/me/addresses", GUEST),
    Step("GET /api/v1/me/addresses/{{address_id}}", GUEST),
    Step("PATCH /api/v1/me/addresses/{{address_id}}", GUEST, Shown()),
    Step("DELETE /api/v1/me/addresses/{{address_id}}", GUEST),
    Step("GET /api/v1/auth/keys", GUEST),
    Step("DELETE /api/v1/auth/keys/{{key_id}}", GUEST),
    Step("DELETE /api/v1/me/sessions/{{session_id}}", GUEST),
    Step(
        "POST /api/v1/auth/password/reset",
        ANONYMOUS,
        Shown({"email": "{{guest_email}}"}),
    ),
    Step(
        "POST /api/v1/auth/password/reset/confirm",
        ANONYMOUS,
        Shown({"reset_token": "{{reset_token}}", "new_password": "{{new_password}}"}),
        status=403,  # the token in the mail is not known to a run without a person
    ),
    Step(
        "POST /api/v1/auth/token",
        ANONYMOUS,
        {"username": "{{guest_username}}", "password": "{{new_password}}"},
        {"guest_access": "access"},
    ),
    Step("DELETE /api/v1/me", GUEST),
)

CATALOGUE = (
    Step(
        "POST /api/v1/categories",
        STAFF,
        Shown(),
        {"category_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step("GET /api/v1/categories"),
    Step("GET /api/v1/categories/{{category_id}}"),
    Step("PATCH /api/v1/categories/{{category_id}}", STAFF, Shown()),
    Step(
        "POST /api/v1/products",
        STAFF,
        Shown({"sku": "{{$guid}}"}),
        {"product_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step("GET /api/v1/products?q=lantern&in_stock=true&limit=5&count=true"),
    Step("GET /api/v1/products/{{product_id}}"),
    Step(
        "PUT /api/v1/products/by-sku/{{$guid}}",
        STAFF,
        Shown(),
    ),
    Step(
        "POST /api/v1/products/import",
        STAFF,
        Shown({"WICK-3": "{{$guid}}"}),
        headers=KEY_OF_THIS_REQUEST | {"Content-Type": "text/csv"},
    ),
    Step("GET /api/v1/products/changes", keeps={"products_since": "since"}),
    Step("GET /api/v1/products/changes?since={{products_since}}"),
    Step("PATCH /api/v1/products/{{product_id}}", STAFF, Shown()),
    Step(
        "POST /api/v1/stock/adjustments",
        STAFF,
        OF_PRODUCT,
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
            "note": "Leave it with the porter.",
        },
        {"order_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step("GET /api/v1/orders?limit=5"),
    Step("GET /api/v1/orders/changes", keeps={"orders_since": "since"}),
    Step("GET /api/v1/orders/changes?since={{orders_since}}"),
    Step("GET /api/v1/orders.csv?status=placed"),
    Step("GET /api/v1/orders/{{order_id}}"),
    Step("GET /api/v1/orders/{{order_id}}/events"),
    Step("POST /api/v1/orders/abandon", CUSTOMER, Shown({"idempotency_key": "{{$guid}}"})),
    Step(
        "POST /api/v1/orders/{{order_id}}/payments", STAFF, Shown({"transaction_id": "{{$guid}}"})
    ),
    Step("GET /api/v1/orders/{{order_id}}/payments"),
    Step("GET /api/v1/refunds-due", STAFF),
    Step("GET /api/v1/products/{{product_id}}/ledger", STAFF),
    Step("GET /api/v1/audit?object=product:{{product_id}}", STAFF),
)

MOVES = (
    Step(
        "PATCH /api/v1/orders/{{order_id}}",
        CUSTOMER,
        OF_PRODUCT,
    ),
    Step(
        "POST /api/v1/orders/{{order_id}}/pack",
        STAFF,
        OF_PRODUCT,
        headers=KEY_OF_THIS_REQUEST,
    ),
    Step("POST /api/v1/orders/{{order_id}}/unpack", STAFF, Shown(), headers=KEY_OF_THIS_REQUEST),
    Step(
        "POST /api/v1/orders/{{order_id}}/pack",
        STAFF,
        OF_PRODUCT,
        headers=KEY_OF_THIS_REQUEST,
    ),
    Step("POST /api/v1/orders/{{order_id}}/ship", STAFF, Shown(), headers=KEY_OF_THIS_REQUEST),
    Step("POST /api/v1/orders/{{order_id}}/track", STAFF, Shown(), headers=KEY_OF_THIS_REQUEST),
    Step("POST /api/v1/orders/{{order_id}}/unship", STAFF, Shown(), headers=KEY_OF_THIS_REQUEST),
    Step("POST /api/v1/orders/{{order_id}}/ship", STAFF, Shown(), headers=KEY_OF_THIS_REQUEST),
    Step("POST /api/v1/orders/{{order_id}}/deliver", STAFF, Shown(), headers=KEY_OF_THIS_REQUEST),
    Step(
        "POST /api/v1/orders/{{order_id}}/return",
        STAFF,
        OF_PRODUCT,
        headers=KEY_OF_THIS_REQUEST,
    ),
    Step(
        "POST /api/v1/orders",
        CUSTOMER,
        {"lines": [{"product": "#{{product_id}}", "quantity": 1}], "payment": {"required": True}},
        {"order_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step("POST /api/v1/orders/{{order_id}}/confirm", STAFF, Shown(), headers=KEY_OF_THIS_REQUEST),
    Step(
        "POST /api/v1/orders",
        CUSTOMER,
        OF_PRODUCT,
        {"order_id": "id"},
        KEY_OF_THIS_REQUEST,
    ),
    Step(
        "POST /api/v1/orders/{{order_id}}/cancel",
        CUSTOMER,
        Shown(),
        headers=KEY_OF_THIS_REQUEST,
    ),
)

CART = (
    Step(
        "PUT /api/v1/cart",
        CUSTOMER,
        OF_PRODUCT,
    ),
    Step("PUT /api/v1/cart/lines/{{product_id}}", CUSTOMER, Shown()),
    Step("GET /api/v1/cart"),
    Step(
        "POST /api/v1/cart/submit",
        CUSTOMER,
        {"expected_total": "23.80", "note": "Ring twice."},
        headers=KEY_OF_THIS_REQUEST,
    ),
    Step("PUT /api/v1/cart/lines/{{product_id}}", CUSTOMER, {"quantity": 1}),
    Step("DELETE /api/v1/cart/lines/{{product_id}}"),
    Step("DELETE /api/v1/cart"),
)

GOOD_BYE = (
    Step("DELETE /api/v1/products/{{product_id}}", STAFF),
    Step("DELETE /api/v1/categories/{{category_id}}", STAFF),
    Step("POST /api/v1/auth/token/revoke", ANONYMOUS, Shown({"refresh": "{{refresh}}"})),
)

V1 = (*ACCOUNTS, *CATALOGUE, *CART, *ORDERS, *MOVES, *GOOD_BYE)
