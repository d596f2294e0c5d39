"""Probes, and the state after `manage.py prepare`."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from django.conf import LazySettings
from django.db import Error, transaction

from larder.db import database
from larder.ops import health
from larder.ops.demo import shop as demo
from tests.conftest import Api


def test_livez_needs_no_connection(api: Api) -> None:
    # Without the db fixture, a query would raise.
    assert api("GET", "/livez").status == 200


def test_readyz_is_200_when_the_process_can_serve(db: None, api: Api) -> None:
    answer = api("GET", "/readyz")
    assert (answer.status, answer.body["ready"]) == (200, True)
    assert answer.body["checks"] == {"database": True, "migrations": True, "demo": True}
    assert answer.body["worker"]["alive"] is False


def test_readyz_waits_for_the_demo_data_in_demo_mode(
    db: None, api: Api, settings: LazySettings
) -> None:
    settings.DEMO = True
    assert api("GET", "/readyz").status == 503
    demo.load_users()
    assert api("GET", "/readyz").status == 200


def test_a_missing_migration_makes_the_process_unready(db: None, api: Api) -> None:
    health._done.clear()
    database.execute("DELETE FROM django_migrations WHERE app = 'orders'")
    assert api("GET", "/readyz").status == 503


@pytest.fixture
def warnings(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """Returns a function that returns the warnings of probes since its last call."""

    def taken() -> list[str]:
        messages = [
            record.getMessage() for record in caplog.records if record.name == health.__name__
        ]
        caplog.clear()
        return messages

    monkeypatch.setattr(health, "_logged", [""])
    return taken


def test_an_error_of_the_database_is_logged_once_until_it_passes_again(
    db: None, api: Api, warnings: Callable[[], list[str]]
) -> None:
    for _ in range(2):
        before = transaction.savepoint()
        with suppress(Error):
            database.execute("SELECT 1 / 0")
        # Every statement of this transaction fails now.
        assert [api("GET", "/readyz").status for _ in range(2)] == [503, 503]
        (line,) = warnings()
        assert line.startswith("The database cannot be used: current transaction is aborted")
        transaction.savepoint_rollback(before)
        assert api("GET", "/readyz").status == 200
        assert warnings() == []


def test_the_address_of_the_admin_without_the_final_slash_redirects(api: Api) -> None:
    answer = api("GET", "/admin")
    assert (answer.status, answer.headers["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_answer_requests_with_an_ip_address_as_host(db: None, api: Api, path: str) -> None:
    # As load balancers do: they cannot send the shop's name.
    assert api("GET", path, Host="10.0.3.77:8000").status == 200


def test_other_paths_refuse_an_unknown_host(api: Api) -> None:
    assert api("GET", "/api/v1/products", Host="10.0.3.77:8000").status == 400
