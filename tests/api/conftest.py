"""A client of v1 that holds every answer against the OpenAPI document."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from larder.api.authentication import signer
from larder.common.ids import new_id
from larder.identity.caller import Caller
from tests.api.document import judge, judge_problem
from tests.conftest import Answer, Api, Person


class JudgedApi(Api):
    """The tests' client; an answer that the document does not announce fails the test."""

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        answer = super().__call__(method, path, body, **options)
        judge(method, path if path.startswith("/") else f"/api/v1/{path}", answer)
        if answer.status >= 400:
            judge_problem(method, answer)
        return answer


def token_for(who: Person, *, now: datetime | None = None) -> str:
    """An access token, without the password's hash that logging in costs."""
    customer = who.customer
    caller = Caller(who.id, customer.public_id, customer.is_staff, new_id())
    return signer().access(caller, now=now or datetime.now(UTC))


@pytest.fixture
def api() -> Api:
    """v1 without a token."""
    return JudgedApi()


@pytest.fixture
def as_(db: None) -> Callable[[Person], Api]:
    """v1 as a person: `as_(person())("GET", "me")`."""
    return lambda who: JudgedApi(token_for(who))
