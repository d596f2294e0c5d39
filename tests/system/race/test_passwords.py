"""A password change concurrent with other changes, log-ins and refreshes.

The guards are the account's lock, under which the password is compared once more, and the
comparison in the statement that rotates a session; for a password change also the session's epoch
(tests/identity/test_epochs.py), which no refresh writes. The controls of that lock are in
test_account_locks.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event

from larder.core.clock import now
from larder.core.ids import new_id
from larder.http.authentication import secrets
from larder.identity.caller import Caller
from larder.identity.models import Session
from larder.identity.queries import has_password
from larder.identity.services import passwords, resets, sessions
from larder.identity.services.passwords import Change
from larder.identity.tokens.policies import V1
from tests.conftest import Person
from tests.http.log_ins import newest_token
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

MakePerson = Callable[..., Person]
NEW = "another horse"
SHOP = ServiceShop()


def change(who: Person, wanted: str = NEW) -> Answer:
    """Changes the password that a client began with, by a key."""
    caller = Caller(who.id, who.customer.public_id, is_staff=False, session=None)

    def call() -> Answer:
        asked = Change(current=who.password, new=wanted)
        passwords.change_password(caller, asked, now=now())
        return Answer(OK, wanted)

    return answered(call)


def enter(who: Person) -> Answer:
    """Logs in with the password that a client began with."""
    return answered(lambda: Answer(OK, SHOP.session(who)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered, whose it was, and how many log-ins go on."""

    who: Person
    answers: list[Answer]
    live: int

    @property
    def winners(self) -> list[str]:
        """The passwords that are valid by the answers."""
        return [one.content for one in self.answers if one.code == OK]


def outcome(who: Person, *tasks: Callable[[], Answer]) -> Outcome:
    """All of it at once."""
    answers = at_once(SHOP, tasks)
    live = Session.objects.live(now()).filter(customer=who.id, policy=V1.name)
    return Outcome(who, answers, live.count())


def four_wishes(person: MakePerson) -> Outcome:
    """Four passwords in the place of one."""
    who = person()
    return outcome(who, *[partial(change, who, f"{NEW} {number}") for number in range(4)])


def check_wishes(found: Outcome) -> None:
    """One is granted, and it holds; the others get the answer that their password is wrong."""
    assert sorted(one.code for one in found.answers) == [OK, *["wrong_password"] * 3]
    assert has_password(found.who.customer.username, found.winners[0])


def test_one_of_several_concurrent_password_changes_succeeds(
    transactional_db: None, person: MakePerson
) -> None:
    for _ in range(3):
        check_wishes(four_wishes(person))


def test_concurrent_equal_password_changes_are_made_once_and_all_answered(
    transactional_db: None, person: MakePerson
) -> None:
    who = person()
    found = outcome(who, *[partial(change, who)] * 4)
    assert found.winners == [NEW] * 4
    assert has_password(who.customer.username, NEW)


def beside_log_ins(person: MakePerson) -> Outcome:
    """Three log-ins with the old password."""
    who = person()
    return outcome(who, partial(change, who), *[partial(enter, who)] * 3)


def check_nobody_is_in(found: Outcome) -> None:
    """The change is made, and no log-in with the old password outlives it."""
    assert found.answers[0].code == OK
    assert found.live == 0


def test_no_session_of_the_old_password_is_valid_after_its_change(
    transactional_db: None, person: MakePerson
) -> None:
    for _ in range(3):
        check_nobody_is_in(beside_log_ins(person))


def refresh_on(token: str, changed: Event) -> Answer:
    """Refreshes again and again, and once more when the change is made: its hashes take time."""
    while True:
        last = changed.is_set()
        answer = SHOP.refresh(token)
        if last or answer.code != OK:
            return answer
        token = answer.content


def change_and_tell(who: Person, changed: Event) -> Answer:
    """Changes the password."""
    try:
        return change(who)
    finally:
        changed.set()


def beside_refreshes(person: MakePerson) -> Outcome:
    """Three devices that refresh on and on."""
    who = person()
    changed, tokens = Event(), [SHOP.session(who) for _ in range(3)]
    refreshes = [partial(refresh_on, token, changed) for token in tokens]
    return outcome(who, partial(change_and_tell, who, changed), *refreshes)


def test_no_refresh_during_a_password_change_revives_a_session(
    transactional_db: None, person: MakePerson
) -> None:
    for _ in range(3):
        check_nobody_is_in(beside_refreshes(person))


def revoke_all(who: Person) -> Answer:
    """Ends the log-ins of a customer one by one, as their owner does."""

    def call() -> Answer:
        for session in Session.objects.filter(customer=who.id).values_list("id", flat=True):
            sessions.end_own(who.id, session, now=now())
        return Answer(OK)

    return answered(call)


def beside_refreshes_revoked(person: MakePerson) -> Outcome:
    """Three devices that refresh while their log-ins are ended one by one."""
    who = person()
    tokens = [SHOP.session(who) for _ in range(3)]
    refreshes = [partial(refresh_on, token, always()) for token in tokens]
    return outcome(who, partial(revoke_all, who), *refreshes)


def always() -> Event:
    """An event that has happened: one refresh, and no more."""
    happened = Event()
    happened.set()
    return happened


def test_no_refresh_during_its_end_revives_a_session(
    transactional_db: None, person: MakePerson
) -> None:
    for _ in range(3):
        check_nobody_is_in(beside_refreshes_revoked(person))


def one_mail(person: MakePerson) -> Outcome:
    """Four passwords are set with the token of one mail."""
    who = person(email=f"{new_id()}@example.com")
    resets.request_reset(who.customer.email, notify=lambda _: None, now=now())
    token = newest_token()

    def confirm(wanted: str) -> Answer:
        def call() -> Answer:
            resets.set_forgotten(token, wanted, secrets=secrets(), now=now())
            return Answer(OK, wanted)

        return answered(call)

    return outcome(who, *[partial(confirm, f"{NEW} {number}") for number in range(4)])


def check_mail(found: Outcome) -> None:
    """One is set; for the others the token was used."""
    assert sorted(one.code for one in found.answers) == [OK, *["reset_token_invalid"] * 3]
    assert has_password(found.who.customer.username, found.winners[0])


def test_a_reset_token_sets_one_of_several_concurrent_passwords(
    transactional_db: None, person: MakePerson
) -> None:
    for _ in range(3):
        check_mail(one_mail(person))
