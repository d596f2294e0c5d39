"""The command that adds the demo catalogue, as its users run it."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection

from larder.catalog import prices, sql
from larder.catalog import queries as catalog
from larder.catalog.services.products import archive_product, change_product
from larder.db import database
from larder.ops.demo import shop as demo
from tests.database import in_database, lock_is_awaited
from tools.processes import wait_until

pytestmark = pytest.mark.system

CHECKOUT = Path(__file__).resolve().parents[2]
PRODUCTS = 3656


def add_products() -> str:
    said = StringIO()
    call_command("add_products", stdout=said)
    return said.getvalue()


def books() -> tuple[int, ...]:
    """Products, units that are available, entries of the ledger and their units."""
    (row,) = database.rows(
        "SELECT count(*), sum(available), (SELECT count(*) FROM ledger_entry),"
        " (SELECT sum(available_change) FROM ledger_entry) FROM stock"
    )
    return row


def test_the_demo_catalogue_is_added_once_and_changes_by_staff_are_kept(
    db: None, now: datetime
) -> None:
    assert add_products() == f"{PRODUCTS} new products\n"
    before = books()
    assert (before[0], before[1]) == (PRODUCTS, before[3])
    ids = catalog.ids_by_sku(["10002", "10080"])
    change_product(ids["10002"], {"price": Decimal(9), "name": "Ours"}, caller=None, now=now)
    archive_product(ids["10080"], caller=None, now=now)
    assert add_products() == "0 new products\n"
    assert books() == before
    offers = prices.offers(ids.values())
    assert [(offer.name, offer.price) for offer in offers.values()] == [("Ours", Decimal(9))]


def test_a_shop_with_products_gets_only_the_missing_demo_products(
    db: None, product: Callable[..., int]
) -> None:
    product(sku="10002", name="Ours", stock=1)
    product(sku="OURS", stock=1)
    assert add_products() == f"{PRODUCTS - 1} new products\n"
    assert books()[0] == PRODUCTS + 1


def test_two_concurrent_commands_add_the_demo_catalogue_once(
    transactional_db: None, now: datetime
) -> None:
    def add() -> int:
        try:
            return demo.load_products(now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as both:
        added = [future.result(60) for future in [both.submit(add), both.submit(add)]]
    assert sorted(added) == [0, PRODUCTS]
    assert books()[0] == PRODUCTS


def test_the_command_waits_longer_than_for_one_lock(
    transactional_db: None, settings: LazySettings, now: datetime
) -> None:
    # Storing pictures would take another connection.
    settings.PICTURES_DIR = settings.PICTURES_BUCKET = ""

    def add() -> int:
        try:
            database.execute("SET lock_timeout = '200ms'")
            return demo.load_products(now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with psycopg.connect(os.environ["DATABASE_URL"]) as first:
            first.execute(sql.ONE_CATEGORY)
            added = other.submit(add)
            assert wait_until(lock_is_awaited)
            with pytest.raises(TimeoutError):
                added.result(1)
        assert added.result(60) == PRODUCTS


def test_the_command_may_take_longer_than_a_request(
    transactional_db: None, settings: LazySettings, now: datetime
) -> None:
    settings.PICTURES_DIR = settings.PICTURES_BUCKET = ""
    database.execute("SET transaction_timeout = '300ms'")
    try:
        assert demo.load_products(now=now) == PRODUCTS
    finally:
        database.execute("RESET transaction_timeout")


def run_in(environment: dict[str, str], *before: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "manage.py", "add_products"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_needs_the_servers_role_and_no_demo_mode(transactional_db: None) -> None:
    ran = run_in({"DATABASE_URL": os.environ["DATABASE_URL"]})
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{PRODUCTS} new products\n", "")


def test_a_database_without_migrations_is_reported(transactional_db: None) -> None:
    owner = in_database(os.environ["OWNER_DATABASE_URL"], "postgres")
    ran = run_in({"DATABASE_URL": owner})
    assert ran.returncode == 1
    assert ran.stderr.startswith("CommandError: Nothing was added: migrations are missing.\n")
    assert "manage.py prepare" in ran.stderr


def test_an_unreachable_database_is_reported_in_two_lines() -> None:
    ran = run_in({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"})
    assert ran.returncode == 1
    assert ran.stderr.startswith("CommandError: Nothing was added: connection failed")
    assert ran.stderr.count("\n") == 2
