"""Change feed: reads what changed after a position, and misses no transaction that commits late.

A row has the id of the transaction that changed it last (`xid8`) and a number. Readers go by both,
and stop before the oldest open transaction (`pg_snapshot_xmin`): all before it have ended, so no
row is added behind a reader. Readers lag behind by the duration of that transaction.

A transaction id is valid in one history of one installation only. So a mark contains an epoch: the
cluster (`initdb` and `pg_upgrade` make a new one), its timeline (a fail-over and a restore to a
point in time begin one), and the ids of the database and of the feed's table (restoring a dump
creates both anew). A mark of another epoch is refused, and so is one ahead of the database: a
restored disk changes none of these. Its reader must copy everything again.

Source: PostgreSQL, "Transaction ID and Snapshot Information Functions".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from larder.core.errors import DomainError
from larder.db import database


class SinceExpired(DomainError):
    """since is from before the database was replaced; start without it. The client must copy
    everything again."""

    code = "since_expired"


class Mark(NamedTuple):
    """The position of a reader: after this row of the feed, in this epoch."""

    epoch: str
    transaction_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Feed:
    """A table with the columns `transaction_id` and `position`, an index that begins with both,
    and a column that says what changed.

    `rows` restricts the feed. It is the FROM clause, with the same columns. It contains `{behind}`
    for the condition of the mark, and may contain parameters before it.
    """

    table: str
    subject: str
    rows: str = ""

    @property
    def beginning(self) -> str:
        """Returns the statement of `begin`: it reads the end of the index range of `page`."""
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
        """Returns the statement of `read` for up to `rows` rows. It scans one index range, from the
        mark to the horizon."""
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
# The subselects hide the mark from the planner: one generic plan serves all (inventory/sql.py).
_BEHIND = f"""(transaction_id, position) > ((SELECT %s::text::xid8), (SELECT %s::bigint))
      AND transaction_id < {_HORIZON}"""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a feed in its order. `subjects` is what changed; a subject may occur repeatedly.

    `mark` is after the last row. `more` is whether further rows can be read now.
    """

    subjects: list[Any]
    mark: Mark
    more: bool
    rows: list[tuple[int, int]] = field(default_factory=list)
    """The transaction id and the number of each row."""

    def up_to(self, index: int) -> "Page":
        """Returns the page that ends with the row of this index. Its `more` is True."""
        end, mark = index + 1, Mark(self.mark.epoch, *self.rows[index])
        return Page(self.subjects[:end], mark, more=True, rows=self.rows[:end])


def begin(feed: Feed, *, parameters: Sequence[Any] = ()) -> Mark:
    """Returns the mark for a reader that copies everything next. All changes that the copy cannot
    see, because they commit after this call, come after the mark.

    The mark is the last row before the horizon, not the horizon itself. After a crash PostgreSQL
    assigns the ids of rolled back transactions again, because those were not on disk. Committed
    transactions were, so all ids after a crash are higher than theirs.
    """
    return Mark(*database.rows(feed.beginning, parameters)[0])


def read(feed: Feed, after: Mark, *, limit: int, parameters: Sequence[Any] = ()) -> Page:
    """Returns up to `limit` rows after a mark. `parameters` are those of the feed's `rows`.

    Raises SinceExpired.
    """
    mark_values = [str(after.transaction_id), after.number]
    changes = database.rows(feed.page(limit + 1), [*parameters, *mark_values])
    epoch, ahead = changes[0][:2]
    if after.epoch != epoch or after.transaction_id > ahead:
        raise SinceExpired
    rows: list[Any] = [row[2:] for row in changes if row[3] is not None]
    shown = rows[:limit]
    mark = Mark(epoch, shown[-1][0], shown[-1][1]) if shown else after
    places = [row[:2] for row in shown]
    return Page([row[2] for row in shown], mark, more=len(rows) > limit, rows=places)
