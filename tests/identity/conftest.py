"""Sessions of the service, and the clock of the token check."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, time
from uuid import UUID

import pytest
from django.db.models import F

from larder.core.waits import Turns
from larder.http.authentication import _EndedSessions
from larder.identity import hashers
from larder.identity.models import Session
from larder.identity.services import sessions
from larder.identity.services.sessions import Credentials, Pair
from larder.identity.tokens import V1, Signer, TokenPolicy
from tests.conftest import Person

SECRET = "a secret of these tests alone, long enough to be one"
SIGNER = Signer([SECRET])


@dataclass
class LogIn:
    """A session of an account with a token policy; `at` counts seconds from its beginning."""

    pair: Pair
    began: datetime
    policy: TokenPolicy = V1
    passed: float = 0.0

    def moment(self, at: float) -> datetime:
        """Returns the time `at` seconds after the beginning."""
        return self.began + timedelta(seconds=at)

    def refresh(
        self, token: str, *, at: float, policy: TokenPolicy | None = None, ahead: float = 0
    ) -> Pair:
        """Exchanges the token at a server whose clock is so many seconds ahead; returns the new
        pair.
        """
        self._let_pass(at)
        moment = self.moment(at + ahead)
        return sessions.refresh(token, policy=policy or self.policy, signer=SIGNER, now=moment)

    def _let_pass(self, at: float) -> None:
        """Moves the times of exchanges and of the last use back: the database's clock measures
        their age.
        """
        since, self.passed = timedelta(seconds=at - self.passed), at
        session = SIGNER.read_refresh(self.pair.refresh, self.policy).session
        rows = Session.objects.filter(id=session)
        rows.update(rotated_at=F("rotated_at") - since)

    def revoke(self, token: str, *, at: float = 0, policy: TokenPolicy | None = None) -> None:
        """Ends the log-in."""
        presented = SIGNER.read_refresh(token, policy or self.policy)
        sessions.end_session(presented, now=self.moment(at))

    def verify(self, token: str, *, at: float = 0) -> None:
        """Verifies the token."""
        sessions.verify(token, signer=SIGNER, now=self.moment(at))


@pytest.fixture
def log_in(db: None, now: datetime) -> Callable[..., LogIn]:
    """Logs a client in at the service: `log_in(person())`, `log_in(person(), API)`."""

    def make(who: Person, policy: TokenPolicy = V1, *, began: datetime = now) -> LogIn:
        pair = sessions.log_in(
            Credentials(who.customer.username, who.password),
            policy=policy,
            signer=SIGNER,
            now=began,
        )
        return LogIn(pair, began, policy)

    return make


def log_in_at_the_admin(who: Person, now: datetime) -> UUID:
    """Opens a session of the admin; returns its id in identity."""
    until = now + timedelta(hours=1)
    return sessions.open_admin_session(who.id, "a browser", now=now, until=until)


class Counted(Turns):
    """Counts the hashes that were begun. `with counted:` holds the only slot."""

    begun = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        self.begun += 1
        with super().turn():
            yield

    def __enter__(self) -> None:
        self._running.acquire()

    def __exit__(self, *error: object) -> None:
        self._running.release()


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """A counter of the hashes of this process, which run one at a time."""
    counted = Counted(1, 4)
    monkeypatch.setattr(hashers, "_lanes", {"staff": counted, "others": counted})
    return counted


@dataclass
class Clock:
    """The number of seconds that have passed for the check of tokens."""

    passed: float = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A process that has read no ended session, with a clock that the test sets."""
    clock, module = Clock(), "larder.http.authentication"
    monkeypatch.setattr(f"{module}.monotonic", lambda: monotonic() + clock.passed)
    monkeypatch.setattr(f"{module}.time", lambda: time() + clock.passed)
    monkeypatch.setattr(f"{module}.ENDED_SESSIONS", _EndedSessions())
    return clock
