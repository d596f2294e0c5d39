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

import gzip
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic_ns
from weakref import WeakValueDictionary

from django.db import connection
from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request

from larder.api.addresses import base_url
from larder.api.v1.freshness import REPLICATED, list_needs, needed_at
from larder.api.v1.http import Body, caller, encoded, reply_body
from larder.common import database, replicas
from larder.common.group_commit import GroupCommit, Limits
from larder.common.positions import Position
from larder.common.replicas import State

MOST_PAGES = 256
"""In one process."""

LARGEST_PAGE = 64 * 1024
"""Bytes. Larger ones are made each time: 256 of these take 16 MiB."""

LONGEST_PATH = 2048
"""Characters of path and query; pages of longer ones are made each time."""

SMALLEST_COMPRESSED = 1024

LONGEST_TURN = 1.0
"""Seconds for which the page that somebody else makes is waited for."""

PAGE = "larder.ready_page"
"""Where a request keeps which page it was answered with, and the bytes of it."""


def _look(group: Sequence[None]) -> Sequence[str]:
    return [database.snapshot()] * len(group)


_looks: GroupCommit[None, str] = GroupCommit(_look, Limits())
"""One look for all who came before it began: what it sees is no older than their requests."""

Asked = tuple[str, str]
"""Where the client finds us, and path and query."""


class ReadyPage:
    """A page as it is while the database's snapshot reads so; `seen_at` (monotonic nanoseconds)
    it did. Of a page that a replica gave it is known what of the log is in it: `replayed`."""

    def __init__(self, snapshot: str, raw: bytes) -> None:
        self.snapshot = snapshot
        self.seen_at = 0
        self.replayed: Position | None = None
        self.plain = Body(raw)
        self._packed: Body | None = None

    def good_for(self, caller: int, now: int) -> bool:
        """Whether the caller may have it at this moment as it was seen last."""
        return self.seen_at > needed_at(now, caller)

    @property
    def packed(self) -> Body:
        """Compressed, by the first request that asks for it."""
        if self._packed is None:
            self._packed = Body(gzip.compress(self.plain.raw, compresslevel=6, mtime=0))
        return self._packed


class ReadyPages:
    """The pages of this process, by what they were asked for; the longest unused go first.

    They are the same for everybody who may ask. (Prices of a customer's own would be another
    part of what was asked for.)
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._pages: OrderedDict[Asked, ReadyPage] = OrderedDict()
        self._turns: WeakValueDictionary[Asked, Lock] = WeakValueDictionary()

    def answer(self, request: Request, make: Callable[[], object]) -> HttpResponse:
        """What `make` gives, or gave when the shop was as it is now."""
        page = self._page(request, make)
        packs = len(page.plain.raw) >= SMALLEST_COMPRESSED
        packed = page.packed if packs and _takes_gzip(request) else None
        body = packed or page.plain
        response = reply_body(request, body)
        if packed is not None and response.content:
            response.headers["Content-Encoding"] = "gzip"
        if packs:
            patch_vary_headers(response, ["Accept-Encoding"])
        if len(page.plain.raw) <= LARGEST_PAGE:
            request.META[PAGE] = page, body
        return response

    def _page(self, request: Request, make: Callable[[], object]) -> ReadyPage:
        asked, now = (base_url(request), request.get_full_path()), monotonic_ns()
        with self._lock:
            page = self._pages.get(asked)
            if page is not None:
                self._pages.move_to_end(asked)
        if REPLICATED:
            needs, anywhere = list_needs(request, now)
            if page is not None and needs.met_by(page.seen_at, page.replayed):
                replicas.tell("kept")
                return page
            return replicas.read(
                needs if anywhere else None, lambda state: self._current(asked, page, make, state)
            )
        if page is not None and page.good_for(caller(request).id, now):
            return page
        return self._current(asked, page, make, None)

    def _current(
        self, asked: Asked, page: ReadyPage | None, make: Callable[[], object], state: State | None
    ) -> ReadyPage:
        """The page as the primary has it now, or as a replica has it in that state."""
        seen_at = monotonic_ns() if state is None else state.current_at
        snapshot = _seen_now() if state is None else str(state.replayed)
        if page is None or page.snapshot != snapshot or not snapshot:
            replayed = None if state is None else state.replayed
            page = self._made(asked, snapshot, make, replayed)
        page.seen_at = max(page.seen_at, seen_at)
        return page

    def _made(
        self,
        asked: Asked,
        snapshot: str,
        make: Callable[[], object],
        replayed: Position | None = None,
    ) -> ReadyPage:
        """The page of this snapshot, made by the first of those who want it at once."""
        with self._lock:
            turn = self._turns.setdefault(asked, Lock())
        is_first = turn.acquire(timeout=LONGEST_TURN)
        try:
            page = self._pages.get(asked)
            if page is None or page.snapshot != snapshot or not snapshot:
                page = ReadyPage(snapshot, encoded(make()))
                page.replayed = replayed
                self._keep(asked, page)
            return page
        finally:
            if is_first:
                turn.release()

    def _keep(self, asked: Asked, page: ReadyPage) -> None:
        if len(page.plain.raw) > LARGEST_PAGE or len(asked[1]) > LONGEST_PATH:
            return
        with self._lock:
            if replaced := self._pages.get(asked):
                # Whoever still has it in hand gives it to nobody who comes from now on.
                replaced.seen_at = 0
            self._pages[asked] = page
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)


def _seen_now() -> str:
    """Empty within a transaction: no snapshot tells of what one's own has written."""
    return "" if connection.in_atomic_block else _looks.ask(None)


_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=([\d.]*)\s*)?(?:,|$)", re.IGNORECASE)


def _takes_gzip(request: Request) -> bool:
    """Whether the client takes gzip: named, and not with a weight of nothing."""
    found = _GZIP.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
    return found is not None and (found[1] is None or found[1].strip("0.") != "")
