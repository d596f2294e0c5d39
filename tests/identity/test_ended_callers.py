"""A caller with an ended session or key, at a process that does not know it yet, writes nothing
that lasts longer than the access token.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from larder.http.authentication import secrets, signer
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded
from larder.identity.models import Customer, Key
from larder.identity.queries import credentials
from larder.identity.services import accounts, addresses, keys, passwords, sessions
from tests.conftest import Api, Person
from tests.http.conftest import token_for
from tests.identity.conftest import Clock, clock
from tests.server import Server

__all__ = ["clock"]

MakePerson = Callable[..., Person]
NEW = "another horse altogether"


def caller_of(access: str) -> Caller:
    """The caller that an access token names."""
    return signer().read_access(access)[0]


def session_of(access: str) -> UUID:
    """The session of an access token."""
    session = caller_of(access).session
    assert session is not None
    return session


def change_password(who: Person, access: str) -> None:
    """The customer changes the password from another session."""
    passwords.change_password(
        caller_of(token_for(who)), current=who.password, new=NEW, now=datetime.now(UTC)
    )


def reset_password(who: Person, access: str) -> None:
    """The customer sets a new password with the token of a mail."""
    sent: list[UUID] = []
    Customer.objects.filter(pk=who.id).update(email=f"{who.id}@example.com")
    now = datetime.now(UTC)
    passwords.request_reset(f"{who.id}@example.com", notify=sent.append, now=now)
    mail = passwords.invitation(sent[0], requested_at=now, secret=settings.SECRET_KEY, now=now)
    assert mail is not None
    passwords.set_forgotten(mail.token, NEW, secrets=secrets(), now=now)


def end_others(who: Person, access: str) -> None:
    """DELETE me/sessions from another session."""
    other = session_of(token_for(who))
    sessions.end_others(who.id, keep=other, now=datetime.now(UTC))


def end_one(who: Person, access: str) -> None:
    """DELETE me/sessions/{id}, or auth/token/revoke: only this session ends."""
    sessions.end_own(who.id, session_of(access), now=datetime.now(UTC))


def set_password(who: Person, access: str) -> None:
    """Staff set the password."""
    passwords.set_password(who.id, "!", now=datetime.now(UTC))


ENDS: dict[str, Callable[[Person, str], None]] = {
    "password change": change_password,
    "password reset": reset_password,
    "end of the other sessions": end_others,
    "end of this session": end_one,
    "password set by staff": set_password,
}


@pytest.mark.parametrize("end", ENDS)
def test_an_ended_session_makes_no_key_at_a_server_that_does_not_know_of_its_end(
    server: Server, person: MakePerson, end: str
) -> None:
    who = person()
    access = token_for(who)
    assert server.call("GET", "me", token=access).status == 200
    ENDS[end](who, access)
    answer = server.call("POST", "auth/keys", {"name": "till"}, token=access)
    assert (answer.status, answer.body["code"]) == (401, "session_ended")
    assert not Key.objects.exists()


ADDRESS = {"name": "A", "line1": "B", "city": "C", "postal_code": "D", "country": "GB"}

WRITES: dict[str, tuple[str, str, Any]] = {
    "key": ("POST", "auth/keys", {"name": "till"}),
    "address": ("POST", "me/addresses", ADDRESS),
    "email": ("PATCH", "me", {"email": "thief@example.com"}),
    "username": ("PATCH", "me", {"username": "thief"}),
    "deletion": ("DELETE", "me", None),
}


@pytest.mark.parametrize("end", [end_others, end_one])
@pytest.mark.parametrize("write", WRITES)
def test_an_ended_session_changes_neither_credentials_nor_the_account(
    person: MakePerson, clock: Clock, write: str, end: Callable[[Person, str], None]
) -> None:
    who = person(email="mine@example.com")
    access = token_for(who)
    method, path, body = WRITES[write]
    call = partial(Api(access), method, path, body)
    assert Api(access)("GET", "me").status == 200
    before = queries.profile(who.id)
    end(who, access)
    assert call().status == 401
    assert queries.profile(who.id) == before
    assert not Key.objects.exists()
    going_on = partial(Api(token_for(who)), method, path, body)
    assert going_on().status in {200, 201, 204}


def write_key(caller: Caller) -> object:
    """A new key."""
    return keys.create_key(caller, "", now=datetime.now(UTC))


def write_address(caller: Caller) -> object:
    """A new address."""
    return addresses.add_address(caller, {"name": "A"}, now=datetime.now(UTC))


def write_profile(caller: Caller) -> None:
    """Another name."""
    accounts.change_profile(caller.id, {"first_name": "A"}, caller=caller)


def write_deletion(caller: Caller) -> None:
    """Deletes the account."""
    accounts.delete_account(caller.id, caller=caller, now=datetime.now(UTC))


def end_key(who: Person, key: UUID) -> None:
    """The owner deletes the key."""
    keys.delete_key(key, caller=who.caller, of_any=False, now=datetime.now(UTC))


def let_key_expire(who: Person, key: UUID) -> None:
    """The expiry of the key passes, after the transaction of this test began."""
    Key.objects.filter(pk=key).update(expires_at=datetime.now(UTC))


@pytest.mark.parametrize("end", [end_key, let_key_expire])
@pytest.mark.parametrize("write", [write_key, write_address, write_profile, write_deletion])
def test_a_key_that_ended_after_its_check_writes_nothing(
    person: MakePerson, write: Callable[[Caller], object], end: Callable[[Person, UUID], None]
) -> None:
    who, moment = person(), datetime.now(UTC)
    key = keys.create_key(who.caller, "till", now=moment)
    use = credentials.key_use(str(key.text), secrets=secrets())
    assert use is not None
    end(who, key.id)
    with pytest.raises(SessionEnded):
        write(use[0])
    assert queries.profile(who.id).version == 1


def test_deleting_a_deleted_account_is_not_an_error(person: MakePerson, clock: Clock) -> None:
    api = Api(token_for(person()))
    assert [api("DELETE", "me").status for _ in range(2)] == [204, 204]
