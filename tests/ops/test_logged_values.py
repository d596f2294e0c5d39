"""Values of rows and parameters are not in the logs of PostgreSQL and of the server."""

import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import IntegrityError, connection, transaction
from psycopg import sql

from larder.catalog.models import Product
from larder.db import database
from larder.identity.models import Customer
from larder.ops.telemetry.logs import JsonLine
from tests.conftest import NOW
from tests.database import logged, superuser_url

ROOT = Path(__file__).resolve().parents[2]
MARKER = "planted-7Yq2-of-a-person"
LOGS_NO_VALUES = {
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server_logs() -> Iterator[Any]:
    """`server_logs(log_error_verbosity="default")`: as PostgreSQL has it for the app's sessions."""
    role = sql.Identifier(urlsplit(settings.DATABASE_URL).username or "")
    place = sql.Identifier(connection.settings_dict["NAME"])
    alter = sql.SQL("ALTER ROLE {} IN DATABASE {} ").format(role, place)
    names: list[str] = []

    def change(**values: str) -> None:
        for name, value in values.items():
            names.append(name)
            clause = sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
            superuser.execute(alter + clause)
        connection.close()

    with psycopg.connect(superuser_url(), autocommit=True) as superuser:
        yield change
        for name in names:
            superuser.execute(alter + sql.SQL("RESET {}").format(sql.Identifier(name)))
    connection.close()


def fail() -> None:
    """A duplicate name and a change to one, a duplicate SKU, and rows that a constraint refuses."""
    named = {"username": MARKER, "password": f"hash-{MARKER}", "email": f"{MARKER}@example.com"}
    Customer.objects.all().delete()
    Customer(**named).save(force_insert=True)
    for fields in (named, named | {"username": "other", "email": "", "version": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Customer(**fields).save(force_insert=True)
    Customer(username="other").save(force_insert=True)
    Product.objects.all().delete()
    for sku in (MARKER, "other"):
        Product(sku=sku, name=sku, price=1, created_at=NOW, updated_at=NOW).save()
    # As where another transaction takes the name or the SKU after it was looked up.
    for change in (
        partial(Customer.objects.filter(username="other").update, username=MARKER),
        partial(Product.objects.filter(sku="other").update, sku=MARKER),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def slow() -> None:
    database.rows("SELECT count(*) FROM customer WHERE username = %s", [MARKER])
    assert not Customer.objects.filter(email=MARKER).exists()


def found(lines: list[str]) -> list[str]:
    return [line for line in lines if MARKER in line]


def test_failed_and_slow_statements_are_logged_without_values(server_logs: Any) -> None:
    server_logs(log_min_duration_statement="0", log_statement="all")
    with logged() as lines:
        fail()
        slow()
    written = "\n".join(lines)
    assert "customer_username_unique" in written
    assert "product_sku_key" in written
    assert "not-null constraint" in written
    assert "SELECT count(*) FROM customer WHERE username = $1" in written
    assert found(lines) == []


def test_values_in_the_text_of_a_statement_are_logged(server_logs: Any) -> None:
    """As psycopg's client-side binding writes them, which settings do not allow."""
    server_logs(log_min_duration_statement="0")
    with logged() as lines, psycopg.connect(settings.DATABASE_URL) as client:
        psycopg.ClientCursor(client).execute("SELECT %s", [MARKER])
    assert found(lines) != []
    assert all(
        database["OPTIONS"]["server_side_binding"] for database in settings.DATABASES.values()
    )


def line_of(error: Exception) -> str:
    """What a server logs of an error."""
    raised = (type(error), error, error.__traceback__)
    record = logging.LogRecord("larder", logging.ERROR, "", 0, str(error), None, raised)
    return JsonLine().format(record)


def test_an_error_of_the_database_is_logged_by_a_server_without_values() -> None:
    named = {"username": f"{MARKER}\n\n{MARKER}", "password": MARKER, "version": None}
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        Customer(**named).save(force_insert=True)
    line = json.loads(line_of(raised.value))
    assert MARKER not in json.dumps(line)
    assert "violates not-null constraint" in line["event"]
    assert line["exception"].count("violates not-null constraint") == 2


def test_an_error_without_text_is_logged_with_its_name() -> None:
    with pytest.raises(SuspiciousOperation) as raised:
        raise SuspiciousOperation
    line = json.loads(line_of(raised.value))
    assert line["event"] == "django.core.exceptions.SuspiciousOperation"
    assert json.loads(line_of(LookupError("why")))["event"] == "why"


@pytest.mark.parametrize("name", LOGS_NO_VALUES)
def test_the_configured_server_has_the_settings_against_logged_values(name: str) -> None:
    value = LOGS_NO_VALUES[name]
    assert database.rows(f"SHOW {name}") == [(value,)]
    compose = (ROOT / "deploy/postgresql/postgresql.conf").read_text()
    assert f"\n{name} = {value}\n" in compose
