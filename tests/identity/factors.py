"""A phone with an authenticator app, for the tests of the second factor."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from larder.http.authentication import secrets
from larder.identity import factors
from larder.identity.caller import Caller
from larder.identity.services import second_factors
from tests.conftest import Person


@dataclass(frozen=True, slots=True)
class Phone:
    """An app that has the secret of an account."""

    secret: bytes
    factor: UUID
    recovery_codes: Sequence[str] = ()

    def code(self, at: datetime) -> str:
        """Returns the code that the app shows at this time."""
        return code_of(self.secret, at)


def code_of(secret: bytes, at: datetime) -> str:
    """Returns the code of a secret at a time, computed by the library."""
    totp = TOTP(secret, 6, SHA1(), 30)  # noqa: S303 - what apps know
    return totp.generate(int(at.timestamp())).decode()


def account_of(who: Person, *, proven: UUID | None = None) -> Caller:
    """The caller of a person's own session. `proven` is the factor that it has proven."""
    return Caller(who.id, who.customer.public_id, is_staff=True, session=None, factor=proven)


def prove_code(caller: Caller, typed: str, *, now: datetime, keys: Sequence[str] = ()) -> UUID:
    """Proves a code, with the secrets of this installation or those given."""
    return second_factors.prove(caller, typed, secrets=keys or secrets(), now=now)


def enrol(
    who: Person, now: datetime, keys: Sequence[str] = (), proven: UUID | None = None
) -> Phone:
    """Enrols an app, whose first code is that of five minutes ago. `proven` is the factor that the
    session has proven."""
    account, secret = account_of(who, proven=proven), factors.new_secret()
    before = now - timedelta(minutes=5)
    code = code_of(secret, before)
    installation = keys or secrets()
    enrolled = second_factors.enrol_app(account, secret, code, secrets=installation, now=before)
    return Phone(secret, enrolled.factor, enrolled.recovery_codes)


@contextmanager
def demanded() -> Iterator[None]:
    """STAFF_SECOND_FACTOR=1."""
    factors.use(demanded=True)
    try:
        yield
    finally:
        factors.use(demanded=False)
