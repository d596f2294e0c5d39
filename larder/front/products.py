"""Pages of the product list, sent again without Django.

The page cache (larder/v1/page_cache.py) has the bytes of a page, which are the same for all
customers. An answer that Django gave is stored with its headers, and sent to every caller for whom
the page is current enough. An outdated page is read again in one thread, and gets the headers of
the stored answer, except those that depend on the body. The caller is authenticated for each
request, with the tokens that this process has verified before.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from time import monotonic_ns
from typing import Any

from larder.core.errors import Overloaded
from larder.core.ids import CORRELATION_ID
from larder.core.stopwatch import BEGAN
from larder.db import database
from larder.front.at_once import Key, key_of, names, store, without
from larder.front.threads import Threads
from larder.front.wsgi import Answer, Headers
from larder.http import answered_requests
from larder.http.authentication import remembered_caller
from larder.http.correlation import HEADER, ID, correlation_id, identify
from larder.v1 import freshness
from larder.v1.freshness import REPLICATED, Needed
from larder.v1.http import Body, is_named
from larder.v1.page_cache import PAGE, CachedPage, PageCache
from larder.v1.resources import EARLIER_ERROR

METHOD, PATH = "GET", "/api/v1/products"

MOST_READ = 8
"""Pages that are read at once. Django reads further ones, each when it is its caller's turn."""

OWN_HEADERS = names("ETag", "Content-Length", HEADER)
"""Headers that depend on the body, and the correlation id, which differs for each answer."""

OF_CONTENT = names("Content-Type", "Content-Encoding")
"""Headers that a 304 does not have."""

ID_HEADER = HEADER.lower().encode()


class StoredAnswer:
    """An answer without its correlation id. `shared` are the headers that stay the same when the
    page changes."""

    __slots__ = ("body", "page", "pages", "shared", "whole")

    def __init__(self, shared: Headers, pages: PageCache, page: CachedPage, body: Body) -> None:
        self.shared, self.pages, self.page, self.body = shared, pages, page, body
        self.whole = self._with(200, shared, body.raw)

    def _with(self, status: int, shared: Headers, content: bytes) -> Answer:
        own = [(b"etag", self.body.tag.encode()), (b"content-length", b"%d" % len(content))]
        return Answer(status, [*shared, *own], content)

    def to(self, seen: str | None) -> Answer:
        """Returns the answer to a client that has the pages which this header names."""
        if seen is None or not is_named(seen, self.body.tag):
            return self.whole
        return self._with(304, without(self.shared, OF_CONTENT), b"")

    def after(self, page: CachedPage) -> "StoredAnswer | None":
        """Returns this answer with the new page. None if other headers change too: small pages are
        not compressed, and large pages are not stored."""
        if page is self.page:
            return self
        if page.packs is not self.page.packs or not page.is_kept:
            return None
        body = page.plain if self.body is self.page.plain else page.packed
        return StoredAnswer(self.shared, self.pages, page, body)


class Products:
    """Answers with pages of the product list."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._answers: dict[Key, StoredAnswer] = {}
        self._reading: dict[Key, asyncio.Future[CachedPage]] = {}
        """The pages that are read now. Requests that came meanwhile get them too."""
        self._reads: list[asyncio.Future[CachedPage]] = []
        self._log = answered_requests.access_log_hook(METHOD, PATH)

    async def answer(self, environ: dict[str, Any], raw: bytes) -> Answer | None:
        """Returns the page, if a stored answer is current enough or can be renewed. Returns None
        where Django must answer."""
        key = key_of(environ)
        stored = None if key is None or raw else self._answers.get(key)
        caller = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
        # The rights of staff are read for each request.
        if stored is None or key is None or caller is None or caller.is_staff:
            return None
        needed = freshness.needed(caller, environ.get(freshness.SENT))
        if not stored.page.shows(needed, monotonic_ns()):
            stored = await self._renewed(key, stored, needed, environ)
        if stored is None:
            return None
        answer = stored.to(environ.get("HTTP_IF_NONE_MATCH"))
        given = correlation_id(environ.get(ID))
        self._log(answer.status, environ[BEGAN], given, caller, PATH)
        return Answer(answer.status, [*answer.headers, (ID_HEADER, given.encode())], answer.body)

    async def _renewed(
        self,
        key: Key,
        stored: StoredAnswer,
        needed: Needed,
        environ: dict[str, Any],
    ) -> StoredAnswer | None:
        """Returns the answer with the current page; None where Django must answer."""
        if REPLICATED:
            return None
        reading = self._reading.get(key)
        if needed.current or reading is None or reading.done():
            self._reads = [read for read in self._reads if not read.done()]
            if len(self._reads) >= MOST_READ:
                return None
            read = partial(_read, stored, needed, identify(environ))
            reading = self._reading[key] = self._threads.begin(read)
            self._reads.append(reading)
        try:
            page = await reading
        except Overloaded:
            raise
        except Exception as error:
            environ[EARLIER_ERROR] = error
            return None
        finally:
            if self._reading.get(key) is reading:
                del self._reading[key]
        known = self._answers.get(key)
        renewed = known and known.after(page)
        if renewed is None:
            self._answers.pop(key, None)
        elif renewed is not known:
            store(self._answers, key, renewed)
        return renewed

    def learn(self, environ: Mapping[str, Any], answer: Answer) -> None:
        """Stores Django's answer if its body is in the page cache."""
        key = key_of(environ)
        if PAGE in environ and answer.status == 200:
            shared = without(answer.headers, OWN_HEADERS)
            store(self._answers, key, StoredAnswer(shared, *environ[PAGE]))


def _read(stored: StoredAnswer, needed: Needed, correlation_id: str) -> CachedPage:
    CORRELATION_ID.set(correlation_id)
    try:
        return stored.pages.page(stored.page.wanted, needed)
    finally:
        database.release()
        CORRELATION_ID.set(None)
