"""Changes orders, and reads their lines."""

from typing import Any

from tests.conftest import Answer, Api


def change(api: Api, order: Answer, *lines: tuple[int, int], **rest: Any) -> Answer:
    headers = {name: rest.pop(name) for name in ("If_Match",) if name in rest}
    if lines:
        rest["lines"] = [{"product": id, "quantity": units} for id, units in lines]
    return api("PATCH", f"orders/{order.body['id']}", rest, **headers)


def units(order: Answer) -> list[tuple[int, int, str]]:
    return [(line["product"], line["quantity"], line["unit_price"]) for line in order.body["lines"]]
