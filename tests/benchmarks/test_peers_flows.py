"""Order flows of the compared systems, one answer after the other."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.generator import BadReply
from benchmarks.peers.flow import TRIES, Flow, Refused, Reply, insist
from benchmarks.peers.larder.system import LarderBuyer
from benchmarks.peers.oscar.system import OscarBuyer
from benchmarks.peers.vendure.system import VendureBuyer

BASKET = [(4, 2), (9, 1), (7, 3)]


def reply(status: int, body: object) -> Reply:
    return Reply(status, b"HTTP/1.1 %d" % status, json.dumps(body).encode())


def step(**result: Any) -> Reply:
    """What Vendure says to a mutation."""
    return reply(200, {"data": {"step": result}})


def asked(flow: Flow, answers: Sequence[Reply]) -> list[bytes]:
    """The requests of a flow that is answered so and then ends."""
    requests = [next(flow)]
    for number, answer in enumerate(answers, 1):
        try:
            requests.append(flow.send(answer))
        except StopIteration:
            assert number == len(answers)
    return requests


def body(request: bytes) -> Any:
    return json.loads(request.partition(b"\r\n\r\n")[2])


ORDER = step(__typename="Order")
PLACED = [
    step(order={"id": "1"}, errorResults=[]),
    ORDER,
    ORDER,
    ORDER,
    step(state="PaymentSettled"),
]


def test_larder_takes_one_request() -> None:
    (request,) = asked(LarderBuyer("token").order(BASKET), [reply(201, {})])
    assert request.startswith(b"POST /api/v1/orders ")
    assert b"Authorization: Bearer token" in request
    assert body(request)["lines"][0] == {"product": 4, "quantity": 2}


def test_oscar_takes_a_request_for_each_line_and_one_to_check_out() -> None:
    basket = reply(200, {"id": 31})
    requests = asked(OscarBuyer("s").order(BASKET), [basket, basket, basket, reply(200, {})])
    assert [body(one)["quantity"] for one in requests[:3]] == [2, 1, 3]
    assert requests[3].startswith(b"POST /api/checkout/ ")
    assert body(requests[3]) == {"basket": "http://127.0.0.1/api/baskets/31/"}
    assert all(b"Session-Id: SID:AUTH:127.0.0.1:s" in one for one in requests)


def test_vendure_takes_five_mutations_from_the_lines_to_the_payment() -> None:
    requests = asked(VendureBuyer("t").order(BASKET), PLACED)
    assert len(requests) == 5
    assert body(requests[0])["variables"]["lines"][2] == {"productVariantId": "7", "quantity": 3}


def test_an_order_of_vendure_without_a_payment_is_not_placed() -> None:
    with pytest.raises(BadReply):
        asked(VendureBuyer("t").order(BASKET), [*PLACED[:4], step(state="ArrangingPayment")])


def test_too_little_stock_is_a_refusal_in_each_system() -> None:
    short = {"code": "insufficient_stock", "detail": "too few"}
    at_line = {"errorCode": "INSUFFICIENT_STOCK_ERROR", "message": "INSUFFICIENT_STOCK_ERROR"}
    at_payment = {
        "errorCode": "ORDER_STATE_TRANSITION_ERROR",
        "message": "Cannot transition",
        "transitionError": "Cannot transition due to insufficient stock of x",
    }
    refusals = [
        (LarderBuyer("t").order(BASKET), [reply(409, short)]),
        (OscarBuyer("s").order(BASKET), [reply(406, {"reason": "too few"})]),
        (VendureBuyer("t").order(BASKET), [step(order={}, errorResults=[at_line])]),
        (VendureBuyer("t").order(BASKET), [*PLACED[:3], step(**at_payment)]),
    ]
    for flow, answers in refusals:
        with pytest.raises(Refused):
            asked(flow, answers)


def test_any_other_answer_is_an_error() -> None:
    fault = {"errorCode": "ORDER_LIMIT_ERROR", "message": "too many"}
    wrong = [
        (LarderBuyer("t").order(BASKET), [reply(409, {"code": "price_changed"})]),
        (LarderBuyer("t").order(BASKET), [reply(200, {})]),
        (OscarBuyer("s").order(BASKET), [reply(401, {})]),
        (VendureBuyer("t").order(BASKET), [step(order={}, errorResults=[fault])]),
        (VendureBuyer("t").order(BASKET), [reply(200, {"errors": [{"message": "no"}]})]),
        (VendureBuyer("t").order(BASKET), [reply(403, {})]),
    ]
    for flow, answers in wrong:
        with pytest.raises(BadReply):
            asked(flow, answers)


def test_a_failed_request_is_repeated_a_limited_number_of_times() -> None:
    failed, done = reply(500, ""), reply(200, {"id": 1})

    def once() -> Flow:
        (yield from insist(b"a")).expect(200)

    assert asked(once(), [failed, done]) == [b"a", b"a"]
    with pytest.raises(BadReply):
        asked(once(), [failed] * TRIES)
