"""Each operation of v1 answers as the OpenAPI document says."""

from collections.abc import Callable
from typing import Any

from tests.conftest import Answer, Api, Person
from tests.http.document import operations
from tests.http.log_ins import of_log_ins
from tests.relay.browser import Browser


def manage_webhooks(owner: Api) -> dict[str, Answer]:
    """The answers about a webhook."""
    body = {"url": "https://shop.example/events", "events": ["order.placed"]}
    made = owner("POST", "webhooks", body)
    place = made.headers["Location"]
    answers = {
        "create_webhook": made,
        "list_webhooks": owner("GET", "webhooks"),
        "get_webhook": owner("GET", place),
        "change_webhook": owner("PATCH", place, {"name": "Till"}),
        "rotate_webhook_secret": owner("POST", f"{place}/rotate"),
        "test_webhook": owner("POST", f"{place}/test"),
        "resend_to_webhook": owner("POST", f"{place}/resend", {"products": [1]}),
        "recover_webhook": owner("POST", f"{place}/recover", {"since": "2026-01-02T03:04:05Z"}),
    }
    listed = answers["list_webhook_deliveries"] = owner("GET", f"{place}/deliveries")
    delivery = listed.body["results"][0]["id"]
    answers["redeliver"] = owner("POST", f"{place}/deliveries/{delivery}/redeliver")
    answers["delete_webhook"] = owner("DELETE", place)
    return answers


def record_payments(staff: Api, order: Answer) -> dict[str, Answer]:
    """A payment that is too much."""
    path = f"orders/{order.body['id']}/payments"
    body = {"provider": "cash", "kind": "captured", "transaction_id": "T-1", "currency": "GBP"}
    return {
        "record_payment": staff("POST", path, {**body, "amount": 10**6}),
        "list_payments": staff("GET", path),
        "list_refunds_due": staff("GET", "refunds-due"),
    }


def move_orders(staff: Api, order: dict[str, Any]) -> dict[str, Answer]:
    """Moves one order through all statuses and cancels another."""
    path, other = (staff("POST", "orders", order).headers["Location"] for _ in range(2))
    lines = [{"product": order["lines"][0]["product"], "quantity": 1}]
    answers = {"change_order": staff("PATCH", path, {"note": "Ring twice."})}
    for move in ("pack", "ship"):
        answers[f"{move}_order"] = staff("POST", f"{path}/{move}")
    answers["deliver_order"] = staff("POST", f"{path}/deliver")
    staff("POST", f"{other}/pack")
    staff("POST", f"{other}/ship")
    tracked = {"carrier": "Royal Mail", "tracking_number": "AB123456785GB"}
    answers["track_order"] = staff("POST", f"{other}/track", tracked)
    for move in ("unship", "unpack"):
        answers[f"{move}_order"] = staff("POST", f"{other}/{move}")
    back = {"lines": lines, "reason": "Broken."}
    answers["return_order"] = staff("POST", f"{path}/return", back)
    answers["cancel_order"] = staff("POST", f"{other}/cancel")
    return answers


def fill_cart(staff: Api, jam: int) -> dict[str, Answer]:
    """A cart that is submitted, and another one that is not."""
    answers = dict[str, Answer]()
    line = {"product": jam, "quantity": 1}
    answers["put_cart"] = staff("PUT", "cart", {"lines": [line]})
    answers["get_cart"] = staff("GET", "cart")
    answers["submit_cart"] = staff("POST", "cart/submit", {"note": "Ring twice."})
    path = answers["submit_cart"].headers["Location"]
    answers["reorder"] = staff("POST", f"{path}/reorder")
    answers["put_cart_line"] = staff("PUT", f"cart/lines/{jam}", {"quantity": 1})
    answers["delete_cart_line"] = staff("DELETE", f"cart/lines/{jam}")
    answers["delete_cart"] = staff("DELETE", "cart")
    return answers


def of_devices(api: Api, product: int) -> dict[str, Answer]:
    """Answers of the operations on devices and watched products."""
    browser = {"kind": "webpush", "address": "https://push.example.com/1", "keys": Browser().keys}
    registered = api("POST", "me/devices", browser)
    return {
        "register_device": registered,
        "list_devices": api("GET", "me/devices"),
        "delete_device": api("DELETE", f"me/devices/{registered.body['id']}"),
        "watch_product": api("PUT", f"me/watches/{product}"),
        "list_watches": api("GET", "me/watches"),
        "unwatch_product": api("DELETE", f"me/watches/{product}"),
    }


