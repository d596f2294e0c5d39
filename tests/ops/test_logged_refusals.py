"""Refusals in the log: what is logged as an error is an event where errors are reported."""

import logging
from collections.abc import Callable

import pytest

from larder.identity import hashers
from larder.identity.hashers import HashQueue
from tests.conftest import Api, Person


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as an error."""
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]


def test_a_refusal_because_of_load_is_no_error(
    db: None,
    person: Callable[..., Person],
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ada = person()
    given = {"username": ada.customer.username, "password": ada.password}
    monkeypatch.setattr(hashers, "_queue", [HashQueue(1, {"returning": 0, "open": 0})])
    assert api("POST", "auth/token", given).status == 503
    assert errors(caplog) == []
