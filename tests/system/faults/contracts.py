"""Orders of the earlier contracts, to be sent and sent again."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from larder.core.ids import new_id
from tests.server import Reply
from tests.system.faults.proxied_shop import ProxiedShop as Shop
from tests.system.faults.shop import PASSWORD

Send = Callable[[], Reply]


@dataclass(frozen=True, slots=True)
class Contract:
    """How a contract places an order: `prepare` returns what sends it, `status` is that of a placed
    one, and of a repeat `again`. `repeatable`: a repeat has no second effect."""

    prepare: Callable[[Shop], Send]
    status: int = 201
    again: int = 201
    repeatable: bool = False


def by_id(shop: Shop) -> Send:
    """Contract 1: the client chooses the id."""
    path, body = f"/api/orders/{new_id()}/", {"products": [{"id": shop.product, "quantity": 1}]}
    return lambda: shop.call("POST", path, body)


def by_public_id(shop: Shop) -> Send:
    """Contract 2: by the public id of the product."""
    product = shop.call("GET", f"products/{shop.product}").body["public_id"]
    body = {"order_items": [{"product": product, "quantity": 1}]}
    return lambda: shop.call("POST", "/api/orders/orders/", body)


def by_product(shop: Shop) -> Send:
    """Contract 3: by the product's id, without an id of the order's."""
    body = {"products": [{"id": shop.product, "quantity": 1}]}
    return lambda: shop.call("POST", "/api/order/", body)


def by_number(shop: Shop) -> Send:
    """Contract 4: the open order is submitted."""
    added = shop.call("POST", f"/products/{shop.product}/add_to_order/")
    return lambda: shop.call("POST", f"/orders/{added.body['order_id']}/submit/")


CONTRACTS = {
    "1": Contract(by_id, again=200, repeatable=True),
    "2": Contract(by_public_id),
    "3": Contract(by_product),
    "4": Contract(by_number, status=200, again=400, repeatable=True),
}


def new_account() -> dict[str, Any]:
    return {"username": f"new{secrets.token_hex(4)}", "password": PASSWORD}


def make_key(shop: Shop) -> Send:
    """Contract 0: the key of a new account, which is made once."""
    account = new_account()
    assert shop.server.call("POST", "auth/register", account).status == 201
    return lambda: shop.server.call("POST", "/auth/", account)
