"""A client of v1 that checks every answer against the OpenAPI document."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from larder.front.application import Application
from larder.http.authentication import signer
from larder.identity.caller import Caller
from larder.identity.models import Session
from larder.identity.tokens import V1
from tests.conftest import Answer, Api, Person
from tests.http import application as served
from tests.http.document import judge, judge_problem


class JudgedApi(Api):
    """The client of the tests; an answer that the document does not have fails the test."""

    def __init__(self, token: str | None = None, application: Application | None = None) -> None:
        super().__init__(token)
        self._client.handler = served.Handler(application or served.make())

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        answer = super().__call__(method, path, body, **options)
        judge(method, path if path.startswith("/") else f"/api/v1/{path}", answer)
        if answer.status >= 400:
            judge_problem(method, answer)
        return answer


def token_for(who: Person, *, now: datetime | None = None) -> str:
    """An access token of a new log-in, without the password's hash that logging in costs."""
    customer, moment = who.customer, now or datetime.now(UTC)
    times = {"created_at": moment, "rotated_at": moment, "expires_at": moment + V1.refresh}
    opened = Session.objects.create(customer_id=who.id, policy=V1.name, **times)
    caller = Caller(who.id, customer.public_id, customer.is_staff, opened.id)
    return signer().access(caller, now=moment)


@pytest.fixture
def application() -> Application:
    """The application that all clients of a test share."""
    return served.make()


@pytest.fixture
def api(application: Application) -> Api:
    """v1 without a token."""
    return JudgedApi(None, application)


@pytest.fixture
def as_(db: None, application: Application) -> Callable[[Person], Api]:
    """v1 as a person: `as_(person())("GET", "me")`."""
    return lambda who: JudgedApi(token_for(who), application)
