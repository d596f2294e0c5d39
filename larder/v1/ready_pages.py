"""List pages as ready bytes: made once, and sent until anything in the database has changed.

Whether it has is looked at for each caller who wrote something since the last look, and ten times
a second for the others: they may see what others did up to 100 ms later, what they did themselves
at once. Where the processes of a server share no table of who wrote (SHARED_DIR), each request
looks.

To look is to ask PostgreSQL for its snapshot, which names the transactions that are visible:
while it reads the same, nothing was committed, by anybody. So a page that was made after a
snapshot was read is what the tables hold for as long as the snapshot still reads so. On a replica
it is what was replayed of the log, for a snapshot there does not name the open transactions; and
the page is as old as the replica is behind.

Source: "System Information Functions, pg_current_snapshot" in PostgreSQL's manual.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic_ns
from typing import NamedTuple
from weakref import WeakValueDictionary

from django.db import connection
from django.http import HttpRequest, HttpResponse

from larder.core import waits
from larder.core.batch_queue import BatchQueue, Limits
from larder.db import database, replicas
from larder.db.positions import Position
from larder.db.replicas import State
from larder.http.addresses import base_url
from larder.http.compression import SMALLEST_COMPRESSED, note_encoding, packed, takes_gzip
from larder.identity.caller import Caller
from larder.v1.freshness import REPLICATED, list_needs, needed_at
from larder.v1.http import Body, encoded, reply_body

MOST_PAGES = 256
"""In one process."""

LARGEST_PAGE = 64 * 1024
"""Bytes. Larger ones are made each time: 256 of these take 16 MiB."""

LONGEST_PATH = 2048
"""Characters of path and query; pages of longer ones are made each time."""

LONGEST_TURN = 1.0
"""Seconds for which a page that another thread reads is waited for."""

PAGE = "larder.ready_page"
"""Where a request keeps which page it was answered with, among which, and the bytes of it."""


def _look(group: Sequence[None]) -> Sequence[str]:
    return [database.snapshot()] * len(group)


_looks: BatchQueue[None, str] = BatchQueue(_look, Limits())
"""One look for all who came before it began: what it sees is no older than their requests."""

Make = Callable[[], object]
"""Reads what a page shows, each time it is called. It outlives the request, and needs it no more.
"""


class Wanted(NamedTuple):
    """A page that is asked for: where the client finds us, path and query as they were sent, and
    what understands the question, which is needed only if the page is to be made."""

    base: str
    path: str
    prepare: Callable[[], Make]

    @property
    def known_by(self) -> tuple[str, str]:
        """By what it is known again."""
        return self.base, self.path


class ReadyPage:
    """A page as it is while the database's snapshot reads so; `seen_at` (monotonic nanoseconds)
    it did. Of a page that a replica gave it is known what of the log is in it: `replayed`."""

    def __init__(
        self, wanted: Wanted, raw: bytes, snapshot: str, replayed: Position | None
    ) -> None:
        self.wanted = wanted
        self.snapshot = snapshot
        self.seen_at = 0
        self.replayed = replayed
        self.plain = Body(raw)
        self.packs = len(raw) >= SMALLEST_COMPRESSED
        self.is_kept = len(raw) <= LARGEST_PAGE and len(wanted.path) <= LONGEST_PATH
        self._packed: Body | None = None

    def good_for(self, caller: int, now: int) -> bool:
        """Whether the caller may have it at this moment as it was seen last."""
        return self.seen_at > needed_at(now, caller)

    @property
    def packed(self) -> Body:
        """Compressed, by the first request that asks for it."""
        if self._packed is None:
            self._packed = Body(packed(self.plain.raw))
        return self._packed


class ReadyPages:
    """The pages of this process, by what they were asked for; the longest unused go first.

    They are the same for everybody who may ask. (Prices of a customer's own would be another
    part of what was asked for.)
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._pages: OrderedDict[tuple[str, str], ReadyPage] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[str, str], Lock] = WeakValueDictionary()

    def answer(
        self, request: HttpRequest, who: Caller, prepare: Callable[[], Make]
    ) -> HttpResponse:
        """What is read by what `prepare` gives, or was read when the shop was as it is now."""
        page = self._page(request, who, prepare)
        is_packed = page.packs and takes_gzip(request)
        body = page.packed if is_packed else page.plain
        response = reply_body(request, body)
        if page.packs:
            note_encoding(response, is_packed=is_packed)
        if page.is_kept:
            request.META[PAGE] = self, page, body
        return response

    def renewed(self, page: ReadyPage, caller: int) -> ReadyPage:
        """What a page has become, good enough for the caller now. The primary gives it."""
        now, wanted = monotonic_ns(), page.wanted
        return self._good(
            wanted, lambda kept: kept.good_for(caller, now), lambda: self._current(wanted, None)
        )

    def _used(self, wanted: Wanted) -> ReadyPage | None:
        """What is kept, if anything is; it is the last to go."""
        with self._lock:
            page = self._pages.get(wanted.known_by)
            if page is not None:
                self._pages.move_to_end(wanted.known_by)
            return page

    def _page(self, request: HttpRequest, who: Caller, prepare: Callable[[], Make]) -> ReadyPage:
        # As it was sent: Django's own spelling of it is the same for queries that are not.
        path = f"{request.path}?{request.META.get('QUERY_STRING', '')}"
        wanted, now = Wanted(base_url(request), path, prepare), monotonic_ns()
        if not REPLICATED:
            return self._good(
                wanted, lambda page: page.good_for(who.id, now), lambda: self._current(wanted, None)
            )
        needs, anywhere = list_needs(request, who, now)

        def is_good(page: ReadyPage) -> bool:
            if met := needs.satisfied_by(page.seen_at, page.replayed):
                replicas.count_read("kept")
            return met

        usable = needs if anywhere else None
        return self._good(
            wanted,
            is_good,
            lambda: replicas.read(usable, lambda state: self._current(wanted, state)),
        )

    def _good(
        self, wanted: Wanted, is_good: Callable[[ReadyPage], bool], read: Callable[[], ReadyPage]
    ) -> ReadyPage:
        """Returns the page that is kept if it is good, or else what `read` returns.

        One thread at a time reads a page, for all that came before it began. The others wait
        before they have a connection: what a replica has replayed is known of one connection.
        """
        page = self._used(wanted)
        if page is not None and is_good(page):
            return page
        with self._lock:
            turn = self._turns.setdefault(wanted.known_by, Lock())
        with waits.holding(turn, LONGEST_TURN):
            page = self._used(wanted)
            return page if page is not None and is_good(page) else read()

    def _current(self, wanted: Wanted, state: State | None) -> ReadyPage:
        """The page as the primary has it now, or as a replica has it in that state."""
        seen_at = monotonic_ns() if state is None else state.current_at
        snapshot = _seen_now() if state is None else str(state.replayed)
        page = self._used(wanted)
        if page is None or page.snapshot != snapshot or not snapshot:
            make = wanted.prepare()
            # The page outlives the request, and so does what it was made by.
            again = wanted._replace(prepare=lambda: make)
            replayed = None if state is None else state.replayed
            page = ReadyPage(again, encoded(make()), snapshot, replayed)
            self._keep(page)
        self._seen(page, seen_at)
        return page

    def _keep(self, page: ReadyPage) -> None:
        if not page.is_kept:
            return
        with self._lock:
            if replaced := self._pages.get(page.wanted.known_by):
                # Whoever still has it in hand gives it to nobody who comes from now on.
                replaced.seen_at = 0
            self._pages[page.wanted.known_by] = page
            self._pages.move_to_end(page.wanted.known_by)
            while len(self._pages) > MOST_PAGES:
                _, gone = self._pages.popitem(last=False)
                gone.seen_at = 0

    def _seen(self, page: ReadyPage, seen_at: int) -> None:
        """It was current at that moment. One that was replaced meanwhile stays so."""
        with self._lock:
            if self._pages.get(page.wanted.known_by) is page:
                page.seen_at = max(page.seen_at, seen_at)


def _seen_now() -> str:
    """Empty within a transaction: no snapshot tells of what one's own has written."""
    return "" if connection.in_atomic_block else _looks.submit(None)
