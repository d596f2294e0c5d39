"""Sends orders that ended early, and orders with two idempotency keys."""

from __future__ import annotations

import http.client
import json
import socket

from tools.attack.target import Person, Target, require

ITEM = 15
TITLE = "Half and ambiguous requests"
PROMISE = "An order that ended early, or that has two keys, is not placed."


def attack(target: Target, *, full: bool) -> str:
    """Return how many orders were refused; raises Broken."""
    who, product = target.customer(), target.product(stock=1_000)
    order = json.dumps({"lines": [{"product": product, "quantity": 1}]}).encode()
    cut = [
        _chunked(order),
        _chunked(order[:5]) + _chunked(order[5:]),
        b"%x\r\n" % len(order) + order,
    ]
    cut *= 10 if full else 3
    for body in cut:
        status = _send(target, who, "Transfer-Encoding: chunked", body, is_whole=False)
        require(status in {400, 411}, f"an order without its last chunk was answered {status}")
    short = f"Content-Length: {len(order) + 9}"
    require(_send(target, who, short, order, is_whole=False) == 400, "a cut body was not refused")
    length = f"Content-Length: {len(order)}\r\nIdempotency-Key: one\r\nIdempotency-Key: "
    for second in ("two", "one", ""):
        status = _send(target, who, length + second, order)
        require(status == 400, f"an order with two keys was answered {status}")
    placed = target.sql("SELECT count(*) FROM ledger_entry WHERE product_id = %s", [product])[0][0]
    require(placed == 1, f"{placed - 1} of these orders were placed")
    return f"{len(cut) + 4} orders refused, none placed"


def _chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


def _send(target: Target, who: Person, headers: str, body: bytes, *, is_whole: bool = True) -> int:
    """Send bytes as they are; with a body that is not whole, nothing more is sent then."""
    head = (
        "POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {who.access}\r\n{headers}\r\n\r\n"
    )
    with target.socket(timeout=20) as wire:
        wire.sendall(head.encode() + body)
        if not is_whole:
            wire.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        return answer.status
