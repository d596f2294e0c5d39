"""Refusals in the log: only errors are reported to the error tracker."""

import logging
from collections.abc import Callable

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory

from larder.db.errors import CommitUnknown
from larder.http import problems
from larder.identity import hashers
from tests.conftest import Api, Person


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as an error."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_refusal_because_of_load_is_not_logged_as_an_error(
    db: None,
    person: Callable[..., Person],
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ada = person()
    credentials = {"username": ada.customer.username, "password": ada.password}
    monkeypatch.setattr(hashers, "_lanes", hashers.lanes_of(staff=0, others=0))
    assert api("POST", "auth/token", credentials).status == 503
    assert errors(caplog) == []


MANY_FILES = b"".join(
    f'--B\r\nContent-Disposition: form-data; name="{number}"; filename="f"\r\n\r\n1\r\n'.encode()
    for number in range(101)
)


def test_what_any_client_can_send_is_not_logged_as_an_error(
    db: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/", HTTP_HOST="elsewhere.example").status_code == 400
    sent = client.generic(
        "POST", "/admin/login/", MANY_FILES + b"--B--\r\n", "multipart/form-data; boundary=B"
    )
    # Too many files; without this limit the missing CSRF token would be 403.
    assert sent.status_code == 400
    assert errors(caplog) == []


def busy() -> OperationalError:
    error = OperationalError("canceling statement due to lock timeout\nCONTEXT: a row")
    error.__cause__ = psycopg.errors.LockNotAvailable()
    return error


@pytest.mark.parametrize(
    ("method", "error", "log"),
    [
        ("GET", OperationalError("gone"), "database unavailable: gone; check that the database"),
        ("GET", busy(), "lock timeout; if this repeats, look for long transactions and locks"),
        (
            "POST",
            CommitUnknown("gone"),
            "outcome of a commit unknown: gone; the change may have been",
        ),
    ],
)
def test_an_error_of_the_database_is_logged_with_instructions(
    method: str, error: Exception, log: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert (
        problems.from_database(RequestFactory().generic(method, "/api/v1/orders"), error)
        is not None
    )
    assert log in caplog.text
