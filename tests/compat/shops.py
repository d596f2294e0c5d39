"""The earlier contracts as a table: how each logs in, sells, shows stock, and what it takes in.

A test that means something for several of them is written once: `@of("1", "2", "3", "4")`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from larder.catalog import queries as catalog
from tests.compat.conftest import ApiClient
from tests.conftest import Person
from tests.server import Reply

Client = Callable[..., Reply]
Lines = Sequence[tuple[int, int]]
"""(product, quantity)."""
Request = Callable[..., Reply]
GOOD = "a rather good one"
"""A password."""
UNAVAILABLE = "Requested quantity is not available."


def order_1(client: Client, lines: Lines, id: str = "") -> Request:
    body = {"products": [{"id": product, "quantity": quantity} for product, quantity in lines]}
    return partial(client, "POST", f"/api/orders/{id or uuid4()}/", body)


def order_2(client: Client, lines: Lines) -> Request:
    ids = catalog.public_ids([product for product, _ in lines])
    items = [{"product": str(ids[product]), "quantity": number} for product, number in lines]
    return partial(client, "POST", "/api/orders/orders/", {"order_items": items})


def order_3(client: Client, lines: Lines) -> Request:
    body = {"products": [{"id": product, "quantity": quantity} for product, quantity in lines]}
    return partial(client, "POST", "/api/order/", body)


def order_4(client: Client, lines: Lines) -> Request:
    """The cart is filled now; the request submits it."""
    for product in [product for product, quantity in lines for _ in range(quantity)]:
        order = client("POST", f"/products/{product}/add_to_order/").body["order_id"]
    return partial(client, "POST", f"/orders/{order}/submit/")


@dataclass(frozen=True, slots=True)
class Contract:
    """What differs. In paths {product}, {customer}, {order} are numbers, {account} is a UUID."""

    name: str
    log_in: str
    """Takes a name and a password: in a body, and for contract 4 in a header."""
    wrong_password: int
    """The status of a refused log-in."""
    writes: str
    """A line for each write: by whom (anyone, a customer, staff), method, path."""
    actions: tuple[str, ...] = ()
    """POST by a customer, without a body."""
    lists: tuple[str, ...] = ()
    """GET by a customer."""
    details: tuple[str, ...] = ()
    """GET of one; a product is the first."""
    called: str = "username"
    """The field of a customer's name."""
    account: str = "/api/identity/customers/{customer}/"
    """Staff delete a customer's account here; some contracts borrow another's path."""
    product: str = "/api/catalog/products/{product}/"
    """Staff change and delete a product here."""
    stock: str = "quantity"
    """The field of a product's stock."""
    order: Callable[[Client, Lines], Request] = order_1
    """Prepares an order; the returned request places it."""
    line: tuple[str, str] = ("products", "id")
    """The field of the lines in an order's body, and that of the product in a line."""
    placed: int = 201
    sold_out: Callable[[int], Any] = lambda _: None
    """The body of the 400 for too little stock of a product."""
    new_product: dict[str, Any] = field(default_factory=dict)
    """The fields of a product that staff create."""
    has_carts: bool = False
    """A customer has one order at a time, which is filled before it is placed."""

    def __str__(self) -> str:
        return f"contract {self.name}"

    @property
    def ways_to_write(self) -> list[tuple[str, str, str]]:
        """By whom, method, path."""
        lines = [line.split() for line in self.writes.strip().splitlines()]
        return [(by, method, path) for by, method, path in lines]

    def credentials(self, who: Person, password: str = "") -> dict[str, str]:
        """The body of a log-in."""
        return {self.called: who.customer.username, "password": password or who.password}

    def registration(self, name: str, number: int = 0) -> tuple[str, dict[str, str]]:
        """Path and body; the number makes a separate address. For contracts 2 and 3."""
        if self.name == "3":
            return "/api/register/", {"name": name, "password": GOOD}
        body = {"username": name, "email": f"{number}@example.org"}
        return "/api/identity/register/", body | dict.fromkeys(("password", "password2"), GOOD)


