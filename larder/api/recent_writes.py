"""Who wrote something a moment ago: known to all processes of a server on one machine.

Pages that are kept may be a moment old for everybody but those who have just changed something
themselves (larder/api/v1/ready_pages.py). Which process serves their next request is chance, so
the processes share a table: eight bytes for a caller, the moment of their last write.
"""

import mmap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import monotonic_ns

from django.conf import settings
from django.http import HttpRequest, HttpResponse

SLOTS = 8192
"""Callers with the same remainder share a slot: one of them looks once more than they need."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class RecentWrites:
    """When each caller wrote last, in nanoseconds of this machine's monotonic clock."""

    def __init__(self, file: Path) -> None:
        """`file` is made unless another process was first. Raises OSError."""
        size = SLOTS * 8
        with file.open("ab") as made:
            made.truncate(size)  # as long as it is, if it is there: zeros, or what was noted
        with file.open("r+b") as shared:
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
    """What the processes of this server share; None where they share no folder."""
    return RecentWrites(Path(settings.SHARED_DIR, "writes")) if settings.SHARED_DIR else None


def note_write_of(caller: int) -> None:
    """Something of this caller was written, and is committed."""
    writes = recent_writes()
    if writes is not None:
        writes.note(caller)


def note_writes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware: before whoever wrote is told, everybody who answers them next knows."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method not in SAFE:
            caller = getattr(request, "user", None)
            if caller is not None and caller.id is not None:
                note_write_of(caller.id)
        return response

    return middleware
