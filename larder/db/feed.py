"""The feed: what changed behind a position, read so that nothing that commits late is missed.

A row of a feed carries the id of the transaction that wrote it (`xid8`) and a number. Both are
given before the transaction commits, so a slow one becomes visible behind rows that were read
already: whoever remembers only a number, or a time, misses it. Readers therefore go by
(transaction id, number) and stop before the oldest transaction that is still open
(`pg_snapshot_xmin`): what is before it is decided and stays as it is. They lag behind by that
transaction, in whatever table it writes. The server's role has half a minute for one on
PostgreSQL 17 and later, before that for each of its statements and pauses (larder/ops/roles.py);
imports by command take as long as they need.

Transaction ids mean something in one history of one installation only. After a restore from a
backup the same ids stand for other things, so a mark carries an epoch too, made of
- the cluster's identifier: `initdb` and `pg_upgrade` give a new one;
- its timeline: a restore to a point in time and a fail-over begin a new one;
- the ids of the database and of the feed's table: restoring a dump makes both anew.
A mark of another epoch, or one that is ahead of the database (a disk that was put back, which
changes none of the above), is refused, and its reader copies everything anew.

Source: PostgreSQL, "Transaction ID and Snapshot Information Functions".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from larder.core.errors import DomainError
from larder.db import database


class SinceExpired(DomainError):
    """The mark is of another history of the database: copy everything anew."""

    code = "since_expired"


class Mark(NamedTuple):
    """Where a reader is: behind this row of the feed, in this epoch."""

    epoch: str
    transaction_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Feed:
    """A table with the columns `transaction_id` and `position`, an index that begins with both,
    and a column that says what changed.

    `rows` narrows it down: what stands after FROM there, with the same columns. It holds the
    place of the mark itself, as `{behind}`, and parameters of its own before that.
    """

    table: str
    subject: str
    rows: str = ""

    @property
    def beginning(self) -> str:
        """The statement of `begin`: the end of the same range of the same index."""
        rows = self._from(f"transaction_id < {_HORIZON}")
        return f"""
SELECT here.epoch, coalesce(row.transaction_id::text::bigint, 0), coalesce(row.position, 0)
FROM (SELECT {self._epoch} AS epoch) AS here
LEFT JOIN (
    SELECT transaction_id, position FROM {rows}
    ORDER BY transaction_id DESC, position DESC LIMIT 1
) AS row ON TRUE
"""

    def page(self, rows: int) -> str:
        """The statement of `read`, for up to so many rows: one range of one index, from the mark
        to the horizon."""
        return f"""
SELECT here.epoch, here.ahead, row.transaction_id::text::bigint, row.position, row.subject
FROM (SELECT {self._epoch} AS epoch,
             pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS ahead) AS here
LEFT JOIN (
    SELECT transaction_id, position, {self.subject} AS subject FROM {self._from(_BEHIND)}
    ORDER BY transaction_id, position LIMIT {rows:d}
) AS row ON TRUE
ORDER BY row.transaction_id, row.position
"""

    def _from(self, condition: str) -> str:
        return (self.rows or "{table} WHERE {behind}").format(table=self.table, behind=condition)

    @property
    def _epoch(self) -> str:
        return f"""concat_ws('.',
    (SELECT system_identifier FROM pg_control_system()),
    left(pg_walfile_name(pg_current_wal_lsn()), 8),
    (SELECT oid FROM pg_database WHERE datname = current_database()),
    '{self.table}'::regclass::oid)"""


_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())"
# A mark the planner could see would be planned for anew each time (larder/inventory/sql.py).
_BEHIND = f"""(transaction_id, position) > ((SELECT %s::text::xid8), (SELECT %s::bigint))
      AND transaction_id < {_HORIZON}"""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a feed: what changed, in the order of the feed, the same perhaps more than once.

    `mark` is behind the last of them; `more` tells whether others follow that can be read now.
    """

    subjects: list[Any]
    mark: Mark
    more: bool
    rows: list[tuple[int, int]] = field(default_factory=list)
    """The transaction and number of each."""

    def up_to(self, index: int) -> "Page":
        """Returns the page that ends with this row; others follow it."""
        kept, mark = index + 1, Mark(self.mark.epoch, *self.rows[index])
        return Page(self.subjects[:kept], mark, more=True, rows=self.rows[:kept])


def begin(feed: Feed, *, parameters: Sequence[Any] = ()) -> Mark:
    """The mark for a reader who copies everything first: whatever the copy cannot see, because
    it was not committed when this was called, is behind the mark.

    It is the last row before the horizon, and not the horizon itself: the ids of transactions
    that were rolled back are given out again after a crash, for they were never on disk. What
    was committed was, and all ids that come after a crash are above it.
    """
    return Mark(*database.rows(feed.beginning, parameters)[0])


def read(feed: Feed, after: Mark, *, limit: int, parameters: Sequence[Any] = ()) -> Page:
    """Up to `limit` rows behind a mark. Raises SinceExpired. `parameters` are those of `rows`."""
    asked = [*parameters, str(after.transaction_id), after.number]
    found = database.rows(feed.page(limit + 1), asked)
    epoch, ahead = found[0][:2]
    if after.epoch != epoch or after.transaction_id > ahead:
        raise SinceExpired
    rows: list[Any] = [row[2:] for row in found if row[3] is not None]
    shown = rows[:limit]
    mark = Mark(epoch, shown[-1][0], shown[-1][1]) if shown else after
    places = [row[:2] for row in shown]
    return Page([row[2] for row in shown], mark, more=len(rows) > limit, rows=places)
