"""Values are stored by the database unchanged, whatever they contain."""

import json
from datetime import UTC, date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db.backends.postgresql.psycopg_any import Jsonb
from hypothesis import given
from hypothesis import strategies as st

from larder.db import database

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
AWKWARD = [
    "",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "{}",
    "{a,b}",
    " a ",
    "a,b",
    "\n",
    "%s",
    "'",
    "é😀",
]
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT | st.sampled_from(AWKWARD),
    "bytea": st.binary(),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, places=3, max_value=10**20)
    | st.just(Decimal("1E+5")),
    "uuid": st.uuids(),
    "date": st.dates(),
    "timestamptz": st.datetimes(timezones=st.just(UTC)),
}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_arrive_as_they_were(kind: str, db: None) -> None:
    @given(st.lists(KINDS[kind] | st.none()))
    def arrives(values: list[Any]) -> None:
        ((array,),) = database.rows(f"SELECT %s::{kind}[]", [values])
        assert array == values

    arrives()


def test_objects_arrive_as_they_were(db: None) -> None:
    objects = [{"a": 'it\'s "quoted" \\ {so}', "b": [1, None]}, {}, None, "text", 'é"']
    given_so = [None if name is None else Jsonb(name) for name in objects]
    ((values,),) = database.rows("SELECT %s::jsonb[]", [given_so])
    assert [json.loads(value) if isinstance(value, str) else value for value in values] == objects


def test_a_date_is_not_read_as_a_timestamp(db: None) -> None:
    days = [date(2026, 2, 28), None]
    assert database.rows("SELECT unnest(%s::date[])", [days]) == [(days[0],), (None,)]


@pytest.mark.parametrize(("read_from", "written_to"), [("replica1", "default"), ("owner", "owner")])
def test_a_row_is_written_to_the_primary_and_that_of_a_migration_by_the_owner(
    read_from: str, written_to: str
) -> None:
    """Related rows of a migration, as `group.permissions.add` writes, belong to its transaction."""
    group = Group(name="support")
    group._state.db = read_from
    assert database.Router().db_for_write(Group, instance=group) == written_to
    assert database.Router().db_for_write(Group) == "default"
