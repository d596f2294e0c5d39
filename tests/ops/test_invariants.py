"""Each invariant is violated by some damage and holds without it.

All statements run in one transaction of a superuser that is rolled back.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from larder.db.database import SEARCH_PATH
from larder.ops.books.invariants import INVARIANTS, MOST_SHOWN, examine
from tests import database
from tests.ops import busy_shop
from tests.ops.busy_shop import BusyShop
from tests.ops.damage import TOOLS, Damage
from tests.ops.damages import DAMAGES, LIVES

Superuser = psycopg.Cursor[Any]


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: Any) -> Iterator[BusyShop]:
    with django_db_blocker.unblock():
        yield busy_shop.open_shop()
        database.empty_database()


@pytest.fixture
def superuser(shop: BusyShop) -> Iterator[Superuser]:
    with psycopg.connect(database.superuser_url()) as connection:
        cursor = connection.execute(f"SET LOCAL search_path = {SEARCH_PATH}")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(TOOLS)
        yield cursor
        connection.rollback()


def _run(cursor: Superuser, statements: str, shop: BusyShop) -> set[str]:
    """Runs statements and returns the names of the invariants that do not hold afterwards."""
    fields = {name: getattr(shop, name) for name in BusyShop.__slots__}
    cursor.execute(statements.format(**fields).encode())
    return {finding.invariant.name for finding in examine(cursor).violated}


def test_a_shop_without_damage_violates_no_invariant(shop: BusyShop, superuser: Superuser) -> None:
    assert _run(superuser, "SELECT 1", shop) == set()


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.what for damage in DAMAGES])
def test_each_damage_violates_exactly_its_invariants(
    damage: Damage, shop: BusyShop, superuser: Superuser
) -> None:
    assert _run(superuser, damage.statements, shop) == damage.breaks


def test_every_invariant_has_a_damage() -> None:
    broken = set().union(*(damage.breaks for damage in DAMAGES))
    assert broken == {invariant.name for invariant in INVARIANTS}


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_allowed_states_violate_no_invariant(
    life: str, shop: BusyShop, superuser: Superuser
) -> None:
    assert _run(superuser, life, shop) == set()


def test_every_violation_is_counted_and_the_first_are_shown(superuser: Superuser) -> None:
    superuser.execute(
        "INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at)"
        " SELECT gen_random_uuid(), 'POST /api/v1/categories', 'k', '', '', now()"
        " FROM generate_series(1, %s)",
        [MOST_SHOWN + 5],
    )
    (finding,) = examine(superuser).violated
    assert (finding.violations, len(finding.rows)) == (MOST_SHOWN + 5, MOST_SHOWN)
    assert finding.rows[0].keys() == {"actor", "operation", "key", "created_at"}


def test_amounts_in_the_shown_rows_are_exact_strings(superuser: Superuser) -> None:
    superuser.execute('UPDATE "order" SET total = 100000000000000000000.005')
    (finding,) = examine(superuser).violated
    assert finding.rows[0]["total"] == "100000000000000000000.005"
