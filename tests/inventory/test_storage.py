"""How the tables are stored, so that the cost of an order does not grow with the shop."""

import pytest

from larder.db import database

OPTIONS = "SELECT coalesce(reloptions, '{}') FROM pg_class WHERE oid = %s::regclass"
PRODUCTS = """
INSERT INTO product (public_id, sku, name, description, price, unit, barcode, image_url,
                     min_quantity, step, created_at, updated_at, version)
SELECT gen_random_uuid(), 'P' || n, 'P' || n, '', 1, '', '', '', 1, 1, now(), now(), 1
FROM generate_series(1, 1000) AS n
"""
COPY = (
    "CREATE TEMPORARY TABLE kept ON COMMIT DROP AS TABLE stock",
    "CREATE TEMPORARY TABLE {name} (LIKE stock INCLUDING ALL) {options} ON COMMIT DROP",
    "INSERT INTO {name} TABLE kept",
    "DROP TABLE kept",
)
UPDATES = """
SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relid = '{name}'::regclass
"""
SOLD = "UPDATE {name} SET committed = committed + 1"


def share_of_updates(name: str, options: str) -> float:
    """Returns the share of updates that wrote to no index, in a new copy of the table."""
    for step in COPY:
        database.execute(step.format(name=name, options=options))
    database.execute(SOLD.format(name=name))
    ((updated, heap_only),) = database.rows(UPDATES.format(name=name))
    return float(heap_only / updated)


@pytest.mark.django_db
def test_an_update_of_stock_does_not_write_to_an_index() -> None:
    database.execute(PRODUCTS)
    ((options,),) = database.rows(OPTIONS, ["stock"])
    assert share_of_updates("roomy", f"WITH ({', '.join(options)})") > 0.95
    # Without the room in each page, as it would be otherwise:
    assert share_of_updates("tight", "") < 0.5
