"""Which reads of v1 a replica may answer: those of customers who echo `Larder-Position`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from larder.db import replicas
from larder.http.positions import SENT, decode
from larder.identity.caller import Caller

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def causal(view: View) -> View:
    """Decorates a view that reads: a replica may answer customers who send a position."""
    if not replicas.replicas():
        return view

    @wraps(view)
    def reading(request: HttpRequest, caller: Caller, **given: Any) -> HttpResponseBase:
        echo = decode(request.META.get(SENT, ""))
        if caller.is_staff or echo is None or echo.position is None:
            return view(request, caller, **given)
        return replicas.read(echo.position, lambda: view(request, caller, **given))

    return reading  # type: ignore[return-value]
