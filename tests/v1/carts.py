"""Fills carts, and reads the answers."""

from tests.conftest import Answer, Api


def put(api: Api, *lines: tuple[int, int], **headers: str) -> Answer:
    body = {"lines": [{"product": id, "quantity": units} for id, units in lines]}
    return api("PUT", "cart", body, **headers)


def units(answer: Answer) -> list[tuple[int, int]]:
    assert answer.status == 200, answer.body
    return [(line["product"], line["quantity"]) for line in answer.body["lines"]]


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]
