"""Negative controls: a race that also passes without its guard proves nothing about the guard."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg import sql

from tests import database
from tests.system.race.gate import READ, Gate, Meeting, arranged

Outcome = TypeVar("Outcome")

MEETINGS = 5
"""Rounds. The first shows the fault, unless the machine is so busy that a request takes longer than
the gate is closed, or waits after it for a lock until the lock's time limit."""


def assert_breaks(
    rush: Callable[[], Outcome],
    check: Callable[[Outcome], None],
    *,
    fault: Callable[[Outcome], bool],
    meet: int = 0,
    gate: Gate = READ,
) -> None:
    """Holds that the check fails, and for the fault that the guard prevents, when `meet` requests
    of the crowd have been at the gate together. With 0, no two requests have to meet: the first
    rush shows the fault.

    Repeats a rush with a gate if it did not show the fault.
    """
    for _ in range(MEETINGS if meet else 1):
        meeting = Meeting(meet, gate)
        if meet:
            with arranged(meeting):
                outcome = rush()
        else:
            outcome = rush()
        try:
            check(outcome)
        except AssertionError:
            if fault(outcome) and all(meeting.met):
                return
    raise AssertionError(f"without the guard not its fault (met: {meeting.met}): {outcome}")


@contextmanager
def trigger_off(table: str, trigger: str) -> Iterator[None]:
    """Switches a trigger off, for all clients."""
    names = sql.Identifier(table), sql.Identifier(trigger)
    _as_owner(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(*names))
    try:
        yield
    finally:
        _as_owner(sql.SQL("ALTER TABLE {} ENABLE TRIGGER {}").format(*names))


@contextmanager
def index_dropped(schema: str, name: str) -> Iterator[None]:
    """Drops an index; makes it again at the end, on tables that were emptied for it."""
    ((definition,),) = _as_owner(
        sql.SQL("SELECT indexdef FROM pg_indexes WHERE (schemaname, indexname) = ({}, {})").format(
            schema, name
        )
    )
    _as_owner(sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, name)))
    try:
        yield
    finally:
        database.empty_database()
        _as_owner(sql.SQL(definition))


def _as_owner(statement: sql.SQL | sql.Composed) -> list[tuple[str, ...]]:
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        cursor = owner.execute(statement)
        return cursor.fetchall() if cursor.description else []
