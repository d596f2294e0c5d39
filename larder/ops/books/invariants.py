"""The invariants, checked in the tables: nothing is oversold, lost or duplicated.

The services keep them; this checks the result. What a constraint or a unique index of the database
keeps is not among them: amcheck checks the indexes. There is no automatic repair: a person must
first understand how a violation happened.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from django.db import connection, transaction

from larder.db.database import LIFT_TIME_LIMIT
from larder.ops.books import payments_sql, sql, stock_sql

MOST_SHOWN = 20
"""Rows of a violated invariant that a report shows. All are counted."""

SESSION = """
SET LOCAL statement_timeout = '15min';
SET LOCAL enable_seqscan = on;
SET LOCAL work_mem = '64MB';
SET LOCAL enable_nestloop = off
"""
"""The server's role has a limit of ten seconds for a statement, too short for the ledger of a large
shop. The hash tables of some hundred thousand orders fit into this memory. Tables that grew fast
have outdated statistics, and a nested loop chosen by those would take hours."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """`means` is the invariant in words, `look_at` is where to begin if it is violated;
    `violations` is the statement that finds the rows that violate it."""

    name: str
    means: str
    look_at: str
    violations: str


_LEDGER = "the product's ledger (GET products/{id}/ledger) beside its stock row"
_EVENTS = "the order's events beside its ledger entries"

INVARIANTS = (
    Invariant(
        "stock_is_the_sum_of_its_ledger",
        "Available and committed equal the sums of all changes in the ledger.",
        f"what wrote stock without inventory.services.movements.move: {_LEDGER}",
        stock_sql.DIFFERS_FROM_LEDGER_SUM,
    ),
    Invariant(
        "ledger_is_an_unbroken_chain",
        "Each ledger entry's balances equal those of the entry before it plus its change.",
        "an entry that was deleted, changed, or written without the lock of the stock row",
        stock_sql.BROKEN_LEDGER_CHAIN,
    ),
    Invariant(
        "movements_fit_their_cause",
        "Each ledger entry changes available and committed as its cause allows.",
        "what wrote the entry: its reference is the order event or the adjustment",
        stock_sql.IMPOSSIBLE_MOVEMENT,
    ),
    Invariant(
        "adjustments_explain_their_entries",
        "Entries with a reason of staff, and no others, refer to an adjustment with that reason.",
        "the adjustment table; adjustments are never deleted",
        sql.UNEXPLAINED_ADJUSTMENT,
    ),
    Invariant(
        "ledger_refers_to_order_events",
        "Each ledger entry of an order refers to an event that exists.",
        "an order that was lost or half written; compare with the server's log at that time",
        sql.UNKNOWN_EVENT,
    ),
    Invariant(
        "order_lines_are_in_the_ledger",
        "The ledger entries of an order's events took exactly the units of its lines.",
        _EVENTS,
        sql.UNEXPLAINED_LINE,
    ),
    Invariant(
        "held_lines_are_those_of_pending_orders",
        "Each line of a pending order has a held line with its units and its expiry; no other "
        "order has one.",
        "what changed the order without its held lines: larder/inventory/services/holds.py",
        stock_sql.DIFFERS_FROM_HELD_LINE,
    ),
    Invariant(
        "next_expiry_is_that_of_the_held_lines",
        "A product's next expiry is the earliest one of its held lines that are not released.",
        "what wrote a held line without the stock row: its units would not be released in time",
        stock_sql.DIFFERS_FROM_NEXT_EXPIRY,
    ),
    Invariant(
        "totals_are_the_sum_of_lines",
        "An order has lines, and its total is the sum of quantity × unit price over them.",
        "what changed the lines or the total after placing: the order's events",
        sql.WRONG_TOTAL,
    ),
    Invariant(
        "lines_and_events_have_an_order",
        "Each line and each event belongs to an order that exists.",
        "what deleted the order; orders are never deleted",
        sql.LOST_ORDER,
    ),
    Invariant(
        "status_is_that_of_the_last_event",
        "An order has events, and its status is the one after the last.",
        "what wrote the order or its status without an event",
        sql.DIFFERS_FROM_LAST_EVENT,
    ),
    Invariant(
        "order_history_has_no_gaps",
        "Each event of an order begins in the status in which the event before it ended.",
        "two moves of one order that did not see each other, or a missing event",
        sql.BROKEN_HISTORY,
    ),
    Invariant(
        "lines_have_the_time_of_their_order",
        "A line has the same time of placing as its order; a product's history is read by it.",
        "the triggers date_line and date_lines; the time of the order is the right one",
        sql.DIFFERS_FROM_TIME_OF_ORDER,
    ),
    Invariant(
        "changes_tell_of_the_last_event",
        "An order's position in the feed of its customer is not before that of its last event.",
        "the trigger tell_change: apps that keep a copy show the order as it was",
        sql.EVENT_NOT_IN_FEED,
    ),
    Invariant(
        "moves_are_of_the_lifecycle",
        "Each event changes the status as the lifecycle allows.",
        "larder/orders/lifecycle.py, and what wrote the event without it",
        sql.IMPOSSIBLE_MOVE,
    ),
    Invariant(
        "entries_fit_their_event",
        "Each ledger entry of an order has a cause that an event of that type can have.",
        _EVENTS,
        sql.ENTRY_OF_ANOTHER_EVENT,
    ),
    Invariant(
        "what_was_not_picked_is_in_the_events",
        "Units that were missing in packing, or left on the shelf, are those in the event.",
        _EVENTS,
        sql.DIFFERS_FROM_PICKED,
    ),
    Invariant(
        "returns_are_in_the_events",
        "The returned units of a line are those in the return events, and the restocked ones are "
        "in the ledger.",
        _EVENTS,
        sql.DIFFERS_FROM_RETURNS,
    ),
    Invariant(
        "what_was_held_is_booked_as_it_is_now",
        "The booked units of an order that awaited its payment are those of its lines.",
        "what changed the lines without larder/orders/services/book_sales.py",
        sql.DIFFERS_FROM_SALES,
    ),
    Invariant(
        "returned_orders_came_back_whole",
        "An order has the status returned exactly if all units of its lines are returned.",
        "the order's return events beside its lines",
        sql.RETURNED_IN_PART,
    ),
    Invariant(
        "sums_of_payments_are_those_of_the_records",
        "The sums of an order's payments are those of its records in the order's currency.",
        "what wrote the sums without larder/orders/services/payments.py",
        payments_sql.DIFFERS_FROM_RECORDS,
    ),
    Invariant(
        "refunds_due_are_what_is_held_too_much",
        "A refund is due exactly where the shop holds more than the order costs, and of that "
        "amount.",
        "the order's payments and events: what changed its total without the refund due",
        payments_sql.WRONG_REFUND_DUE,
    ),
    Invariant(
        "no_claim_is_left_open",
        "Each committed idempotency key has a result.",
        "the use case of the operation: it committed without settle or release",
        sql.OPEN_CLAIM,
    ),
    Invariant(
        "keys_lead_to_orders",
        "Each idempotency key and client id of an order leads to an order that exists.",
        "what deleted the order: a repeat of its request is now answered with 404",
        sql.KEY_WITHOUT_ORDER,
    ),
    Invariant(
        "abandoned_ids_have_no_order",
        "No order and no cart has an abandoned id, as the client was promised.",
        "the order's events, beside larder/orders/services/abandon.py",
        sql.ABANDONED_ORDER,
    ),
    Invariant(
        "abandoned_keys_place_nothing",
        "An abandoned key is claimed for both operations that place orders, without an expiry.",
        "what deleted or changed the other claim of the key",
        sql.ABANDONED_IN_PART,
    ),
    Invariant(
        "keys_belong_to_who_may_see",
        "Each key with which an order was placed or moved belongs to a caller who may do that, and "
        "leads to the order of the request.",
        "the actor (the order's events): a repeat with the key shows the order to another caller",
        sql.KEY_OF_WRONG_CALLER,
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one invariant: the number of rows that violate it, the first of them, and the
    duration. Amounts in the rows are strings."""

    invariant: Invariant
    violations: int
    rows: Sequence[dict[str, Any]]
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order of INVARIANTS, of one snapshot (as pg_current_snapshot writes it),
    and the number of checked rows by table."""

    snapshot: str
    looked_at: dict[str, int]
    findings: Sequence[Finding]

    @property
    def violated(self) -> list[Finding]:
        """The invariants that do not hold."""
        return [finding for finding in self.findings if finding.violations]

    @property
    def seconds(self) -> float:
        """The duration of all statements together."""
        return sum(finding.seconds for finding in self.findings)


class Cursor(Protocol):
    """The methods of a database cursor that are needed here. Django's and psycopg's have them."""

    def execute(self, query: Any, /) -> Any: ...

    def fetchall(self) -> list[Any]: ...


def check() -> Report:
    """Checks all invariants in one snapshot, without writes and locks.

    Orders are placed meanwhile. Must not be called in a transaction.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(SESSION)
        cursor.execute(LIFT_TIME_LIMIT)
        return examine(cursor)


def examine(cursor: Cursor) -> Report:
    """Checks all invariants in the cursor's transaction."""
    cursor.execute(sql.EXTENT)
    ((snapshot, looked_at),) = cursor.fetchall()
    findings = [_look(cursor, invariant) for invariant in INVARIANTS]
    return Report(snapshot, json.loads(looked_at), findings)


def _look(cursor: Cursor, invariant: Invariant) -> Finding:
    began = monotonic()
    counted = "SELECT count(*) OVER (), to_jsonb(found)::text"
    cursor.execute(f"{counted} FROM ({invariant.violations}) AS found LIMIT {MOST_SHOWN}")
    rows = cursor.fetchall()
    shown = [json.loads(row, parse_float=str) for _, row in rows]
    return Finding(invariant, rows[0][0] if rows else 0, shown, monotonic() - began)
