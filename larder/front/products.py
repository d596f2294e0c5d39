"""Pages of the product list, sent again without Django: the cache of pages.

An answer that Django gave is stored with its headers, and with the function that reads its page,
which is the same for all customers. It is sent to every caller for whom it is current enough: it
shows what the tables had at most MAX_LAG ago. The caller is authenticated for each request, with
the tokens that this process has verified before.

A check reads PostgreSQL's snapshot, which names the transactions that are visible. While it stays
the same, no transaction was committed. So a page that was made after a snapshot was read shows what
the tables have, as long as the snapshot stays the same. An outdated page is made again in one
thread, and gets the headers of the stored answer, except those that depend on the body.

Source: "System Information Functions, pg_current_snapshot" in PostgreSQL's manual.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic_ns
from typing import Any

from larder.core.errors import Overloaded
from larder.core.ids import CORRELATION_ID
from larder.db import database
from larder.front.application import Answer, Headers, names, store, without
from larder.front.requests import Key, key_of
from larder.front.threads import Threads
from larder.http import answered_requests
from larder.http.answered_requests import BEGAN
from larder.http.api_headers import (
    CORRELATION_HEADER,
    POSITION_SENT,
    has_written,
    identify,
)
from larder.http.authentication import remembered_caller
from larder.http.bodies import Body, encoded
from larder.http.compression import SMALLEST_COMPRESSED, packed
from larder.v1.http import is_named
from larder.v1.products import PAGE
from larder.v1.resources import EARLIER_ERROR

METHOD, PATH = "GET", "/api/v1/products"
ASKED = METHOD, PATH[1:], PATH

MAX_LAG = 100_000_000
"""Nanoseconds by which a page may be behind the writes of others."""

MAX_PAGE_BYTES = 64 * 1024
"""Larger pages are made for each request."""

MOST_READ = 8
"""Pages that are read at once. Django reads further ones, each when it is its caller's turn."""

OWN_HEADERS = names("ETag", "Content-Length", CORRELATION_HEADER)
"""Headers that depend on the body, and the correlation id, which differs for each answer."""

OF_CONTENT = names("Content-Type", "Content-Encoding")
"""Headers that a 304 does not have."""

ID_HEADER = CORRELATION_HEADER.lower().encode()


class StoredAnswer:
    """A page with its headers, without a correlation id, current while the database has this
    `snapshot`. It was last read at `seen_at` (monotonic nanoseconds)."""

    __slots__ = ("make", "seen_at", "shared", "snapshot", "tag", "whole")

    def __init__(self, make: Callable[[], object], shared: Headers, tag: str, body: bytes) -> None:
        self.make = make
        self.shared = shared
        """The headers that stay the same when the page changes."""
        self.tag = tag
        self.whole = self._with(200, shared, body)
        self.snapshot = ""
        self.seen_at = 0

    def _with(self, status: int, shared: Headers, content: bytes) -> Answer:
        own = [(b"etag", self.tag.encode()), (b"content-length", b"%d" % len(content))]
        return Answer(status, [*shared, *own], content)

    def to(self, seen: str | None) -> Answer:
        """Returns the answer to a client that has the pages which this header names."""
        if seen is None or not is_named(seen, self.tag):
            return self.whole
        return self._with(304, without(self.shared, OF_CONTENT), b"")

    def renewed(self, raw: bytes) -> "StoredAnswer | None":
        """Returns this answer with another page. None if other headers change too: small pages are
        not compressed, and large pages are not stored."""
        is_packed = (b"content-encoding", b"gzip") in self.shared
        is_long = is_packed or len(self.whole.body) >= SMALLEST_COMPRESSED
        body = packed(raw) if is_packed else raw
        if len(body) > MAX_PAGE_BYTES or is_long != (len(raw) >= SMALLEST_COMPRESSED):
            return None
        tag = Body(raw, coding="gzip" if is_packed else "").tag
        return StoredAnswer(self.make, self.shared, tag, body)


class Products:
    """Answers with pages of the product list."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._answers: dict[Key, StoredAnswer] = {}
        self._reading: dict[Key, asyncio.Future[StoredAnswer | None]] = {}
        """The pages that are read now. Requests that came meanwhile get them too."""
        self._reads: list[asyncio.Future[StoredAnswer | None]] = []

    async def answer(self, environ: dict[str, Any], raw: bytes) -> Answer | None:
        """Returns the page, if a stored answer is current enough or can be renewed. Returns None
        where Django must answer."""
        key = key_of(environ)
        stored = None if key is None or raw else self._answers.get(key)
        caller = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
        # The rights of staff are read for each request.
        if stored is None or key is None or caller is None or caller.is_staff:
            return None
        is_recent = has_written(environ.get(POSITION_SENT))
        if is_recent or stored.seen_at <= monotonic_ns() - MAX_LAG:
            stored = await self._renewed(key, stored, environ, shared=not is_recent)
        if stored is None:
            return None
        answer = stored.to(environ.get("HTTP_IF_NONE_MATCH"))
        id = identify(environ)
        answered_requests.note(ASKED, answer.status, environ[BEGAN], id, caller)
        return Answer(answer.status, [*answer.headers, (ID_HEADER, id.encode())], answer.body)

    async def _renewed(
        self, key: Key, stored: StoredAnswer, environ: dict[str, Any], *, shared: bool
    ) -> StoredAnswer | None:
        """Returns the answer with the current page; None where Django must answer. `shared`:
        whether a page will do that is already being read."""
        reading = self._reading.get(key)
        if reading is None or reading.done() or not shared:
            self._reads = [read for read in self._reads if not read.done()]
            if len(self._reads) >= MOST_READ:
                return None
            read = partial(_read, stored, identify(environ))
            reading = self._reading[key] = self._threads.run(read)
            self._reads.append(reading)
        try:
            renewed = await reading
        except Overloaded:
            raise
        except Exception as error:
            environ[EARLIER_ERROR] = error
            return None
        finally:
            if self._reading.get(key) is reading:
                del self._reading[key]
        known = self._answers.get(key)
        if renewed is None:
            self._answers.pop(key, None)
        elif known is None or known.seen_at < renewed.seen_at:
            store(self._answers, key, renewed)
        return renewed

    def learn(self, environ: Mapping[str, Any], answer: Answer) -> None:
        """Stores Django's answer with a page. It is checked before it is sent again."""
        make = environ.get(PAGE)
        if make is not None and answer.status == 200 and len(answer.body) <= MAX_PAGE_BYTES:
            tag = dict(answer.headers)[b"etag"].decode()
            shared = without(answer.headers, OWN_HEADERS)
            store(self._answers, key_of(environ), StoredAnswer(make, shared, tag, answer.body))


def _read(stored: StoredAnswer, correlation_id: str) -> StoredAnswer | None:
    """Returns the answer if it is current, otherwise the one after it."""
    CORRELATION_ID.set(correlation_id)
    try:
        seen_at, snapshot = monotonic_ns(), database.snapshot()
        renewed: StoredAnswer | None = stored
        if snapshot != stored.snapshot:
            renewed = stored.renewed(encoded(stored.make()))
        if renewed is not None:
            renewed.snapshot, renewed.seen_at = snapshot, max(renewed.seen_at, seen_at)
        return renewed
    finally:
        database.release()
        CORRELATION_ID.set(None)
