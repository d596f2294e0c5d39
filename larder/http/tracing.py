"""Makes a span of each request. What a span is, larder/ops/telemetry/tracing.py knows."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from larder.core.best_effort import best_effort
from larder.core.telemetry import AnswerAttributes, tracing


def observe(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., Any]:
    """Middleware: a span for each request, named by its route instead of its path."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        traceparent = request.headers.get("traceparent", "")
        with tracing.request(str(request.method), traceparent) as describe:
            response = get_response(request)
            if describe is not None:
                best_effort(describe, _answered(request, response))
        return response

    return middleware


def _answered(request: HttpRequest, response: HttpResponseBase) -> AnswerAttributes:
    match = request.resolver_match
    route = None if match is None else str(match.route)
    return AnswerAttributes(route, response.status_code, response.headers.get("Correlation-ID", ""))
