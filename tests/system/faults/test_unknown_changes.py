"""The answer to the commit of a change is lost, and a repeat could overwrite a later change.

A repeat is advised only if it cannot do so.
"""

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.server import Reply
from tests.system.faults.proxied_shop import ProxiedShop as Shop
from tests.system.faults.proxied_shop import assert_unknown
from tools.wire import Loss

STOCK: dict[str, tuple[str, dict[str, Any]]] = {
    "2": ("/api/catalog/products/{}/", {"quantity": 10}),
    "3": ("/api/product/{}", {"stock": 10}),
    "4": ("/products/{}/", {"quantity_in_stock": 10}),
}
"""How a contract sets the stock of a product to 10 units."""


def staff(shop: Shop, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return shop.server.call(method, path, body, token=shop.staff_token, headers=named)


def add_product(shop: Shop) -> dict[str, Any]:
    tea = {"sku": secrets.token_hex(4), "name": f"Tea {secrets.token_hex(4)}", "price": "3.00"}
    added: dict[str, Any] = staff(shop, "POST", "products", tea | {"quantity": 4}).body
    return added


@pytest.mark.parametrize(
    ("method", "loss"), [("PUT", Loss.ANSWER), ("PATCH", Loss.ANSWER), ("PATCH", Loss.AFTER)]
)
@pytest.mark.parametrize("contract", STOCK)
def test_an_unknown_change_of_stock_does_not_advise_a_repeat(
    proxied: Shop, contract: str, method: str, loss: Loss
) -> None:
    """A repeat would offer again what customers have bought since."""
    product, (path, stock) = add_product(proxied), STOCK[contract]
    body = {"name": product["name"], "description": "", "price": "3.00", **stock}
    proxied.wire.lose(loss)
    assert_unknown(staff(proxied, method, path.format(product["id"]), body), repeatable=False)


NONE: dict[str, str] = {}
ANY_VERSION = {"If_Match": "*"}
THIS_VERSION = {"If_Match": "{etag}"}
IF_ABSENT = {"If_None_Match": "*"}
CHANGES: dict[str, tuple[str, str, Any, dict[str, str]]] = {
    "a product": ("PATCH", "products/{id}", {"price": "4.00"}, NONE),
    "any version": ("PATCH", "products/{id}", {"price": "4.00"}, ANY_VERSION),
    "this version": ("PATCH", "products/{id}", {"price": "4.00"}, THIS_VERSION),
    "a whole product": ("PUT", "products/by-sku/{sku}", {"name": "B", "price": "4.00"}, NONE),
    "this whole": ("PUT", "products/by-sku/{sku}", {"name": "B", "price": "4.00"}, THIS_VERSION),
    "a new one": ("PUT", "products/by-sku/{sku}-2", {"name": "B", "price": "4.00"}, IF_ABSENT),
    "an archived one": ("DELETE", "products/{id}", None, NONE),
    "this archived": ("DELETE", "products/{id}", None, THIS_VERSION),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_unknown_product_change_advises_a_repeat_only_with_a_precondition(
    proxied: Shop, name: str
) -> None:
    method, path, body, headers = CHANGES[name]
    product = add_product(proxied)
    etag = staff(proxied, "GET", f"products/{product['id']}").headers["etag"]
    sent = {name: value.format(etag=etag) for name, value in headers.items()}
    proxied.wire.lose(Loss.ANSWER)
    reply = staff(proxied, method, path.format(**product), body, **sent)
    assert_unknown(reply, repeatable=headers in (THIS_VERSION, IF_ABSENT))


@pytest.mark.parametrize("is_named", [False, True])
def test_an_unknown_order_change_advises_a_repeat_if_it_names_the_version(
    proxied: Shop, *, is_named: bool
) -> None:
    """Staff can change the order in between."""
    placed = proxied.order()
    path, headers = f"orders/{placed.body['id']}", {"If-Match": placed.headers["etag"]}
    proxied.wire.lose(Loss.ANSWER)
    reply = proxied.call("PATCH", path, {"note": "Ring."}, headers=headers if is_named else None)
    assert_unknown(reply, repeatable=is_named)


def test_an_unknown_move_with_a_version_advises_a_repeat(proxied: Shop) -> None:
    placed = proxied.order()
    path, headers = f"orders/{placed.body['id']}/cancel", {"If-Match": placed.headers["etag"]}
    proxied.wire.lose(Loss.ANSWER)
    assert_unknown(proxied.call("POST", path, {}, headers=headers), repeatable=True)
    assert proxied.call("POST", path, {}, headers=headers).status == 200


@pytest.mark.parametrize("is_named", [False, True])
def test_an_unknown_category_change_advises_a_repeat_if_it_names_the_version(
    proxied: Shop, *, is_named: bool
) -> None:
    made = staff(proxied, "POST", "categories", {"name": secrets.token_hex(4)})
    headers = {"If_Match": made.headers["etag"]} if is_named else {}
    proxied.wire.lose(Loss.ANSWER)
    reply = staff(proxied, "PATCH", f"categories/{made.body['id']}", {"name": "B"}, **headers)
    assert_unknown(reply, repeatable=is_named)


def send_return(shop: Shop) -> Reply:
    order = shop.order().body["id"]
    for move in ("pack", "ship"):
        staff(shop, "POST", f"orders/{order}/{move}", {})
    body = {"reason": "Broken", "lines": [{"product": shop.product, "quantity": 1}]}
    shop.wire.lose(Loss.AFTER)
    return staff(shop, "POST", f"orders/{order}/return", body)


def send_adjustment(shop: Shop) -> Reply:
    lines = [{"product": shop.product, "counted": 2_000_000}]
    shop.wire.lose(Loss.AFTER)
    return staff(shop, "POST", "stock/adjustments", {"reason": "counted", "lines": lines})


def send_product(path: str, stock: str) -> Callable[[Shop], Reply]:
    def send(shop: Shop) -> Reply:
        name = secrets.token_hex(4)
        more = {"sku": name} if path == "products" else {"description": ""}
        shop.wire.lose(Loss.AFTER)
        return staff(shop, "POST", path, {"name": name, "price": "3.00", stock: 9, **more})

    return send


@pytest.mark.parametrize(
    "send",
    [
        send_return,
        send_adjustment,
        send_product("products", "quantity"),
        send_product("/api/catalog/products/", "quantity"),
        send_product("/products/", "quantity_in_stock"),
    ],
    ids=["return", "adjustment", "product", "product of 2", "product of 4"],
)
def test_an_unknown_post_without_a_key_does_not_advise_a_repeat(
    proxied: Shop, send: Callable[[Shop], Reply]
) -> None:
    """What the answer shows cannot be read after the commit."""
    assert_unknown(send(proxied), repeatable=False)


@pytest.mark.parametrize("sent", ["", "*", "this version"])
def test_the_detail_warns_if_a_repeat_may_overwrite_another_change(
    proxied: Shop, sent: str
) -> None:
    path, body = f"cart/lines/{proxied.product}", {"quantity": secrets.randbelow(1000) + 1}
    etag = proxied.call("PUT", path, body).headers["etag"]
    headers = {"If-Match": etag if sent == "this version" else sent} if sent else {}
    proxied.wire.lose(Loss.ANSWER)
    reply = proxied.call("DELETE", "cart", headers=headers)
    assert_unknown(reply, repeatable=True)
    is_named = "another device of the same customer" in reply.body["detail"]
    assert is_named is (sent != "this version")
    assert ("it has no second effect" in reply.body["detail"]) is not is_named
