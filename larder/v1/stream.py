"""The stream of events: server-sent events, as browsers have defined them."""

from typing import Annotated

import msgspec
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from msgspec import Meta

from larder.core.limits import MAX_ID
from larder.db.feed import Mark
from larder.http import authentication, pagination
from larder.identity.caller import Caller
from larder.live.streams import SEES_ALL, STREAMS, EventMark
from larder.orders.queries.changes import require_known
from larder.v1.operations import Trait, operation

MAX_WATCHED = 100
"""Products that a stream watches."""

EVENT_STREAM = "text/event-stream"
SENT = "Last-Event-ID"
RESUMED = Trait("resumed")
HEADERS = {"X-Accel-Buffering": "no"}


class StreamParameters(msgspec.Struct):
    """Whose events, and which products."""

    all: Annotated[bool, Meta(description="`true`, for staff: the orders of all customers.")] = (
        False
    )
    watch: Annotated[
        str,
        Meta(
            pattern=rf"^([0-9]{{1,19}}(,[0-9]{{1,19}}){{0,{MAX_WATCHED - 1}}})?$",
            description=f"The ids of products, such as `1,2`, at most {MAX_WATCHED}.",
            extra={"form": f"Must be up to {MAX_WATCHED} ids, such as 1,2."},
        ),
    ] = ""


@operation(
    tag="events",
    for_others=SEES_ALL,
    answers={200: EVENT_STREAM},
    problems=["not_staff", "since_expired", "too_many_streams"],
    traits=[RESUMED],
)
def stream_events(
    request: HttpRequest, caller: Caller, query: StreamParameters
) -> HttpResponseBase:
    """Tells what changes until the token expires, each event as JSON in `data`.

    - `order`: `id`, `number`, `status` after the event, the present `version`; `type`, `event` (its
      id) and `at` of the event, as in `orders/{order}/events`. None is left out.
    - `cart`: `id` and `version`, at first and after changes.
    - `product`: `id` and `quantity` (null if it is no longer on sale) of each watched product, at
      first, when it goes in or out of stock, and when the catalogue changes it.
    - `ready`: what was missed before has been told.

    Read the object itself for more. Ignore events of unknown names. Reconnect after `retry`
    milliseconds with the last `id` as `Last-Event-ID`, or without it after 410.
    """
    if query.all:
        caller.require(SEES_ALL)
    after = _after(request.META.get("HTTP_LAST_EVENT_ID", ""))
    STREAMS.require_place(caller.id)
    if request.method == "HEAD":
        return HttpResponse(content_type=EVENT_STREAM, headers=HEADERS)
    parts = STREAMS.parts(
        caller,
        frozenset(int(id) for id in query.watch.split(",") if id and int(id) <= MAX_ID),
        after,
        authentication.expiry(request.META["HTTP_AUTHORIZATION"]),
        sees_all=query.all,
    )
    return StreamingHttpResponse(parts, content_type=EVENT_STREAM, headers=HEADERS)


def _after(text: str) -> Mark | None:
    """Returns the mark of the header; None without one. Raises InvalidInput, SinceExpired."""
    cursor = pagination.decode(text, EventMark, SENT)
    if cursor is None:
        return None
    mark = Mark(cursor.epoch, cursor.transaction_id, cursor.number)
    require_known(mark)
    return mark
