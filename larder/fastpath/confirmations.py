"""The fast path of POST /api/v1/orders/{order}/confirm."""

import re
from collections.abc import Mapping
from time import monotonic
from typing import Any
from uuid import UUID

from larder.fastpath.cache_key import MAX_ENTRIES
from larder.fastpath.response_cache import AccessLogHook
from larder.fastpath.writes import WriteFastPath, WrittenOrder
from larder.http import account_requests
from larder.http.authentication import looked_up, remembered_caller
from larder.http.content_type import Application
from larder.http.idempotency import idempotency_key
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.orders.services.confirm_order import PERMISSION
from larder.v1.bodies import decode_if_valid
from larder.v1.moves import Moving, confirm

ROUTE = "/api/v1/orders/<uuid:order>/confirm"
RIGHTS_KEPT = 10.0
"""Seconds after which the rights of a session are read again."""

_PATH = re.compile(r"/api/v1/orders/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/confirm")


class ConfirmationFastPath(WriteFastPath):
    """Confirms orders that await their payment, for staff with an access token.

    The service reads the caller's rights under its locks. They are read here too, once in
    RIGHTS_KEPT: otherwise callers without the permission would lock orders.
    """

    status = "200 OK"

    def __init__(self, application: Application, log_access: AccessLogHook) -> None:
        super().__init__(application, log_access)
        self._permitted: dict[UUID | None, float] = {}

    def takes(self, environ: Mapping[str, Any]) -> bool:
        path = environ["PATH_INFO"]
        if not path.endswith("/confirm") or "HTTP_IF_MATCH" in environ:
            return False
        return _PATH.fullmatch(path) is not None

    def caller(self, header: str | None) -> Caller | None:
        """Returns the caller if it is staff; None for customers, who may confirm nothing."""
        who = remembered_caller(header)
        return who if who is not None and who.is_staff else None

    def decode(self, raw: bytes) -> Moving | None:
        return decode_if_valid(raw or b"{}", Moving)

    def write(self, body: Moving, who: Caller, environ: Mapping[str, Any]) -> WrittenOrder:
        path, key = environ["PATH_INFO"], idempotency_key(environ)
        self._require(who)
        with account_requests.running(who, "POST"), audit.acting(who.public_id, "v1"):
            confirmed = confirm(UUID(path.split("/")[4]), who, key=key, operation=f"POST {path}")
        return WrittenOrder(confirmed.order, confirmed.replayed, {})

    def _require(self, who: Caller) -> None:
        """Raises what `looked_up` and `Caller.require` raise, by what was read a short time ago."""
        if self._permitted.get(who.session, float("-inf")) < monotonic() - RIGHTS_KEPT:
            looked_up(who).require(PERMISSION)
            if len(self._permitted) >= MAX_ENTRIES:
                self._permitted.clear()
            self._permitted[who.session] = monotonic()