def of_addresses(api: Api) -> dict[str, Answer]:
    """An address is added, read, changed and deleted."""
    added = api("POST", "me/addresses", {"label": "Home"})
    path = added.headers["Location"]
    return {
        "add_address": added,
        "list_addresses": api("GET", "me/addresses"),
        "get_address": api("GET", path),
        "change_address": api("PATCH", path, {"city": "Bath"}),
        "delete_address": api("DELETE", path),
    }


def fill_shelves(staff: Api) -> dict[str, Answer]:
    """A category, and products by each way there is."""
    answers = {"create_category": staff("POST", "categories", {"name": "Jams"})}
    shelf = answers["create_category"].headers["Location"]
    answers["list_categories"] = staff("GET", "categories")
    answers["get_category"] = staff("GET", shelf)
    answers["change_category"] = staff("PATCH", shelf, {"name": "Jam"})
    answers["delete_category"] = staff("DELETE", shelf)
    tea = {"sku": "TEA", "name": "Tea", "price": "1", "quantity": 5}
    answers["create_product"] = staff("POST", "products", tea)
    oats = {"name": "Oats", "price": "2"}
    answers["put_product"] = staff("PUT", "products/by-sku/OATS", oats)
    file = b"sku,name,price\nMALT,Malt,3\n"
    answers["import_products"] = staff("POST", "products/import", file, content_type="text/csv")
    answers["list_product_changes"] = staff("GET", "products/changes")
    return answers


ADA = {"username": "Ada", "password": "difference engine", "email": "ada@example.com"}


def test_each_operation_answers_as_documented(
    api: Api,
    staff: Api,
    as_: Callable[[Person], Api],
    person: Callable[..., Person],
    product: Callable[..., int],
) -> None:
    """The client of these tests holds each answer against the document; here each operation
    succeeds once."""
    jam, answers = product(sku="JAM"), dict[str, Answer]()
    who = person()
    answers |= of_log_ins(api, ADA)
    answers["get_me"] = staff("GET", "me")
    answers["change_me"] = staff("PATCH", "me", {"first_name": "Grace"})
    answers |= of_addresses(staff)
    answers |= of_devices(staff, jam)
    key = answers["create_key"] = staff("POST", "auth/keys", {"name": "Till"})
    answers["list_keys"] = staff("GET", "auth/keys")
    answers["delete_key"] = staff("DELETE", f"auth/keys/{key.body['id']}")
    answers |= fill_shelves(staff)
    answers["list_products"] = staff("GET", "products?count=true")
    answers["get_product"] = staff("GET", f"products/{jam}")
    answers["change_product"] = staff("PATCH", f"products/{jam}", {"max_per_order": 9})
    answers["get_stock"] = staff("GET", f"stock?products={jam}")
    line = {"sku": "JAM", "delta": 1}
    answers["adjust_stock"] = staff(
        "POST", "stock/adjustments", {"reason": "received", "lines": [line]}
    )
    answers["get_ledger"] = staff("GET", f"products/{jam}/ledger")
    order = {
        "customer": who.id,
        "lines": [{"product": jam, "quantity": 1}],
        "ship_to": {"city": "London"},
    }
    placed = answers["place_order"] = staff("POST", "orders", order)
    answers["list_orders"] = staff("GET", f"orders?customer={who.id}&count=true")
    answers["export_orders"] = staff("GET", f"orders.csv?customer={who.id}")
    answers["get_order"] = staff("GET", placed.headers["Location"])
    answers["abandon_order"] = staff("POST", "orders/abandon", {"id": placed.body["id"]})
    answers["list_order_events"] = staff("GET", f"{placed.headers['Location']}/events")
    answers |= move_orders(staff, order)
    answers |= fill_cart(staff, jam)
    answers["list_order_changes"] = staff("GET", "orders/changes")
    owner = as_(person(is_staff=True, role="owner"))
    answers |= record_payments(owner, placed)
    answers["stream_events"] = owner("HEAD", "events/stream")
    answers |= manage_webhooks(owner)
    answers["list_audit_entries"] = owner("GET", f"audit?object=product:{jam}")
    held = staff("POST", "orders", {**order, "payment": {"required": True}}).headers["Location"]
    answers["confirm_order"] = owner("POST", f"{held}/confirm")
    answers["archive_product"] = staff("DELETE", f"products/{jam}")
    answers["delete_me"] = staff("DELETE", "me")
    assert {name: reply.status for name, reply in answers.items() if reply.status >= 300} == {}
    assert answers.keys() == {operation.name for operation in operations()}
    assert all(
        answer.body["results"]
        for answer in answers.values()
        if isinstance(answer.body, dict) and "results" in answer.body
    )
