"""Processes of the version before epochs, together with new ones or after a rollback.

A session that was opened and ended by either version is refused by both. The statements of the
former version are copied here; its access tokens have no epoch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from django.conf import settings

from larder.core.ids import new_id
from larder.db import database
from larder.http.authentication import signer
from larder.identity.models import Customer
from larder.identity.services import sessions
from larder.identity.tokens import derive_key
from larder.identity.tokens.policies import V1
from tests.conftest import Api, Person
from tests.identity.conftest import Clock

MakePerson = Callable[..., Person]


@dataclass(frozen=True, slots=True)
class Opened:
    """A session and its tokens."""

    session: UUID
    access: str
    refresh: str


class Former:
    """The queries of a process of the former version."""

    OPEN = """
    INSERT INTO session (id, customer_id, door, client, generation, created_at, rotated_at,
                         expires_at)
    VALUES (%s, %s, 'v1', '', 0, now(), now(), now() + interval '30 days')
    """
    ROTATE = """
    UPDATE session SET generation = generation + 1, rotated_at = now(),
                       expires_at = now() + interval '30 days'
    WHERE id = %s AND ended_at IS NULL AND expires_at > now() AND generation = 0
    """
    LIVE = """
    SELECT count(*) FROM session JOIN customer ON customer.id = session.customer_id
    WHERE session.id = %s AND ended_at IS NULL AND is_active AND expires_at > now()
    """
    LISTED = "SELECT count(*) FROM session WHERE id = %s AND ended_at > now() - interval '21 min'"
    END_ONE = "UPDATE session SET ended_at = now() WHERE id = %s AND ended_at IS NULL"
    END_OTHERS = """
    UPDATE session SET ended_at = now() WHERE customer_id = %s AND ended_at IS NULL AND id <> %s
    """

    def opens(self, who: Person) -> Opened:
        """Opens a session; its access token has no epoch."""
        session, now = new_id(), datetime.now(UTC)
        database.execute(self.OPEN, [session, who.id])
        claims = {
            "token_type": "access",
            "sub": str(who.customer.public_id),
            "user_id": who.id,
            "staff": False,
            "sid": str(session),
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=5)).timestamp()),
        }
        access = jwt.encode(claims, derive_key(settings.SECRET_KEY, "access"), algorithm="HS256")
        return Opened(session, access, signer().refresh(session, 0, policy=V1))

    def refuses(self, one: Opened) -> bool:
        """Returns whether the refresh token is refused, which is exchanged first, and the access
        token, by the list.
        """
        database.execute(self.ROTATE, [one.session])
        return not self._count(self.LIVE, one) and bool(self._count(self.LISTED, one))

    def accepts(self, one: Opened) -> bool:
        """Returns whether both tokens are valid."""
        return bool(self._count(self.LIVE, one)) and not self._count(self.LISTED, one)

    def _count(self, sql: str, one: Opened) -> int:
        return int(database.rows(sql, [one.session])[0][0])


FORMER = Former()


class Present:
    """The answers of a process of the current version."""

    def opens(self, who: Person) -> Opened:
        credentials = {"username": who.customer.username, "password": who.password}
        pair = Api()("POST", "auth/token", credentials).body
        said = jwt.decode(pair["access"], options={"verify_signature": False})
        return Opened(UUID(said["sid"]), pair["access"], pair["refresh"])

    def refuses(self, one: Opened) -> bool:
        access = Api(one.access)("GET", "me")
        refresh = Api()("POST", "auth/token/refresh", {"refresh": one.refresh})
        return [access.body.get("code"), refresh.body.get("code")] == ["session_ended"] * 2

    def accepts(self, one: Opened) -> bool:
        access = Api(one.access)("GET", "me")
        refresh = Api()("POST", "auth/token/refresh", {"refresh": one.refresh})
        return (access.status, refresh.status) == (200, 200)


PRESENT = Present()
VERSIONS: dict[str, Former | Present] = {"former": FORMER, "present": PRESENT}
BOTH = {"former": True, "present": True}
NEW = "a horse of another colour"

ENDINGS: dict[str, Callable[[Person, Opened, Opened], object]] = {
    "one, by the former": lambda _, __, other: database.execute(FORMER.END_ONE, [other.session]),
    "others, by the former": lambda who, mine, _: database.execute(
        FORMER.END_OTHERS, [who.id, mine.session]
    ),
    "one, by the present": lambda _, mine, other: Api(mine.access)(
        "DELETE", f"me/sessions/{other.session}"
    ),
    "others, by the present": lambda _, mine, __: Api(mine.access)("DELETE", "me/sessions"),
    "password, by the present": lambda who, mine, _: Api(mine.access)(
        "POST",
        "auth/password/change",
        {"current_password": who.password, "new_password": NEW},
    ),
}


@pytest.mark.parametrize("raised", [False, True], ids=["epoch 0", "a later epoch"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("opener", VERSIONS)
def test_both_versions_refuse_an_ended_session_and_keep_the_one_that_ended_it(
    person: MakePerson, clock: Clock, *, opener: str, ending: str, raised: bool
) -> None:
    who = person()
    if raised:
        sessions.end_others(who.id, keep=None, now=datetime.now(UTC))
    mine, other = VERSIONS[opener].opens(who), VERSIONS[opener].opens(who)
    assert {name: one.accepts(mine) for name, one in VERSIONS.items()} == BOTH
    ENDINGS[ending](who, mine, other)
    clock.passed = 30
    assert {name: one.refuses(other) for name, one in VERSIONS.items()} == BOTH
    assert {name: one.accepts(mine) for name, one in VERSIONS.items()} == BOTH


@pytest.mark.parametrize("opener", VERSIONS)
def test_a_reactivated_account_has_no_earlier_session_for_either_version(
    person: MakePerson, clock: Clock, opener: str
) -> None:
    who = person()
    one = VERSIONS[opener].opens(who)
    for active in (False, True):
        Customer.objects.filter(pk=who.id).update(is_active=active)
    clock.passed = 30
    assert FORMER.refuses(one)
    assert PRESENT.refuses(one)


def test_a_session_opened_by_the_former_version_has_the_new_epoch(
    person: MakePerson, clock: Clock
) -> None:
    who = person()
    before = PRESENT.opens(who)
    sessions.end_others(who.id, keep=None, now=datetime.now(UTC))
    after = FORMER.opens(who)
    clock.passed = 30
    assert FORMER.refuses(before)
    assert PRESENT.refuses(before)
    assert FORMER.accepts(after)
    assert PRESENT.accepts(after)