_ALL = (
    Contract(
        name="0",
        log_in="/auth/",
        wrong_password=400,
        writes="anyone POST /auth/",
    ),
    Contract(
        name="1",
        log_in="/api/token/",
        wrong_password=401,
        writes="""
            anyone POST /api/token/
            anyone POST /api/token/refresh/
            customer POST /api/orders/4b6f0ccc-9fc4-48eb-9f1b-23f7aa8e99e2/
        """,
        lists=("/api/products/", "/api/orders/"),
        details=("/api/products/{product}/", "/api/orders/{order}/"),
        sold_out=lambda product: {"detail": f"Not enough stock of product {product}."},
    ),
    Contract(
        name="2",
        log_in="/api/identity/token/",
        wrong_password=401,
        writes="""
            anyone POST /api/identity/register/
            anyone POST /api/identity/token/
            anyone POST /api/identity/token/refresh/
            anyone POST /api/identity/token/verify/
            staff POST /api/identity/customers/
            customer PUT /api/identity/customers/{customer}/
            customer PATCH /api/identity/customers/{customer}/
            staff POST /api/catalog/products/
            staff PUT /api/catalog/products/{product}/
            staff PATCH /api/catalog/products/{product}/
            staff POST /api/catalog/products/{product}/ship/
            customer POST /api/orders/orders/
        """,
        lists=("/api/catalog/products/", "/api/orders/orders/", "/api/identity/customers/"),
        details=(
            "/api/catalog/products/{product}/",
            "/api/orders/orders/{order}/",
            "/api/identity/customers/{customer}/",
        ),
        order=order_2,
        line=("order_items", "product"),
        sold_out=lambda _: {"error": UNAVAILABLE},
        new_product={"name": "Jam", "price": "11.11", "quantity": 10, "description": ""},
    ),
    Contract(
        name="3",
        log_in="/api/token/",
        wrong_password=401,
        writes="""
            anyone POST /api/register/
            anyone POST /api/token/
            anyone POST /api/token/refresh/
            customer PUT /api/user/{account}
            customer PATCH /api/user/{account}
            staff POST /api/product/
            staff PUT /api/product/{product}
            staff PATCH /api/product/{product}
            customer POST /api/order/
        """,
        lists=("/api/product/", "/api/order/"),
        details=("/api/product/{product}", "/api/user/{account}"),
        called="name",
        account="/api/user/{account}",
        product="/api/product/{product}",
        stock="stock",
        order=order_3,
        sold_out=lambda product: {"detail": f"Not enough stock of product {product}."},
        new_product={"name": "Jam", "price": "11.11", "stock": 10},
    ),
    Contract(
        name="4",
        log_in="/token/",
        wrong_password=401,
        writes="""
            staff POST /products/
            staff PUT /products/{product}/
            staff PATCH /products/{product}/
        """,
        actions=(
            "/products/{product}/add_to_order/",
            "/products/{product}/remove_from_order/",
            "/orders/{order}/submit/",
        ),
        lists=("/products/", "/orders/", "/orders/current/"),
        details=("/products/{product}/", "/orders/{order}/"),
        account="/api/user/{account}",
        product="/products/{product}/",
        stock="quantity_in_stock",
        order=order_4,
        placed=200,
        sold_out=lambda product: [
            f"Not enough stock of product {product}. Remove or lower the quantity."
        ],
        new_product={"name": "Jam", "price": "11.11", "quantity_in_stock": 10},
        has_carts=True,
    ),
)
CONTRACTS = {contract.name: contract for contract in _ALL}


def of(*names: str) -> pytest.MarkDecorator:
    """Runs a test for each of these contracts, as its `contract`."""
    return pytest.mark.parametrize("contract", [CONTRACTS[name] for name in names], ids=str)


def place_in_v1(client: ApiClient, product: int) -> Reply:
    return client("POST", "/api/v1/orders", {"lines": [{"product": product, "quantity": 2}]})


def place_in(contract: Contract) -> Callable[[ApiClient, int], Reply]:
    return lambda client, product: contract.order(client, [(product, 2)])()


PLACES: dict[str, Callable[[ApiClient, int], Reply]] = {
    "v1": place_in_v1,
    **{str(CONTRACTS[name]): place_in(CONTRACTS[name]) for name in "1234"},
}
