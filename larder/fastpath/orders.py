"""Orders that are placed in front of Django: what is usual about them, and nothing else.

An app sends thousands of orders in the same way. Around placing one, Django makes a request object,
goes through the middleware, looks the path up and makes the same headers anew: three quarters of
what an order's way through HTTP costs. So the headers of one that Django has answered are kept, for
whoever asks in the same way (larder/fastpath/cache_key.py), and the next is read, placed and
answered with the same functions, here.

There is one place that refuses, and it is not this one: who asks or what they send that cannot be
told at a glance goes to Django as it came; an order that was refused, or failed, goes there with
its reason, for Django to raise and to answer.
"""

from collections.abc import Iterable
from io import BytesIO
from time import monotonic, perf_counter_ns
from typing import Any, NamedTuple

from django_guid import clear_guid

from larder.core import commits
from larder.core.harmless import harmless
from larder.core.stopwatch import BEGAN
from larder.db import database
from larder.fastpath.cache_key import Asked, Header, asked, keep
from larder.fastpath.response_cache import Tell
from larder.http.authentication import remembered_caller
from larder.http.content_type import Application
from larder.http.correlation import HEADER, ID, identify
from larder.http.positions import HEADER as POSITION
from larder.http.positions import position_to_tell
from larder.http.quotas import HEADERS as QUOTA
from larder.http.quotas import quota_headers
from larder.http.raw_body import is_late
from larder.http.recent_writes import COMMITS, note_write_of
from larder.identity.caller import Caller
from larder.v1.bodies import sound
from larder.v1.http import Body, encoded, idempotency_key, replay_headers
from larder.v1.orders import NewOrder, place, shown
from larder.v1.resources import EARLIER_ERROR

PATH = "/api/v1/orders"
OPERATION = f"POST {PATH}"

LARGEST_BODY = 64 * 1024
"""Bytes that are read here: an order of a hundred lines has 4,000."""

CREATED = "201 Created"
REPLAYED = "Idempotency-Replayed"
OF_ONE = frozenset({"ETag", "Location", "Content-Length", HEADER, POSITION, *QUOTA})
"""Headers that another order's answer has otherwise."""


class Answer(NamedTuple):
    """What an order's answer has for itself, and whose it is."""

    who: Caller
    headers: list[Header]
    content: bytes


class OrdersInFront:
    """A WSGI application that places what it can, and hands everything else to `application`.

    `tell` is told of each answer that Django does not see, as KeptAnswers tells.
    """

    def __init__(self, application: Application, tell: Tell) -> None:
        self._application = application
        self._tell = tell
        self._headers: dict[Asked, list[Header]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST":
            return self._application(environ, start_response)
        question = asked(environ)
        if question is None or environ["SCRIPT_NAME"] or not _is_short(environ):
            return self._application(environ, start_response)
        headers = self._headers.get(question)
        if headers is None:
            return self._keeping(question, environ, start_response)
        answer = _answer(environ)
        if answer is None:
            return self._application(environ, start_response)
        start_response(CREATED, [*headers, *answer.headers])
        harmless(self._tell, 201, environ[BEGAN], environ[ID], answer.who)
        clear_guid()
        return [answer.content]

    def _keeping(
        self, question: Asked, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """Django's answer; if it placed an order, its headers are kept."""

        def begin(status: str, headers: list[Header], *error: Any) -> Any:
            names = {name for name, _ in headers}
            if status == CREATED and REPLAYED not in names:
                lasting = [one for one in headers if one[0] not in OF_ONE]
                keep(self._headers, question, lasting)
            return start_response(status, headers, *error)

        return self._application(environ, begin)


def _is_short(environ: dict[str, Any]) -> bool:
    length = environ.get("CONTENT_LENGTH") or ""
    return length.isascii() and length.isdigit() and len(length) < 6 and int(length) <= LARGEST_BODY


def _answer(environ: dict[str, Any]) -> Answer | None:
    """The answer to an order that was placed. Otherwise Django's: it finds the body where it was,
    and the reason if it is to refuse what was tried here."""
    who = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
    if who is None:
        return None
    environ[BEGAN] = perf_counter_ns()
    length, began = int(environ["CONTENT_LENGTH"]), monotonic()
    raw = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(raw)
    # Behind a slow body, Django authenticates the caller again.
    body = sound(raw, NewOrder) if len(raw) == length and not is_late(began) else None
    if body is None:
        return None
    identify(environ)
    commits.restart()
    try:
        return _placed(body, who, environ)
    except Exception as error:
        environ[EARLIER_ERROR], environ[COMMITS] = error, commits.count()
        return None


def _placed(body: NewOrder, who: Caller, environ: dict[str, Any]) -> Answer:
    """Places it. Raises why it was not placed."""
    placed = place(body, who, key=idempotency_key(environ), operation=OPERATION)
    order = placed.order
    answer = Body(encoded(shown(order)), order.version)
    harmless(note_write_of, who.id)
    headers = {
        "ETag": answer.tag,
        "Location": f"{PATH}/{order.id}",
        "Content-Length": str(len(answer.raw)),
        HEADER: environ[ID],
    } | replay_headers(replayed=placed.replayed)
    if placed.left is not None:
        headers |= quota_headers(placed.left)
    if position := position_to_tell():
        headers[POSITION] = position
    harmless(database.release)
    return Answer(who, list(headers.items()), answer.raw)
