"""Places orders, and reads refusals."""

from typing import Any

from tests.conftest import Answer, Api


def place(
    api: Api, *lines: tuple[int, int], headers: dict[str, str] | None = None, **rest: Any
) -> Answer:
    body = {"lines": [{"product": id, "quantity": units} for id, units in lines], **rest}
    return api("POST", "orders", body, **(headers or {}))


def faulty(answer: Answer) -> list[tuple[str, int]]:
    return [(line["code"], line["product"]) for line in answer.body["lines"]]
