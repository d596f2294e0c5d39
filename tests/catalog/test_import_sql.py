"""The statements of a product import find what a loop over the lines finds, and read no table more
often than larder/catalog/sql.py says."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from django.db import connection, transaction

from larder.catalog import sql
from larder.catalog.fields import IN_FILES, REQUIRED
from larder.catalog.models import Category, Product
from larder.catalog.services.products import DEFAULTS
from larder.core.ids import new_id
from larder.core.limits import MAX_FAULTS
from larder.db import database
from tests.database import analyze, make_new

PRODUCTS, LINES, CATEGORIES, FEW = 20_000, 5_000, 200, 10
PART = 2_000
COMPARED = (
    *("lock categories", "lock known", "duplicates", "unknown", "no category", "archived"),
    *("not archived", "parts"),
)
STORES = ("upsert", "update")
"""The statements that read the lines of a part, and then the file for their opening stock."""

ADD_PRODUCTS = """
INSERT INTO product (public_id, sku, name, description, price, unit, barcode, image_url,
                     min_quantity, step, archived_at, created_at, updated_at, version)
SELECT gen_random_uuid(), 'P' || n, 'P' || n, '', 1, '', '', '', 1, 1,
       CASE WHEN n %% 100 = 0 THEN now() END, now(), now(), 1
FROM generate_series(1, %s) AS n
"""


class Line(NamedTuple):
    """A line of the file."""

    line: int
    sku: str
    category: int | None
    stays_archived: bool


def fill(products: int) -> None:
    """Adds products P1, P2 and so on, each 100th archived, and categories."""
    Category.objects.bulk_create([Category(name=f"C{n}") for n in range(CATEGORIES)])
    database.execute(ADD_PRODUCTS, [products])


def lines(number: int) -> list[Line]:
    """Lines of known products, archived ones among them; each 10th of a new one, and each 99th of
    an unknown category. Each third one says that its product stays archived."""
    category = Category.objects.earliest("id").id
    found = []
    for n in range(2, number + 2):
        sku = f"N{n}" if n % 10 == 0 else f"P{n * 4}"
        known = category + n % 3 if n % 2 else None
        found.append(Line(n, sku, 10**9 if n % 99 == 0 else known, stays_archived=n % 3 == 0))
    return found


def stage(given: Sequence[Line]) -> None:
    database.execute(sql.STAGE)
    with connection.cursor() as cursor, cursor.copy(sql.COPY) as copy:
        for line, sku, category, stays_archived in given:
            own = {"sku": sku, "name": "N", "price": 1, "category": category}
            cells: dict[str, Any] = {**DEFAULTS, **own}
            fields = [cells.get(one.name) for one in IN_FILES]
            copy.write_row((line, new_id(), *fields, 0, stays_archived))
    database.execute(sql.LOOK_AT_STAGE)


@pytest.fixture
def catalogue(transactional_db: None) -> Iterator[None]:
    """Many products and some categories. The planner forgets them at the end."""
    make_new("catalog.product", "catalog.category")
    fill(PRODUCTS)
    analyze("product", "category")
    yield
    make_new("catalog.product", "catalog.category")


def statements(now: datetime, part: int) -> dict[str, tuple[str, list[Any]]]:
    """The statements of an import after the file is staged, with their parameters."""
    archived = Product.objects.exclude(archived_at=None).values_list("id", flat=True)
    return {
        "lock categories": (sql.LOCK_CATEGORIES, []),
        "lock known": (sql.LOCK_KNOWN, []),
        "duplicates": (sql.DUPLICATES, [MAX_FAULTS]),
        "unknown": (sql.UNKNOWN, [MAX_FAULTS]),
        "no category": (sql.NO_CATEGORY, [MAX_FAULTS]),
        "broken rules": (sql.broken_rules(REQUIRED), [MAX_FAULTS]),
        "not archived": (sql.NOT_ARCHIVED, [MAX_FAULTS]),
        "archived": (sql.ARCHIVED, []),
        "revive": (sql.REVIVE, [now, list(archived[:FEW])]),
        "parts": (sql.PARTS, [part]),
        "summary": (sql.preview_summary(REQUIRED), []),
        "changes": (sql.preview_changes(REQUIRED), [200, 100]),
        "upsert": (sql.upsert(REQUIRED), [now, 1, part]),
        "update": (sql.upsert(["sku", "price"]), [now, 1, part]),
    }


def read(statement: str, parameters: Sequence[Any]) -> Counter[str]:
    """Runs a statement. Returns the rows that it read of each table."""
    explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
    (((plan,),),) = database.rows(explain, parameters)
    found = Counter[str]()
    nodes = [plan["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node["Node Type"].endswith("Scan") and "Relation Name" in node:
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            found[node["Relation Name"]] += round(rows * node["Actual Loops"])
    return found


def test_the_statements_find_what_a_loop_over_the_lines_finds(db: None, now: datetime) -> None:
    fill(1_200)
    given = lines(300)
    given[120] = given[120]._replace(sku=given[50].sku)
    stage(given)
    known = dict(Product.objects.values_list("sku", "id"))
    categories = {*Category.objects.values_list("id", flat=True)}
    found = {
        name: database.rows(*one) for name, one in statements(now, 100).items() if name in COMPARED
    }
    first: dict[str, int] = {}
    repeated = [(line, first[sku]) for line, sku, *_ in given if first.setdefault(sku, line) < line]
    archived = Product.objects.filter(sku__in=first).exclude(archived_at=None).order_by("id")
    staying = {one.sku: one.line for one in given if one.stays_archived}
    faults = sorted({*staying} - {*archived.values_list("sku", flat=True)}, key=staying.__getitem__)
    gone = archived.exclude(sku__in=staying)
    assert found == {
        "lock categories": [(len({one.category for one in given} & categories),)],
        "lock known": [(sum(one.sku in known for one in given),)],
        "duplicates": repeated,
        "unknown": [(line, sku) for line, sku, *_ in given if sku not in known],
        "no category": [(line,) for line, _, one, _ in given if one not in {None, *categories}],
        "not archived": [(staying[sku], sku) for sku in faults],
        "archived": [*gone.values_list("id", "archived_at")],
        "parts": [(2, 101, 100), (102, 201, 100), (202, 301, 100)],
    }
    assert min(len(rows) for rows in found.values()) > 0


def test_revived_products_are_on_sale_again_and_others_stay(db: None, now: datetime) -> None:
    fill(300)
    (one, *others) = Product.objects.exclude(archived_at=None).order_by("id")
    database.execute(sql.REVIVE, [now, [one.id]])
    one.archived_at, one.updated_at, one.version = None, now, one.version + 1
    columns = ("id", "archived_at", "updated_at", "version")
    present = Product.objects.filter(id__in=[one.id, *(other.id for other in others)])
    expected = {tuple(getattr(each, name) for name in columns) for each in (one, *others)}
    assert {*present.values_list(*columns)} == expected


def test_each_table_is_read_once_for_a_long_file_and_looked_up_for_a_short_one(
    catalogue: None, now: datetime
) -> None:
    for number, products in ((LINES, PRODUCTS), (FEW, FEW)):
        with transaction.atomic():
            stage(lines(number))
            for name, (statement, parameters) in statements(now, PART).items():
                with transaction.atomic():
                    seen = read(statement, parameters)
                    transaction.set_rollback(True)
                of_file = number + min(number, PART) if name in STORES else number
                assert seen["product_file"] <= of_file, (name, seen)
                assert seen["product"] <= products, (name, seen)
                assert seen["category"] <= CATEGORIES, (name, seen)
            transaction.set_rollback(True)
