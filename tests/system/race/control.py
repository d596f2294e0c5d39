"""Negative controls: a race that holds without its guard proves nothing about the guard."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg import sql

from tests import database

Outcome = TypeVar("Outcome")


GROUPS_MEET = 25
"""Rounds: of a server's two processes each places one group at a time, and their locks cross only
now and then."""


def assert_breaks(
    rush: Callable[[], Outcome],
    check: Callable[[Outcome], None],
    *,
    fault: Callable[[Outcome], bool],
    rounds: int = GROUPS_MEET,
) -> None:
    """Holds that on some round the check fails, and for the fault that the guard prevents."""
    for _ in range(rounds):
        outcome = rush()
        try:
            check(outcome)
        except AssertionError:
            if fault(outcome):
                return
    raise AssertionError(f"{rounds} rounds without the guard, and not its fault: {outcome}")


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
