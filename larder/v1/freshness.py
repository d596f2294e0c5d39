"""How current an answer must be, and whether a replica may give it.

Callers see their own writes at once, and the writes of others up to 100 ms later. Their own writes
are known from the header `Larder-Position`, which the app echoes, and on this server from the
read-your-writes table. Requests of staff are always read from the primary.
"""

from collections.abc import Callable
from functools import wraps
from time import monotonic_ns
from typing import Any, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from larder.db import primary, replicas
from larder.db.replicas import FreshnessRequirement
from larder.http.positions import NO_SYSTEM, decode, is_settled
from larder.http.read_your_writes import write_times
from larder.identity.caller import Caller

MAX_LAG = 100_000_000
"""Nanoseconds by which an answer may be behind the writes of others."""

REPLICATED = bool(replicas.replicas())

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def needed_at(now: int, caller: int) -> int:
    """Returns the time (monotonic nanoseconds) after which a list must have been read to be current
    enough for the caller."""
    writes = write_times()
    return now if writes is None else max(now - MAX_LAG, writes.last(caller))


def list_requirement(
    request: HttpRequest, who: Caller, now: int
) -> tuple[FreshnessRequirement, bool]:
    """Returns what the caller's list must show, and whether a replica may answer.

    Without a position and without a read-your-writes table, the caller's writes are not known.
    """
    if who.is_staff:
        return FreshnessRequirement(now), False
    sent = request.META.get("HTTP_LARDER_POSITION")
    required = _known(who, now) if sent is None else _echoed(who, sent, now)
    return required or FreshnessRequirement(now), required is not None


def causal(view: View) -> View:
    """Decorates a view that reads: a replica may answer customers who send a position."""
    return _reading(view, is_catalog=False)


def causal_catalog(view: View) -> View:
    """Decorates a view that reads what all customers see. While the primary is silent, a replica
    may answer customers without a position too."""
    return _reading(view, is_catalog=True)


def _reading(view: View, *, is_catalog: bool) -> View:
    if not REPLICATED:
        return view

    @wraps(view)
    def reading(request: HttpRequest, caller: Caller, **given: Any) -> HttpResponseBase:
        sent, required = request.META.get("HTTP_LARDER_POSITION"), None
        if sent is not None and not caller.is_staff:
            required = _echoed(caller, sent, monotonic_ns())
        elif is_catalog and primary.is_silent() and not caller.is_staff:
            required = _known(caller, monotonic_ns())
        return replicas.read(required, lambda _: view(request, caller, **given))

    return reading  # type: ignore[return-value]


def _known(who: Caller, now: int) -> FreshnessRequirement | None:
    """Returns what a caller without a position must see. None without a read-your-writes table: the
    caller's writes are not known."""
    writes = write_times()
    if writes is None:
        return None
    return FreshnessRequirement(now - MAX_LAG, written_at=writes.last(who.id))


def _echoed(who: Caller, sent: str, now: int) -> FreshnessRequirement | None:
    """Returns what the position requires. None if it cannot be read, or is a recent time in place
    of a position."""
    position, writes = decode(sent), write_times()
    if position is None:
        return None
    written_at = 0 if writes is None else writes.last(who.id)
    if position.system != NO_SYSTEM:
        return FreshnessRequirement(now - MAX_LAG, position, written_at)
    since = now - MAX_LAG
    return FreshnessRequirement(since, None, written_at) if is_settled(position) else None
