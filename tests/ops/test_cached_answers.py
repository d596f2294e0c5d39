"""Caches may not store answers that depend on the caller."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from larder.compat.urls import TITLES
from larder.core.limits import MAX_OPEN_BODY_BYTES
from tests.conftest import Api, Person
from tests.http.paths import EVERY, PATHS

PERSONAL = ["private", "no-store"]
REVALIDATED = ["private", "no-cache"]
"""For an answer of v1 with an ETag: its own client alone keeps it, and asks again each time."""
PRIVATE_PATHS = [path for path in PATHS if path != "/admin/texts.js"]
"""The texts of scripts are the same for all."""


def directives(headers: Any) -> list[str]:
    return str(headers.get("Cache-Control", "")).split(", ")


def is_personal(headers: Any) -> bool:
    cached = directives(headers)
    return "private" in cached and (
        "no-store" in cached or (cached == REVALIDATED and headers["ETag"])
    )


@pytest.fixture
def every_contract(db: None, settings: Any) -> None:
    """A server with every contract on."""
    settings.ROOT_URLCONF = EVERY
    settings.COMPAT = frozenset(TITLES)


@pytest.mark.usefixtures("every_contract")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", ["customer", "staff", "stranger"])
def test_no_answer_may_be_stored_by_a_shared_cache(
    request: pytest.FixtureRequest, who: str, method: str
) -> None:
    client: Api = Api() if who == "stranger" else request.getfixturevalue(who)
    answers = {path: client(method, path) for path in PRIVATE_PATHS}
    assert [path for path, answer in answers.items() if not is_personal(answer.headers)] == []


@pytest.mark.usefixtures("every_contract")
def test_no_answer_to_a_cookie_may_be_stored_by_a_shared_cache(
    person: Callable[..., Person],
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(person(is_staff=True, is_superuser=True).customer)
    answers = {path: client.get(path) for path in PRIVATE_PATHS}
    assert [path for path, answer in answers.items() if not is_personal(answer.headers)] == []


@pytest.mark.parametrize("path", ["/api/products/", "/products/", "/api/product/", "/api/orders/"])
@pytest.mark.usefixtures("every_contract")
def test_no_answer_of_an_earlier_contract_may_be_stored(customer: Api, path: str) -> None:
    answer = customer("GET", path)
    assert (answer.status, directives(answer.headers)) == (200, PERSONAL)


def test_no_refusal_before_a_view_may_be_stored(customer: Api) -> None:
    foreign = customer("GET", "me", Host="evil.example")
    long = customer("POST", "/admin/login/", "x" * (MAX_OPEN_BODY_BYTES + 1))
    for answer, status in ((foreign, 400), (long, 413)):
        assert (answer.status, directives(answer.headers)) == (status, PERSONAL)
