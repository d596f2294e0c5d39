"""The read-your-writes table: when each caller last wrote, for all processes of a server.

A page from the page cache may be 100 ms old, except for callers who have written something since
(larder/v1/page_cache.py). Any process may serve a caller's next request, so the processes share
this table: eight bytes for each caller, the time of the last write.
"""

import errno
import logging
import mmap
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from time import monotonic_ns

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from larder.core import commits, reserved
from larder.core.best_effort import best_effort

logger = logging.getLogger(__name__)

SLOTS = 8192
"""Callers with the same remainder share a slot, so one of them causes an unneeded check."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

COMMITS = "larder.commits"
"""The key of the environ for the number of commits that the fast path made for the request."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class WriteTimes:
    """The time of each caller's last write, in nanoseconds of this machine's monotonic clock."""

    def __init__(self, file: Path) -> None:
        """Map the file, which the first process makes. Raises OSError.

        If the disk is full, the first process makes an empty file. Then no process of this server
        has the table, because a write that only some of them note would be missed.
        """
        size = SLOTS * 8
        try:
            if not file.exists():
                reserved.make(file, size)
        except OSError:
            file.open("ab").close()
        with file.open("r+b") as shared:
            if os.fstat(shared.fileno()).st_size != size:
                raise OSError(errno.ENOSPC, "there was no room for it", str(file))
            self._moments = memoryview(mmap.mmap(shared.fileno(), size)).cast("q")
        self._threads = Lock()

    def note(self, caller: int) -> None:
        """Notes that a write of this caller is committed.

        A process that is delayed between reading the clock and storing it may put an earlier time
        over that of another process. A page is then older than the caller's write, by no more than
        any page may be.
        """
        with self._threads:
            slot = caller % SLOTS
            self._moments[slot] = max(self._moments[slot], monotonic_ns())

    def last(self, caller: int) -> int:
        """Returns the time of the last write; 0 without one since the server started."""
        return self._moments[caller % SLOTS]


@cache
def write_times() -> WriteTimes | None:
    """Returns the table of this server; None without SHARED_DIR, or if that folder is full.

    Raises OSError if SHARED_DIR is not a folder.
    """
    if not settings.SHARED_DIR:
        return None
    try:
        return WriteTimes(Path(settings.SHARED_DIR, "writes"))
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        logger.warning(
            "%s is full: each request checks the database for changes. Make room, then restart the"
            " server.",
            settings.SHARED_DIR,
        )
        return None


def note_write_of(caller: int) -> None:
    """Notes that a write of this caller is committed."""
    writes = write_times()
    if writes is not None:
        writes.note(caller)


def note_writes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware: notes a write before its response is sent, so that the process that serves the
    client's next request knows of it. Restarts the count of the request's commits."""

    def middleware(request: HttpRequest) -> HttpResponse:
        commits.restart(request.META.get(COMMITS, 0))
        response = get_response(request)
        if request.method not in SAFE:
            best_effort(_note, request)
        return response

    return middleware


def _note(request: HttpRequest) -> None:
    caller = getattr(request, "user", None)
    if caller is not None and caller.id is not None:
        note_write_of(caller.id)
