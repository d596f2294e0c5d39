"""The locks of an account."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from larder.core.clock import now
from larder.core.ids import new_id
from larder.db.idempotency import Claim, Scope
from larder.http.authentication import secrets, signer
from larder.identity.caller import Caller
from larder.identity.models import Address, Key, Note, Session
from larder.identity.queries import has_password
from larder.identity.services import accounts, addresses, keys, notes, passwords, sessions
from larder.identity.services.sessions import Credentials
from larder.identity.tokens import V1
from tests.conftest import Person
from tests.system.race.interleaving import (
    Outcome,
    Race,
    assert_held,
    interleave,
)
from tests.system.race.shops import OK

MakePerson = Callable[..., Person]
PASSWORD_READ = (
    'SELECT "customer"."password" AS "password", "customer"."is_staff" AS "is_staff" FROM'
)
RESET_READ = 'SELECT "customer"."password" AS "password", "customer"."email" AS "email" FROM'
ADDRESS_READ = 'SELECT "customer"."email" AS "email", "customer"."public_id" AS "public_id" FROM'
KEPT_READ = 'AS "a" FROM "session"'
SESSION_READ = 'INNER JOIN "customer" ON ("session"."customer_id"'
CREDENTIAL_READ = "WHEN caller.key IS NOT NULL THEN EXISTS"


@pytest.fixture(autouse=True)
def low_limits(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    """An account may have two log-ins, one key and one address."""
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    monkeypatch.setattr(keys, "MAX_KEYS", 1)
    monkeypatch.setattr(addresses, "MAX_ADDRESSES", 1)


def caller(who: Person, *, session: UUID | None = None, key: UUID | None = None) -> Caller:
    return Caller(who.id, who.customer.public_id, is_staff=False, session=session, key=key)


def log_in(who: Person) -> str:
    credentials = Credentials(who.customer.username, who.password)
    return sessions.log_in(credentials, policy=V1, signer=signer(), now=now()).refresh


def change_password(who: Person, password: str) -> None:
    passwords.change_password(caller(who), current=who.password, new=password, now=now())


def set_password(who: Person) -> None:
    passwords.set_password(who.id, "!", now=now())


def live_sessions(who: Person) -> int:
    return Session.objects.live(now()).filter(customer=who.id).count()


def live_keys(who: Person) -> int:
    return Key.objects.filter(customer=who.id, ended_at=None).count()


def add_address(who: Person, **caller_is: UUID) -> None:
    addresses.add_address(caller(who, **caller_is), {"line1": "1 High Street"}, now=now())


def both_succeed(outcome: Outcome) -> bool:
    return outcome.codes == (OK, OK)


def reset_twice(person: MakePerson) -> Race:
    """A token of a mail sets one password."""
    who = person(email=f"{new_id()}@example.com")
    link = passwords.invitation(
        who.customer.public_id, requested_at=now(), secret=secrets()[0], now=now()
    )
    assert link is not None

    def confirm(password: str) -> None:
        passwords.set_forgotten(link.token, password, secrets=secrets(), now=now())

    return Race(
        partial(confirm, "another horse 1"),
        partial(confirm, "another horse 2"),
        RESET_READ,
        lambda outcome: (
            outcome.codes == (OK, "reset_token_invalid")
            and has_password(who.customer.username, "another horse 1")
        ),
    )


def log_in_and_change(person: MakePerson) -> Race:
    """No log-in with the old password is left after its change."""
    who = person()
    return Race(
        partial(log_in, who),
        partial(change_password, who, "another horse"),
        PASSWORD_READ,
        lambda outcome: both_succeed(outcome) and live_sessions(who) == 0,
    )


def change_twice(person: MakePerson) -> Race:
    """Of two changes of one password, one is made."""
    who = person()
    return Race(
        partial(change_password, who, "another horse 1"),
        partial(change_password, who, "another horse 2"),
        PASSWORD_READ,
        lambda outcome: (
            outcome.codes == (OK, "wrong_password")
            and has_password(who.customer.username, "another horse 1")
        ),
    )


def key_and_change(person: MakePerson) -> Race:
    """No key for the old password is left after staff set another."""
    who = person()
    name, password = who.customer.username, who.password
    return Race(
        lambda: keys.key_for_password(
            name, password, channel="contract0", secrets=secrets(), now=now()
        ),
        partial(set_password, who),
        PASSWORD_READ,
        lambda outcome: both_succeed(outcome) and live_keys(who) == 0,
    )


def key_twice(person: MakePerson) -> Race:
    """Two first calls with one password get the same key."""
    who = person()

    def call() -> str:
        return keys.key_for_password(
            who.customer.username, who.password, channel="contract0", secrets=secrets(), now=now()
        )

    return Race(
        call,
        call,
        'SELECT MAX("key"."generation")',
        lambda outcome: both_succeed(outcome) and outcome.first.content == outcome.second.content,
    )


def log_in_and_deletion(person: MakePerson) -> Race:
    """A deleted account has no log-in."""
    who = person()
    return Race(
        partial(log_in, who),
        lambda: accounts.delete_account(who.id, now=now()),
        PASSWORD_READ,
        lambda outcome: both_succeed(outcome) and live_sessions(who) == 0,
    )


def last_place_for_a_log_in(person: MakePerson) -> Race:
    """An account has as many log-ins as its limit says."""
    who = person()
    log_in(who)
    return Race(
        partial(log_in, who),
        partial(log_in, who),
        'ORDER BY "session"."rotated_at" DESC',
        lambda outcome: both_succeed(outcome) and live_sessions(who) == 2,
    )


def last_place_for_a_key(person: MakePerson) -> Race:
    """An account has as many keys as its limit says."""
    who = person()

    def create() -> None:
        keys.create_key(caller(who), "script", now=now())

    return Race(
        create,
        create,
        'SELECT COUNT(*) AS "__count" FROM "key"',
        lambda outcome: outcome.codes == (OK, "too_many_keys") and live_keys(who) == 1,
    )


def last_place_for_an_address(person: MakePerson) -> Race:
    """An account has as many addresses as its limit says."""
    who = person()
    return Race(
        partial(add_address, who),
        partial(add_address, who),
        'SELECT COUNT(*) AS "__count" FROM "address"',
        lambda outcome: (
            outcome.codes == (OK, "too_many_addresses")
            and Address.objects.filter(customer=who.id).count() == 1
        ),
    )


def key_used_and_ended(person: MakePerson) -> Race:
    """A key that ends with all others of its account makes no further key."""
    who = person()
    keys.key_for_password(
        who.customer.username, who.password, channel="contract0", secrets=secrets(), now=now()
    )
    used = Key.objects.get(customer=who.id).id
    return Race(
        lambda: keys.create_key(caller(who, key=used), "script", now=now()),
        partial(set_password, who),
        CREDENTIAL_READ,
        lambda outcome: both_succeed(outcome) and live_keys(who) == 0,
    )


def address_and_deletion(person: MakePerson) -> Race:
    """A deleted account has no address."""
    who = person()
    return Race(
        partial(add_address, who),
        lambda: accounts.delete_account(who.id, now=now()),
        CREDENTIAL_READ,
        lambda outcome: (
            both_succeed(outcome) and not Address.objects.filter(customer=who.id).exists()
        ),
    )


def note_and_deletion(person: MakePerson) -> Race:
    """A deleted account has no note of staff."""
    who, staff = person(), person(is_staff=True, is_superuser=True).caller
    claim = Claim(Scope(staff.public_id, "note", new_id().hex), b"")
    about = notes.About(f"customer:{who.customer.public_id}", "identity.change_customer", who.id)
    return Race(
        lambda: notes.add_note(about, "Rings twice.", caller=staff, claim=claim, now=now()),
        lambda: accounts.delete_account(who.id, now=now()),
        CREDENTIAL_READ,
        lambda outcome: (
            both_succeed(outcome) and not Note.objects.filter(object=about.name).exists()
        ),
    )


def email_changed_twice(person: MakePerson) -> Race:
    """Each change of an address tells the address that it replaced."""
    who = person(email=f"{new_id()}@example.com")
    addresses, notified = [f"{new_id()}@example.com" for _ in range(2)], list[str]()

    def change(email: str) -> None:
        accounts.change_profile(
            who.id, {"email": email}, notify=lambda _, former: notified.append(former)
        )

    def each_is_mailed() -> bool:
        return set(notified) == {who.customer.email, addresses[0]}

    return Race(
        partial(change, addresses[0]),
        partial(change, addresses[1]),
        ADDRESS_READ,
        lambda outcome: both_succeed(outcome) and each_is_mailed(),
    )


def others_ended_twice(person: MakePerson) -> Race:
    """The log-in that ends all others goes on, also when it asks twice."""
    who = person()
    log_in(who)
    session = Session.objects.get(customer=who.id).id

    def end_others() -> None:
        sessions.end_others(who.id, keep=session, now=now())

    return Race(
        end_others,
        end_others,
        KEPT_READ,
        lambda outcome: both_succeed(outcome) and live_sessions(who) == 1,
    )


def refreshed_twice(person: MakePerson) -> Race:
    """A token is exchanged once, and both requests get the same successor."""
    who = person()
    token = log_in(who)

    def refresh() -> str:
        return sessions.refresh(token, policy=V1, signer=signer(), now=now()).refresh

    return Race(
        refresh,
        refresh,
        SESSION_READ,
        lambda outcome: (
            both_succeed(outcome)
            and outcome.first.content == outcome.second.content
            and Session.objects.get(customer=who.id).generation == 1
        ),
    )


def refreshed_beside_a_change(person: MakePerson) -> Race:
    """A refresh that began before a change of the password does not revive its session."""
    who = person()
    token = log_in(who)
    return Race(
        lambda: sessions.refresh(token, policy=V1, signer=signer(), now=now()),
        partial(change_password, who, "another horse"),
        SESSION_READ,
        lambda outcome: outcome.codes == ("session_ended", OK) and live_sessions(who) == 0,
    )


RACES = [
    reset_twice,
    log_in_and_change,
    change_twice,
    key_and_change,
    key_twice,
    log_in_and_deletion,
    last_place_for_a_log_in,
    last_place_for_a_key,
    last_place_for_an_address,
    key_used_and_ended,
    address_and_deletion,
    note_and_deletion,
    email_changed_twice,
    others_ended_twice,
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_the_condition_on_an_account_holds_with_its_lock(
    race: Callable[[MakePerson], Race], person: MakePerson
) -> None:
    assert_held(race(person))


@pytest.mark.parametrize("race", [refreshed_twice, refreshed_beside_a_change])
def test_a_refresh_holds_no_lock_while_it_decides(
    race: Callable[[MakePerson], Race], person: MakePerson
) -> None:
    refresh = race(person)
    outcome = interleave(refresh)
    assert not outcome.waited
    assert refresh.holds(outcome), outcome
