"""The order of the earlier contracts' operations; each contract logs in by itself.

PLANS are the plans of all documents, by the document's name.
"""

from tools.clients.plan_v1 import V1
from tools.clients.step import (
    ANONYMOUS,
    CUSTOMER,
    GUEST,
    KEY,
    PASSWORD,
    STAFF,
    STAFF_KEY,
    STAFF_PASSWORD,
    Step,
)

CREDENTIALS = {"username": "{{username}}", "password": "{{password}}"}
STAFF_CREDENTIALS = {"username": "{{staff_username}}", "password": "{{staff_password}}"}
BOTH_TOKENS = {"access": "access", "refresh": "refresh"}

CONTRACT_0 = (Step("POST /auth/", ANONYMOUS, CREDENTIALS, {"key": "token"}),)

CONTRACT_1 = (
    Step("POST /api/token/", ANONYMOUS, CREDENTIALS, BOTH_TOKENS),
    Step("POST /api/token/refresh/", ANONYMOUS, {"refresh": "{{refresh}}"}, {"access": "access"}),
    Step("GET /api/products/?page=1", CUSTOMER, keeps={"product_id": "results.0.id"}),
    Step("GET /api/products/{{product_id}}/"),
    Step(
        "POST /api/orders/{{$guid}}/",
        CUSTOMER,
        {"products": [{"id": "#{{product_id}}", "quantity": 1}]},
        {"order_id": "id"},
    ),
    Step("GET /api/orders/{{order_id}}/"),
    Step("GET /api/orders/?page=1"),
)

CONTRACT_2 = (
    Step(
        "POST /api/identity/register/",
        ANONYMOUS,
        {
            "username": "guest {{$guid}}",
            "email": "{{$guid}}@example.com",
            "password": "{{guest_password}}",
            "password2": "{{guest_password}}",
        },
        {"guest_username": "username"},
    ),
    Step("POST /api/identity/token/", ANONYMOUS, CREDENTIALS, BOTH_TOKENS),
    Step("POST /api/identity/token/", ANONYMOUS, STAFF_CREDENTIALS, {"staff_access": "access"}),
    Step("POST /api/identity/token/refresh/", ANONYMOUS, {"refresh": "{{refresh}}"}, BOTH_TOKENS),
    Step("POST /api/identity/token/verify/", ANONYMOUS, {"token": "{{access}}"}),
    Step("GET /api/"),
    Step("GET /api/identity/"),
    Step("GET /api/catalog/"),
    Step("GET /api/orders/"),
    Step("GET /api/identity/customers/?limit=5&offset=0", STAFF),
    Step(
        "POST /api/identity/customers/",
        STAFF,
        {"username": "customer {{$guid}}", "email": "{{$guid}}@example.com"},
        {"customer_id": "id"},
    ),
    Step("GET /api/identity/customers/{{customer_id}}/", STAFF),
    Step(
        "PUT /api/identity/customers/{{customer_id}}/",
        STAFF,
        {"username": "renamed {{$guid}}", "first_name": "Ada"},
    ),
    Step("PATCH /api/identity/customers/{{customer_id}}/", STAFF, {"last_name": "King"}),
    Step("DELETE /api/identity/customers/{{customer_id}}/", STAFF),
    Step("GET /api/catalog/products/?limit=5&offset=0"),
    Step(
        "POST /api/catalog/products/",
        STAFF,
        {"name": "Tea", "description": "Loose leaves.", "price": "100.00", "quantity": 20},
        {"product_id": "id", "product_public_id": "public_id"},
    ),
    Step("GET /api/catalog/products/{{product_id}}/"),
    Step(
        "PUT /api/catalog/products/{{product_id}}/",
        STAFF,
        {"name": "Green tea", "description": "Loose leaves.", "price": "90.00"},
    ),
    Step("PATCH /api/catalog/products/{{product_id}}/", STAFF, {"quantity": 30}),
    Step("POST /api/catalog/products/{{product_id}}/ship/", STAFF, {"quantity": 2}),
    Step(
        "POST /api/orders/orders/",
        CUSTOMER,
        {"order_items": [{"product": "{{product_public_id}}", "quantity": 3}]},
        {"order_number": "id"},
    ),
    Step("GET /api/orders/orders/?limit=5&offset=0"),
    Step("GET /api/orders/orders/{{order_number}}/"),
    Step("DELETE /api/catalog/products/{{product_id}}/", STAFF),
)

