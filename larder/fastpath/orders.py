"""The fast path of POST /api/v1/orders."""

from collections.abc import Mapping
from typing import Any

from larder.fastpath.writes import WriteFastPath, WrittenOrder
from larder.http.authentication import remembered_caller
from larder.http.idempotency import idempotency_key
from larder.http.quotas import is_near, quota_headers
from larder.identity.caller import Caller
from larder.v1.bodies import decode_if_valid
from larder.v1.orders import NewOrder, payment_faults, place

PATH = "/api/v1/orders"
OPERATION = f"POST {PATH}"


class OrderFastPath(WriteFastPath):
    """Places the orders of customers."""

    status = "201 Created"

    def takes(self, environ: Mapping[str, Any]) -> bool:
        return bool(environ["PATH_INFO"] == PATH)

    def caller(self, header: str | None) -> Caller | None:
        """None for staff, whose rights are read before an order."""
        who = remembered_caller(header)
        return None if who is None or who.is_staff else who

    def decode(self, raw: bytes) -> NewOrder | None:
        body = decode_if_valid(raw, NewOrder)
        return None if body is None or payment_faults(body.payment) else body

    def write(self, body: NewOrder, who: Caller, environ: Mapping[str, Any]) -> WrittenOrder:
        placed = place(body, who, key=idempotency_key(environ), operation=OPERATION)
        headers = {"Location": f"{PATH}/{placed.order.id}"}
        if placed.remaining is not None and is_near(placed.remaining):
            headers |= quota_headers(placed.remaining)
        return WrittenOrder(placed.order, placed.replayed, headers)
