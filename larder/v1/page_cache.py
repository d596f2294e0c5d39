"""The page cache: pages of lists as bytes, made once and sent until the database has changed.

The cache checks for changes at most ten times a second, so a page is up to 100 ms old; and when a
request needs a current page (larder/v1/freshness.py).

A check reads PostgreSQL's snapshot, which names the transactions that are visible. While the
snapshot stays the same, no transaction was committed. So a page that was made after a snapshot was
read shows what the tables have, as long as the snapshot stays the same. On a replica, the replayed
position of the log takes the place of the snapshot, because a replica's snapshot does not name the
open transactions; the page is then as old as the replica is behind.

Source: "System Information Functions, pg_current_snapshot" in PostgreSQL's manual.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from time import monotonic_ns
from typing import NamedTuple

from django.db import connection
from django.http import HttpRequest, HttpResponse

from larder.db import database, replicas
from larder.db.positions import Position
from larder.db.replicas import State
from larder.http.addresses import base_url
from larder.http.compression import SMALLEST_COMPRESSED, note_encoding, packed, takes_gzip
from larder.identity.caller import Caller
from larder.v1 import freshness
from larder.v1.freshness import Needed
from larder.v1.http import Body, encoded, reply_body

MAX_PAGES = 256
"""Pages in one process."""

MAX_PAGE_BYTES = 64 * 1024
"""Larger pages are made for each request. 256 pages of this size take 16 MiB."""

MAX_PATH_CHARACTERS = 2048
"""Characters of path and query. Pages with longer ones are made for each request."""

PAGE = "larder.cached_page"
"""The key of a request's META for the cache, the page and the body of its response."""


Make = Callable[[], object]
"""Reads what a page shows, at each call. It is stored with the page, so it must not use the
request."""


class PageRequest(NamedTuple):
    """A request for a page: the base URL, path and query as they were sent, and a function that
    reads the parameters, which is called only if the page must be made."""

    base: str
    path: str
    prepare: Callable[[], Make]

    @property
    def key(self) -> tuple[str, str]:
        """The key of the page in the cache."""
        return self.base, self.path


class CachedPage:
    """A page, valid while the database has this snapshot.

    `seen_at` is when the snapshot was last read (monotonic nanoseconds). `replayed` is the position
    of the replica that the page was read from; None if it was the primary.
    """

    def __init__(
        self, wanted: PageRequest, raw: bytes, snapshot: str, replayed: Position | None
    ) -> None:
        self.wanted = wanted
        self.snapshot = snapshot
        self.seen_at = 0
        self.replayed = replayed
        self.plain = Body(raw)
        self.packs = len(raw) >= SMALLEST_COMPRESSED
        self.is_kept = len(raw) <= MAX_PAGE_BYTES and len(wanted.path) <= MAX_PATH_CHARACTERS
        self._packed: Body | None = None

    def shows(self, needed: Needed, now: int) -> bool:
        """Returns whether the page shows what is needed, without another check."""
        if needed.position is not None and not (
            self.replayed and self.replayed.covers(needed.position)
        ):
            return False
        return self.seen_at > (now if needed.current else now - freshness.MAX_LAG)

    @property
    def packed(self) -> Body:
        """The compressed page. The first request for it compresses it."""
        if self._packed is None:
            self._packed = Body(packed(self.plain.raw))
        return self._packed


class PageCache:
    """The pages of this process, by key. A full cache drops the page that was unused the longest.

    All callers get the same page. (Prices for single customers would have to be part of the key.)
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._pages: OrderedDict[tuple[str, str], CachedPage] = OrderedDict()

    def answer(
        self, request: HttpRequest, who: Caller, prepare: Callable[[], Make]
    ) -> HttpResponse:
        """Returns the page as a response. Calls `prepare`, and the function that it returns, only
        if no page in the cache is current enough."""
        # The path not as Django writes it: that would be the same for different queries.
        path = f"{request.path}?{request.META.get('QUERY_STRING', '')}"
        needed = freshness.needed(who, request.META.get(freshness.SENT))
        page = self.page(PageRequest(base_url(request), path, prepare), needed)
        is_packed = page.packs and takes_gzip(request)
        body = page.packed if is_packed else page.plain
        response = reply_body(request, body)
        if page.packs:
            note_encoding(response, is_packed=is_packed)
        if page.is_kept:
            request.META[PAGE] = self, page, body
        return response

    def page(self, wanted: PageRequest, needed: Needed) -> CachedPage:
        """Returns the page from the cache if it shows what is needed, otherwise the current page,
        of a replica if one may answer."""
        now, page = monotonic_ns(), self._used(wanted)
        if page is not None and page.shows(needed, now):
            return page
        if not freshness.REPLICATED or needed.current:
            return self._current(wanted, None)
        return replicas.read(needed.position, lambda state: self._current(wanted, state))

    def _used(self, wanted: PageRequest) -> CachedPage | None:
        """Returns the page from the cache, if it is there, and marks it as used."""
        with self._lock:
            page = self._pages.get(wanted.key)
            if page is not None:
                self._pages.move_to_end(wanted.key)
            return page

    def _current(self, wanted: PageRequest, state: State | None) -> CachedPage:
        """Returns the current page of the primary, or of a replica in the given state."""
        seen_at = monotonic_ns() if state is None else state.current_at
        snapshot = _snapshot() if state is None else str(state.replayed)
        page = self._used(wanted)
        if page is None or page.snapshot != snapshot or not snapshot:
            make = wanted.prepare()
            # The cache keeps the function as long as the page.
            again = wanted._replace(prepare=lambda: make)
            replayed = None if state is None else state.replayed
            page = CachedPage(again, encoded(make()), snapshot, replayed)
            self._keep(page)
        self._seen(page, seen_at)
        return page

    def _keep(self, page: CachedPage) -> None:
        if not page.is_kept:
            return
        with self._lock:
            if replaced := self._pages.get(page.wanted.key):
                # A thread that still has the replaced page must not send it to later requests.
                replaced.seen_at = 0
            self._pages[page.wanted.key] = page
            self._pages.move_to_end(page.wanted.key)
            while len(self._pages) > MAX_PAGES:
                _, gone = self._pages.popitem(last=False)
                gone.seen_at = 0

    def _seen(self, page: CachedPage, seen_at: int) -> None:
        """Notes that the page was current at this time, unless it was replaced."""
        with self._lock:
            if self._pages.get(page.wanted.key) is page:
                page.seen_at = max(page.seen_at, seen_at)


def _snapshot() -> str:
    """Returns the current snapshot. Empty in a transaction: a snapshot does not show the writes of
    the transaction that reads it."""
    return "" if connection.in_atomic_block else database.snapshot()