# Registering here answers nothing: the newest user of all is who has just come. Before that, the
# newest one's id makes a name that no account has yet.
GUEST_CREDENTIALS = {"name": "guest after {{newest_user}}", "password": "{{guest_password}}"}

CONTRACT_3 = (
    Step(
        "POST /api/token/",
        ANONYMOUS,
        {"name": "{{staff_username}}", "password": "{{staff_password}}"},
        {"staff_access": "access", "refresh": "refresh"},
    ),
    Step(
        "POST /api/token/refresh/",
        ANONYMOUS,
        {"refresh": "{{refresh}}"},
        {"staff_access": "access"},
    ),
    Step("GET /api/user/", STAFF, keeps={"newest_user": "users.-1.id"}),
    Step("POST /api/register/", ANONYMOUS, GUEST_CREDENTIALS),
    Step("POST /api/token/", ANONYMOUS, GUEST_CREDENTIALS, {"guest_access": "access"}),
    Step("GET /api/user/", STAFF, keeps={"guest_id": "users.-1.id"}),
    Step("GET /api/user/{{guest_id}}", GUEST),
    Step("PUT /api/user/{{guest_id}}", GUEST, {"name": "renamed {{guest_id}}"}),
    Step("PATCH /api/user/{{guest_id}}", GUEST, {"name": "guest {{guest_id}}"}),
    Step(
        "POST /api/product/",
        STAFF,
        {"name": "Jam {{$guid}}", "price": "2.200", "stock": 20},
        {"product_id": "id", "product_name": "name"},
    ),
    Step("GET /api/product/?keyword=jam&max_price=5&limit=5&offset=0", GUEST),
    Step("GET /api/product/{{product_id}}", GUEST),
    Step("PUT /api/product/{{product_id}}", STAFF, {"name": "{{product_name}}", "price": "2.400"}),
    Step("PATCH /api/product/{{product_id}}", STAFF, {"stock": 30}),
    Step("POST /api/order/", GUEST, {"products": [{"id": "#{{product_id}}", "quantity": 3}]}),
    Step("GET /api/order/?limit=5&offset=0", GUEST),
    Step("DELETE /api/product/{{product_id}}", STAFF),
    Step("DELETE /api/user/{{guest_id}}", GUEST),
)

CONTRACT_4 = (
    Step("GET /token/", PASSWORD, keeps={"key": "token"}),
    Step("GET /token/", STAFF_PASSWORD, keeps={"staff_key": "token"}),
    Step(
        "POST /products/",
        STAFF_KEY,
        {"name": "Honey", "price": "11.11", "quantity_in_stock": 20},
        {"product_id": "id"},
    ),
    Step("GET /products/", KEY),
    Step("GET /products/{{product_id}}/", KEY),
    Step(
        "PUT /products/{{product_id}}/",
        STAFF_KEY,
        {"name": "Forest honey", "price": "12.50", "quantity_in_stock": 20},
    ),
    Step("PATCH /products/{{product_id}}/", STAFF_KEY, {"price": "11.90"}),
    Step("GET /orders/current/", KEY, keeps={"order_number": "id"}),
    Step("POST /products/{{product_id}}/add_to_order/", KEY),
    Step("POST /products/{{product_id}}/add_to_order/", KEY),
    Step("POST /products/{{product_id}}/remove_from_order/", KEY),
    Step("POST /orders/{{order_number}}/submit/", KEY),
    Step("GET /orders/{{order_number}}/", KEY),
    Step("GET /orders/", KEY),
    Step("DELETE /products/{{product_id}}/", STAFF_KEY),
)

PLANS = {
    "v1": V1,
    "contract0": CONTRACT_0,
    "contract1": CONTRACT_1,
    "contract2": CONTRACT_2,
    "contract3": CONTRACT_3,
    "contract4": CONTRACT_4,
}
