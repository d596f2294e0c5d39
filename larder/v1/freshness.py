"""How current an answer must be, and so who may give it: the primary, or a replica.

Everybody sees what they did themselves, and what others did up to 100 ms later where that is
allowed. What one did oneself is known by what the app echoes (`Larder-Position`), and on this
machine by the table of who wrote. Staff are answered by the primary alone.
"""

from collections.abc import Callable
from functools import wraps
from time import monotonic_ns
from typing import Any, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from larder.db import replicas
from larder.db.replicas import FreshnessRequirement
from larder.http.positions import NO_SYSTEM, decode, is_settled
from larder.http.recent_writes import recent_writes
from larder.identity.caller import Caller

LONGEST_LAG = 100_000_000
"""Nanoseconds that an answer may be behind what others did."""

REPLICATED = bool(replicas.replicas())

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def needed_at(now: int, caller: int) -> int:
    """What was seen after this (monotonic nanoseconds) is good enough for the caller's list."""
    writes = recent_writes()
    return now if writes is None else max(now - LONGEST_LAG, writes.last(caller))


def list_needs(request: HttpRequest, who: Caller, now: int) -> tuple[FreshnessRequirement, bool]:
    """What the caller's list must show, and whether a replica may answer.

    Without a position, and with no table of who wrote, nobody knows what they wrote.
    """
    if who.is_staff:
        return FreshnessRequirement(now), False
    sent = request.META.get("HTTP_LARDER_POSITION")
    if sent is None:
        since = needed_at(now, who.id)
        return FreshnessRequirement(since), since < now
    needs = _echoed(who, sent, now)
    return needs or FreshnessRequirement(now), needs is not None


def causal(view: View) -> View:
    """A reading that a replica may answer for customers who say what they have done."""
    if not REPLICATED:
        return view

    @wraps(view)
    def reading(request: HttpRequest, caller: Caller, **given: Any) -> HttpResponseBase:
        sent = request.META.get("HTTP_LARDER_POSITION")
        may_lag = sent is not None and not caller.is_staff
        needs = _echoed(caller, str(sent), monotonic_ns()) if may_lag else None
        return replicas.read(needs, lambda _: view(request, caller, **given))

    return reading  # type: ignore[return-value]


def _echoed(who: Caller, sent: str, now: int) -> FreshnessRequirement | None:
    """None for a position that cannot be read, and for a recent write without a known place."""
    position, writes = decode(sent), recent_writes()
    if position is None:
        return None
    since = max(now - LONGEST_LAG, 0 if writes is None else writes.last(who.id))
    if position.system != NO_SYSTEM:
        return FreshnessRequirement(since, position)
    return FreshnessRequirement(since) if is_settled(position) else None
