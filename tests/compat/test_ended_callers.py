"""An ended session cannot change an account at a server that does not know its end yet."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from larder.http.authentication import signer
from larder.identity import queries
from larder.identity.services import sessions
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server

V2, V3 = "/api/identity/customers/{0.id}/", "/api/user/{0.customer.public_id}"

WRITES: dict[str, tuple[str, str, Any]] = {
    "email at contract 2": ("PATCH", V2, {"email": "thief@example.com"}),
    "username at contract 2": ("PUT", V2, {"username": "thief"}),
    "deletion at contract 2": ("DELETE", V2, None),
    "name at contract 3": ("PATCH", V3, {"name": "thief"}),
    "new name at contract 3": ("PUT", V3, {"name": "thief"}),
    "deletion at contract 3": ("DELETE", V3, None),
}
BY_STAFF = [name for name, (method, path, _) in WRITES.items() if path == V2 or method == "DELETE"]


def sent(running: Server, write: str, caller: Person, who: Person) -> tuple[int, bool, bool]:
    """Sends the write with an ended session's token, then with a live one's. Returns the status of
    the first, whether it left the account unchanged, and whether the second succeeded."""
    method, path, body = WRITES[write]
    access = token_for(caller)
    assert running.call("GET", "/api/v1/me", token=access).status == 200
    session = signer().read_access(access)[0].session
    assert session is not None
    sessions.end_own(caller.id, session, now=datetime.now(UTC))
    before = queries.profile(who.id)
    refused = running.call(method, path.format(who), body, token=access).status
    is_unchanged = queries.profile(who.id) == before
    live = running.call(method, path.format(who), body, token=token_for(caller))
    return refused, is_unchanged, live.status < 300


@pytest.mark.parametrize("write", WRITES)
def test_an_ended_session_cannot_change_its_account(
    transactional_db: None, running: Server, person: Callable[..., Person], write: str
) -> None:
    who = person(email="mine@example.com")
    assert sent(running, write, who, who) == (401, True, True)


@pytest.mark.parametrize("write", BY_STAFF)
def test_an_ended_session_of_staff_cannot_change_a_customers_account(
    transactional_db: None, running: Server, person: Callable[..., Person], write: str
) -> None:
    assert sent(running, write, person(is_staff=True), person()) == (401, True, True)
