"""Who wrote something a moment ago: known to all processes of a server on one machine.

Pages that are kept may be a moment old for everybody but those who have just changed something
themselves (larder/v1/ready_pages.py). Which process serves their next request is chance, so
the processes share a table: eight bytes for a caller, the moment of their last write.
"""

import errno
import logging
import mmap
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import monotonic_ns

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from larder.core import commits, reserved
from larder.core.harmless import harmless

logger = logging.getLogger(__name__)

SLOTS = 8192
"""Callers with the same remainder share a slot: one of them looks once more than they need."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

COMMITS = "larder.commits"
"""Where the environ has how many commits an attempt before Django made."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class RecentWrites:
    """When each caller wrote last, in nanoseconds of this machine's monotonic clock."""

    def __init__(self, file: Path) -> None:
        """Map the file, which the first process makes. Raises OSError.

        Where the first process found no room for it, an empty file says so, and no process of
        this server has the table: a write that only some of them know of would be missed.
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

    def note(self, caller: int) -> None:
        """Something of this caller was written, and is committed."""
        slot = caller % SLOTS
        # Not back in time where another thread of the same caller was faster.
        self._moments[slot] = max(self._moments[slot], monotonic_ns())

    def last(self, caller: int) -> int:
        """When that was; 0 if never since the server started."""
        return self._moments[caller % SLOTS]


@cache
def recent_writes() -> RecentWrites | None:
    """What the processes of this server share; None without SHARED_DIR, or where it has no room.

    Raises OSError where the folder is none.
    """
    if not settings.SHARED_DIR:
        return None
    try:
        return RecentWrites(Path(settings.SHARED_DIR, "writes"))
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        logger.warning(
            "%s is full: each request looks for changes in the database.", settings.SHARED_DIR
        )
        return None


def note_write_of(caller: int) -> None:
    """Something of this caller was written, and is committed."""
    writes = recent_writes()
    if writes is not None:
        writes.note(caller)


def note_writes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware: notes a write before its answer is sent, so that the process that answers the
    client next knows of it. Restarts the count of the request's commits."""

    def middleware(request: HttpRequest) -> HttpResponse:
        commits.restart(request.META.get(COMMITS, 0))
        response = get_response(request)
        if request.method not in SAFE:
            harmless(_note, request)
        return response

    return middleware


def _note(request: HttpRequest) -> None:
    caller = getattr(request, "user", None)
    if caller is not None and caller.id is not None:
        note_write_of(caller.id)
