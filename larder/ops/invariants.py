"""What must hold at every moment, proved from the tables: nothing oversold, lost or doubled.

The database's constraints and the services keep these; this looks whether they did. There is no
repair: what is found was never to happen, and a person has to understand it first.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from django.db import connection, transaction

from larder.db.database import LIFT_TIME_LIMIT
from larder.ops import sql

MOST_SHOWN = 20
"""Rows of a violated invariant that a report shows; all of them are counted."""

SESSION = """
SET LOCAL statement_timeout = '15min';
SET LOCAL enable_seqscan = on;
SET LOCAL work_mem = '64MB';
SET LOCAL enable_nestloop = off
"""
"""The server's role has ten seconds for a statement, which a big shop's ledger would not fit in.
The hash tables of some hundred thousand orders stay in memory. Tables that grew fast have old
statistics, and a nested loop chosen by those would take hours."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """`means` is what holds, `look_at` where to begin when it does not; `violations` is the
    statement that finds the rows that break it."""

    name: str
    means: str
    look_at: str
    violations: str


_LEDGER = "the product's ledger (GET products/{id}/ledger) beside its stock row"
_EVENTS = "the order's events beside its ledger entries"

INVARIANTS = (
    Invariant(
        "stock_is_not_negative",
        "No product has fewer than zero units available or committed.",
        f"the CHECK constraints of the stock table, then {_LEDGER}",
        sql.NEGATIVE_STOCK,
    ),
    Invariant(
        "balances_were_never_negative",
        "At no moment of the ledger were there fewer than zero units: nothing was oversold.",
        "the entry that went below zero, and which orders were placed just before it",
        sql.NEGATIVE_BALANCE,
    ),
    Invariant(
        "each_product_has_one_stock_row",
        "Each product has exactly one stock row, and each stock row a product.",
        "the trigger make_stock_row on the product table",
        sql.NO_SINGLE_STOCK_ROW,
    ),
    Invariant(
        "stock_is_the_sum_of_its_ledger",
        "Available and committed equal what all changes in the ledger add up to.",
        f"what wrote stock without inventory.services.movements.move: {_LEDGER}",
        sql.UNLIKE_LEDGER_SUM,
    ),
    Invariant(
        "stock_is_the_last_balance",
        "Available and committed equal the balances after the product's last ledger entry.",
        f"what wrote stock without inventory.services.movements.move: {_LEDGER}",
        sql.UNLIKE_LAST_BALANCE,
    ),
    Invariant(
        "ledger_is_an_unbroken_chain",
        "Each ledger entry's balances equal those of the entry before it plus its change.",
        "an entry that was deleted, changed, or written without the lock of the stock row",
        sql.BROKEN_LEDGER_CHAIN,
    ),
    Invariant(
        "movements_fit_their_cause",
        "Each cause moves units only between the places it is meant to move them between.",
        "what booked the entry: its reference is the order event or the adjustment",
        sql.IMPOSSIBLE_MOVEMENT,
    ),
    Invariant(
        "stock_was_opened_once",
        "A product has at most one opening entry.",
        "the run that loaded the product a second time",
        sql.SEVERAL_OPENINGS,
    ),
    Invariant(
        "adjustments_explain_their_entries",
        "Entries with a reason of staff refer to an adjustment of that reason, and no others do.",
        "the adjustment table; adjustments are never deleted",
        sql.UNEXPLAINED_ADJUSTMENT,
    ),
    Invariant(
        "ledger_refers_to_order_events",
        "Each ledger entry of an order refers to an event that exists: no units left for nobody.",
        "an order that was lost or half written; compare with the server's log at that time",
        sql.UNKNOWN_EVENT,
    ),
    Invariant(
        "order_lines_are_in_the_ledger",
        "The ledger entries of an order's events took exactly the units that its lines promise.",
        _EVENTS,
        sql.UNEXPLAINED_LINE,
    ),
    Invariant(
        "committed_is_what_is_unshipped",
        "Committed equals the units of all orders that are placed or packed.",
        "orders of the product, and which of them is not in the ledger",
        sql.UNLIKE_UNSHIPPED,
    ),
    Invariant(
        "totals_are_the_sum_of_lines",
        "An order's total is the sum of quantity × unit price over its lines.",
        "what changed the lines or the total after placing: the order's events",
        sql.WRONG_TOTAL,
    ),
    Invariant(
        "orders_have_lines",
        "Every order that was placed has at least one line.",
        "what deleted the lines; the ledger still tells which products they were",
        sql.NO_LINES,
    ),
    Invariant(
        "lines_and_events_have_an_order",
        "No line and no event is left of an order that is gone.",
        "what deleted the order; orders are never deleted",
        sql.LOST_ORDER,
    ),
    Invariant(
        "orders_were_placed_once",
        "Every order that is no draft was placed once, and a draft never.",
        _EVENTS,
        sql.NOT_PLACED_ONCE,
    ),
    Invariant(
        "status_is_that_of_the_last_event",
        "An order's status is where its last event led.",
        "what wrote the status without an event",
        sql.UNLIKE_LAST_EVENT,
    ),
    Invariant(
        "order_history_has_no_gaps",
        "Each event of an order begins in the status in which the one before it ended.",
        "two moves of one order that did not see each other, or an event that is missing",
        sql.BROKEN_HISTORY,
    ),
    Invariant(
        "nothing_happened_to_a_draft",
        "A draft has no events, and so no ledger entries: no stock moves before it is placed.",
        "what set a placed order's status back; its events tell what it was",
        sql.DRAFT_WITH_HISTORY,
    ),
    Invariant(
        "customers_have_one_draft",
        "No customer has more than one draft.",
        "the index order_one_draft; units the customer put in may be in either of them",
        sql.SEVERAL_DRAFTS,
    ),
    Invariant(
        "placed_orders_have_a_time",
        "Every order but a draft says when it was placed, and a draft does not: histories show "
        "what has such a time.",
        "the CHECK constraint order_placed_at; the placed event has the time",
        sql.UNLIKE_TIME_OF_PLACING,
    ),
    Invariant(
        "lines_have_the_time_of_their_order",
        "A line says of when it was placed what its order says: a product's history goes by it.",
        "the triggers date_line and date_lines; the order's own time is the right one",
        sql.UNLIKE_TIME_OF_ORDER,
    ),
    Invariant(
        "changes_tell_of_the_last_event",
        "An order's place in the feed of its customer is not before that of its last event.",
        "the trigger tell_change: apps that keep a copy show the order as it was",
        sql.UNTOLD_EVENT,
    ),
    Invariant(
        "moves_are_of_the_lifecycle",
        "Each event leads from a status to one that the lifecycle lets it lead to.",
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
        "Units that were missing in packing, or left on the shelf, are what the event tells.",
        _EVENTS,
        sql.UNLIKE_PICKED,
    ),
    Invariant(
        "no_more_returned_than_shipped",
        "No more units of a line came back than were shipped.",
        "the order's return events",
        sql.RETURNED_TOO_MUCH,
    ),
    Invariant(
        "returns_are_in_the_events",
        "What came back of a line is what the return events tell, and what of it was restocked is "
        "in the ledger.",
        _EVENTS,
        sql.UNLIKE_RETURNS,
    ),
    Invariant(
        "returned_orders_came_back_whole",
        "An order is returned when the last unit of its lines has come back, and not before.",
        "the order's return events beside its lines",
        sql.RETURNED_IN_PART,
    ),
    Invariant(
        "no_claim_is_left_open",
        "Every idempotency key that was committed knows what came of it.",
        "the use case of the operation: it committed without settle or release",
        sql.OPEN_CLAIM,
    ),
    Invariant(
        "keys_lead_to_orders",
        "Each key and chosen id that an order was placed or moved under leads to one that exists.",
        "what deleted the order: its request, repeated, is now answered 404",
        sql.KEY_WITHOUT_ORDER,
    ),
    Invariant(
        "abandoned_ids_have_no_order",
        "No order and no cart has an abandoned id: the client was promised that none ever will.",
        "the order's events, beside larder/orders/services/abandon.py",
        sql.ABANDONED_ORDER,
    ),
    Invariant(
        "abandoned_keys_place_nothing",
        "A key that was abandoned is claimed for both operations that place orders, for ever.",
        "what deleted or changed the other claim of the key",
        sql.ABANDONED_IN_PART,
    ),
    Invariant(
        "keys_belong_to_who_may_see",
        "Each key an order was placed or moved under belongs to somebody who may do that, and "
        "leads to the order that was asked for.",
        "who did it (the order's events): the key's request shows the order to a stranger",
        sql.STRANGERS_KEY,
    ),
    Invariant(
        "usernames_are_unique",
        "No two accounts have one username, in any case of letters.",
        "the index customer_username_unique: REINDEX after a change of the system's collation",
        sql.SAME_USERNAME,
    ),
    Invariant(
        "emails_are_unique",
        "No two accounts have one email address, in any case of letters.",
        "the index customer_email_unique: REINDEX after a change of the system's collation",
        sql.SAME_EMAIL,
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What looking at one invariant gave: how many rows break it, the first of them, how long
    it took. Amounts in the rows are strings."""

    invariant: Invariant
    violations: int
    rows: Sequence[dict[str, Any]]
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order of INVARIANTS, of one snapshot (as pg_current_snapshot names
    it), and how many rows there were to look at, by table."""

    snapshot: str
    looked_at: dict[str, int]
    findings: Sequence[Finding]

    @property
    def violated(self) -> list[Finding]:
        """The invariants that do not hold."""
        return [finding for finding in self.findings if finding.violations]

    @property
    def seconds(self) -> float:
        """How long all statements took together."""
        return sum(finding.seconds for finding in self.findings)


class Cursor(Protocol):
    """As much of a database cursor as is needed here: Django's and psycopg's have it."""

    def execute(self, query: Any, /) -> Any: ...

    def fetchall(self) -> list[Any]: ...


def check() -> Report:
    """Looks at every invariant in one snapshot, which it neither writes to nor waits in.

    Orders go on being placed meanwhile. Not inside a transaction.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(SESSION)
        cursor.execute(LIFT_TIME_LIMIT)
        return examine(cursor)


def examine(cursor: Cursor) -> Report:
    """Looks at every invariant in the transaction that the cursor is in."""
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
