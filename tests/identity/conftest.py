"""Log-ins at the service, and the clock of the token check."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, time

import pytest

from larder.api.authentication import _EndedSessions
from larder.identity import services
from larder.identity.services import Pair
from larder.identity.tokens import Signer
from tests.conftest import Person

SECRET = "a secret of these tests alone, long enough to be one"
SIGNER = Signer([SECRET])
DOOR = "v1"


@dataclass
class LogIn:
    """Somebody's log-in; `at` counts seconds from its beginning."""

    pair: Pair
    began: datetime

    def refresh(self, token: str, *, at: float, door: str = DOOR) -> Pair:
        """What the token is exchanged for."""
        moment = self.began + timedelta(seconds=at)
        return services.refresh(token, door=door, signer=SIGNER, now=moment)

    def revoke(self, token: str, *, at: float = 0, door: str = DOOR) -> None:
        """Ends the log-in."""
        moment = self.began + timedelta(seconds=at)
        services.revoke(token, door=door, signer=SIGNER, now=moment)


@pytest.fixture
def log_in(db: None, now: datetime) -> Callable[[Person], LogIn]:
    """Logs somebody in at the service."""

    def make(who: Person) -> LogIn:
        pair = services.log_in(
            username=who.customer.username,
            password=who.password,
            door=DOOR,
            signer=SIGNER,
            now=now,
        )
        return LogIn(pair, now)

    return make


@dataclass
class Clock:
    """Seconds that have passed for the check of tokens."""

    passed: float = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A process that knows no ended session yet, and whose time passes when it is told to."""
    clock, module = Clock(), "larder.api.authentication"
    monkeypatch.setattr(f"{module}.monotonic", lambda: monotonic() + clock.passed)
    monkeypatch.setattr(f"{module}.time", lambda: time() + clock.passed)
    monkeypatch.setattr(f"{module}._sessions", _EndedSessions())
    return clock
