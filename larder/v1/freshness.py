"""How current an answer must be, and whether a replica may give it.

Callers see the writes of others up to 100 ms late in the product list, and in what a replica
answers. An app that echoes `Larder-Position` sees its own writes at once. Requests of staff are
always read from the primary.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from larder.db import replicas
from larder.db.positions import Position
from larder.http.positions import NO_SYSTEM, decode, is_settled
from larder.identity.caller import Caller

SENT = "HTTP_LARDER_POSITION"
"""The position that the app echoes, in a request's environ."""

REPLICATED = bool(replicas.replicas())

MAX_LAG = replicas.MAX_LAG
"""Nanoseconds by which a product list may be behind the writes of others."""

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class Needed(NamedTuple):
    """What an answer must show."""

    current: bool
    """Everything that was committed before the request, so it comes from the primary."""
    position: Position | None = None
    """What lies before this position. With replicas only."""


def needed(caller: Caller, sent: str | None) -> Needed:
    """Returns what an answer to the caller must show that may be 100 ms behind other writes.

    A position that cannot be read, and one that is a marker of a recent write, need a current
    answer.
    """
    if caller.is_staff:
        return Needed(current=True)
    if sent is None:
        return Needed(current=False)
    position = decode(sent)
    if position is not None and position.system == NO_SYSTEM:
        return Needed(current=not is_settled(position))
    if position is None or not REPLICATED:
        return Needed(current=True)
    return Needed(current=False, position=position)


def causal(view: View) -> View:
    """Decorates a view that reads: a replica may answer customers who send a position."""
    if not REPLICATED:
        return view

    @wraps(view)
    def reading(request: HttpRequest, caller: Caller, **given: Any) -> HttpResponseBase:
        sent = request.META.get(SENT)
        required = needed(caller, sent)
        if sent is None or required.current:
            return view(request, caller, **given)
        return replicas.read(required.position, lambda _: view(request, caller, **given))

    return reading  # type: ignore[return-value]
