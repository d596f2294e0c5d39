"""An account with 300,000 sessions: its owner and staff end them, and others are not affected."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from statistics import quantiles
from time import monotonic, sleep

import pytest

from larder.core.limits import MAX_SESSIONS
from larder.identity import queries
from larder.identity.models import Session
from tests.conftest import Person
from tests.identity.crowds import MARKED, by_use, open_sessions
from tests.load import delays
from tests.server import Reply, Server

AFTERWARDS = 2.0
"""Seconds after the end of the log-ins in which others are looked at too."""
LONGEST_WAIT = 1.0

MakePerson = Callable[..., Person]
CROWD = 300_000
PARTS = 20
"""Statements that open them: each has the time limit of the server's role."""
SECONDS = 3.0
NEW = "a horse of another colour"

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(600)]


def password(who: Person) -> dict[str, str]:
    """The body of a log-in."""
    return {"username": who.customer.username, "password": who.password}


def by_owner(method: str, path: str, body: object = None) -> Callable[..., Reply]:
    """A request of the account's owner."""
    return lambda server, _, token: server.call(method, path, body, token=token)


def by_staff(server: Server, who: Person, token: str) -> Reply:
    """Staff delete the account, through an earlier contract."""
    staff = server.token("crowd clerk", "a rather good one")
    return server.call("DELETE", f"/api/identity/customers/{who.id}/", token=staff)


ENDINGS: dict[str, Callable[[Server, Person, str], Reply]] = {
    "log in": lambda server, who, _: server.call("POST", "auth/token", password(who)),
    "me/sessions": by_owner("DELETE", "me/sessions"),
    "me": by_owner("DELETE", "me"),
    "password": lambda server, who, token: server.call(
        "POST",
        "auth/password/change",
        {"current_password": who.password, "new_password": NEW},
        token=token,
    ),
    "staff": by_staff,
}


@pytest.fixture
def compatible(transactional_db: None) -> Iterator[Server]:
    """A server that answers the earlier contracts too."""
    with Server(workers=1, environment={"COMPAT": "0,1,2,3,4"}) as running:
        yield running


@pytest.mark.parametrize("way", ENDINGS)
def test_all_sessions_of_a_crowded_account_end_in_seconds(
    compatible: Server, person: MakePerson, way: str
) -> None:
    who, other = person(), person()
    person("crowd clerk", "a rather good one", is_staff=True, is_superuser=True)
    token = compatible.token(who.customer.username, who.password)
    for _ in range(PARTS):
        open_sessions(who.id, CROWD // PARTS)
    others = compatible.token(other.customer.username, other.password)
    look = partial(compatible.call, "GET", "me", token=others)
    with delays(lambda: look().status, pause=0.02) as waits:
        began = monotonic()
        answer = ENDINGS[way](compatible, who, token)
        took = monotonic() - began
        sleep(AFTERWARDS)
    assert answer.status in {200, 204}, answer.body
    assert took < SECONDS
    assert quantiles(waits, n=100, method="inclusive")[98] < LONGEST_WAIT
    left = {"log in": MAX_SESSIONS, "me/sessions": 1, "password": 1}
    assert len(by_use(who.id)) == left.get(way, 0)
    found = queries.ended_sessions(now=datetime.now(UTC))
    assert (len(found.sessions), len(found.epochs)) == (0, 1)
    assert Session.objects.filter(ended_at__isnull=False).count() <= MARKED
