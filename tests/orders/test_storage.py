"""How the tables are stored, so that the cost of an order does not grow with the shop."""

import pytest

from larder.common import database

OPTIONS = "SELECT coalesce(reloptions, '{}') FROM pg_class WHERE oid = %s::regclass"


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["order_event", "order_line"])
def test_what_hardly_changes_is_frozen_part_by_part_however_large_it_is(table: str) -> None:
    ((options,),) = database.rows(OPTIONS, [table])
    assert set(options) == {
        "autovacuum_vacuum_insert_scale_factor=0",
        "autovacuum_vacuum_insert_threshold=100000",
        "autovacuum_freeze_min_age=0",
    }
