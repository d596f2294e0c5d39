"""The requests of a load."""

import json
import random
from itertools import islice
from typing import Any

from benchmarks.loads import MIX
from benchmarks.traffic import Details, Holds, LogIns, Mixed, Orders, Page, Traffic, request

PRODUCTS = range(1, 1001)


def body(raw: bytes) -> dict[str, Any]:
    head, _, content = raw.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
    parsed: dict[str, Any] = json.loads(content)
    return parsed


def test_an_order_has_three_different_products_with_quantities() -> None:
    for sent in islice(Orders(["token"], PRODUCTS, "W").requests(0), 200):
        lines = body(sent.raw)["lines"]
        assert len({line["product"] for line in lines}) == 3
        assert sum(line["quantity"] for line in lines) == sent.units


def test_a_hot_product_is_in_every_order_once() -> None:
    for sent in islice(Orders(["token"], PRODUCTS, "H", hot=7).requests(0), 200):
        assert [line["product"] for line in body(sent.raw)["lines"]].count(7) == 1


def test_no_key_is_used_twice_in_all_processes() -> None:
    keys = [
        line
        for part in range(2)
        for sent in islice(Orders(["t"], PRODUCTS, "K0", keyed=True).requests(part), 100)
        for line in sent.raw.decode().split("\r\n")
        if line.startswith("Idempotency-Key")
    ]
    assert len(set(keys)) == len(keys) == 200


def test_orders_without_keys_have_no_key_header() -> None:
    assert b"Idempotency-Key" not in next(Orders(["t"], PRODUCTS, "W").requests(0)).raw


def test_each_hold_is_confirmed_once_by_the_cashier() -> None:
    requests = Holds(Orders(["t"], PRODUCTS, "P"), "cashier").requests(0)
    sent = [one.raw for one in islice(requests, 1000)]
    confirmed = [raw.split()[1].decode() for raw in sent if b"/confirm" in raw]
    held = [body(raw)["id"] for raw in sent if b"hold_seconds" in raw]
    assert len(confirmed) + len(held) == 1000
    assert confirmed == [f"/api/v1/orders/{id}/confirm" for id in held[: len(confirmed)]]
    assert all((b"Bearer cashier" in raw) == (b"/confirm" in raw) for raw in sent)


def test_every_product_is_ordered_about_as_often() -> None:
    orders, chance = Orders(["t"], range(10), "W"), random.Random(1)  # noqa: S311
    found = [product for _ in range(5000) for product in orders.quantities(chance)]
    assert all(1200 < found.count(product) < 1800 for product in range(10))


def test_pages_use_the_tokens_in_turn() -> None:
    raws = [sent.raw for sent in islice(Page("/x", ["one", "two"]).requests(0), 3)]
    assert b"Bearer one" in raws[0]
    assert b"Bearer two" in raws[1]
    assert raws[2] == raws[0]


def test_a_page_without_tokens_sends_no_credentials() -> None:
    raw = next(Page("/x", etag='"1-2"').requests(0)).raw
    assert b"Authorization" not in raw
    assert b'If-None-Match: "1-2"\r\n' in raw


def test_log_ins_use_the_customers_in_turn() -> None:
    raws = [sent.raw for sent in islice(LogIns(["ann", "bob"], "secret").requests(0), 2)]
    assert [body(raw)["username"] for raw in raws] == ["ann", "bob"]


def test_each_kind_of_mixed_requests_has_exactly_its_share() -> None:
    pages, orders = Page("/list", ["token"]), Orders(["token"], PRODUCTS, "M")
    kinds: list[Traffic] = [pages, orders, Page("/history", ["token"])]
    hand = list(zip(MIX, kinds, strict=True))
    sent = list(islice(Mixed(hand, "M").requests(0), 1000))
    assert sum(one.raw.startswith(b"GET /list ") for one in sent) == 900
    assert sum(one.raw.startswith(b"POST ") for one in sent) == 80
    assert sum(one.raw.startswith(b"GET /history ") for one in sent) == 20
    assert {one.status for one in sent if one.units} == {201}
    assert {one.status for one in sent if not one.units} == {200}


def test_mixed_requests_have_another_order_in_each_round_and_process() -> None:
    hand = [(3, Page("/a")), (3, Page("/b"))]

    def paths(part: int) -> str:
        sent = islice(Mixed(hand, "M").requests(part), 48)
        return "".join(chr(one.raw[5]) for one in sent)

    assert paths(0) != paths(1)
    assert len({paths(0)[place : place + 6] for place in range(0, 48, 6)}) > 1
    assert paths(0) == paths(0)


def test_details_are_of_any_product_for_any_customer() -> None:
    sent = list(islice(Details(["one", "two"], range(1, 11), "D").requests(0), 300))
    asked = {one.raw.split(b" ", 2)[1] for one in sent}
    assert asked == {f"/api/v1/products/{number}".encode() for number in range(1, 11)}
    assert {b"Bearer one" in one.raw for one in sent} == {True, False}


def test_every_request_has_one_expected_answer() -> None:
    assert next(Page("/", etag='"1"', status=304).requests(0)).status == 304
    assert next(Orders(["t"], PRODUCTS, "W").requests(0)).status == 201
    assert next(LogIns(["ann"], "secret").requests(0)).status == 200


def test_a_request_without_a_body_has_no_length() -> None:
    assert b"Content-" not in request("GET", "/")
    assert request("GET", "/").endswith(b"\r\n\r\n")
