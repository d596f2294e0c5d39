"""Long-lived keys for tests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from larder.identity.caller import Caller
from larder.identity.queries import credentials
from larder.identity.services import keys
from larder.identity.services.keys import Limits
from tests.conftest import Person

MakePerson = Callable[..., Person]
SECRETS = ["the first secret of these tests, long enough"]


def made(who: Person, now: datetime, name: str = "till", **limits: Any) -> str:
    """A random key's text."""
    return made_by(who.caller, now, name, **limits)


def made_by(caller: Caller, now: datetime, name: str = "till", **limits: Any) -> str:
    """The text of a random key that this caller creates."""
    text = keys.create_key(caller, name, now=now, limits=Limits(**limits)).text
    assert text is not None
    return text


def soon() -> datetime:
    """An hour from now, by the clock of this machine."""
    return datetime.now(UTC) + timedelta(hours=1)


def owner_of(text: str) -> Caller:
    """The owner of a live key."""
    use = credentials.key_use(text, secrets=SECRETS)
    assert use is not None
    return use[0]
