"""Files of many orders (CSV, RFC 4180), which are written while the client reads them."""

import csv
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from io import StringIO
from itertools import chain, islice
from typing import TypeVar

from larder.core.clock import Stopwatch
from larder.core.ids import CORRELATION_ID
from larder.core.waits import SlotsPerKey
from larder.db import database
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import renewed

Order = TypeVar("Order")

EXPORTS_AT_ONCE = 2
"""Files that a process writes at once for customers, and as many for staff. Further requests are
answered with 503."""

LONGEST_EXPORT = 30 * 60.0
"""Seconds after which the server stops writing a file, also if the client is still reading."""

CALLER_TRUSTED_SECONDS = 5.0
"""Seconds after which the rights of the caller are checked again before the file goes on."""

ROWS_AT_ONCE = 200
"""Rows that are sent together. Each can repeat 10 kB of its order's texts."""

_places = SlotsPerKey(EXPORTS_AT_ONCE)
"""The files that the process writes for staff, and for customers."""

_accounts = SlotsPerKey(1)
"""The accounts whose files the process writes: one file at a time for each."""


def stream(
    caller: Caller,
    parts: Iterator[list[Order]],
    columns: Iterable[str],
    rows_of: Callable[[Iterable[Order]], Iterator[Iterable[object]]],
    *,
    is_own: bool = False,
) -> Generator[bytes, None, None]:
    """Yields the file in pieces: the columns, and the rows of each part of the orders. The first
    piece is empty, and is yielded after the first orders were read.

    Raises Overloaded. The file counts as open until the generator ends, fails, is closed or is
    garbage. It fails when its caller may no longer read these orders.
    """
    # Each part may be made in another thread.
    request = CORRELATION_ID.get()
    running = checked = Stopwatch()
    with _accounts.hold(caller.id), _places.hold(caller.may("orders.export_order")):
        first = next(parts, [])
        yield b""
        try:
            for rows in chain([chain([columns], rows_of(first))], map(rows_of, parts)):
                while piece := list(islice(rows, ROWS_AT_ONCE)):
                    if running.seconds > LONGEST_EXPORT:
                        raise TimeoutError(f"a file was read for more than {LONGEST_EXPORT:.0f} s")
                    if checked.seconds > CALLER_TRUSTED_SECONDS:
                        checked = _check(caller, is_own=is_own)
                    yield _written(piece)
        except Exception:
            # Some servers do not close the connection on an error. Then only this line shows it.
            yield _BROKEN.format(request).encode()
            raise


def begin(file: Iterator[bytes], name: str, filters: Mapping[str, object]) -> None:
    """Reads the first orders, then records the export. The answer begins after this: an error
    until here is answered as for other requests. Raises Overloaded."""
    next(file)
    audit.record(f"export:{name}", "export", after=filters)
    database.release()


_BROKEN = '"This file is incomplete: the server broke it off. Correlation-ID {}'
"""A last line with an open quote, so that strict readers reject the incomplete file."""


def _check(caller: Caller, *, is_own: bool) -> Stopwatch:
    """Checks the present rights of the caller. Returns the time since then. Raises SessionEnded,
    NotStaff, PermissionMissing, SecondFactorRequired."""
    present = renewed(caller)
    database.release()
    if not is_own:
        present.require("orders.export_order")
    return Stopwatch()


def _written(rows: Iterable[Iterable[object]]) -> bytes:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
