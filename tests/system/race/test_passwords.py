"""Refreshes beside a change of the password.

The guard is the comparison in the statement that rotates a session. The account's lock is
tested in test_account_locks.py.
"""

from collections.abc import Callable
from functools import partial
from threading import Event

from larder.core.clock import now
from larder.identity.caller import Caller
from larder.identity.models import Session
from larder.identity.services import passwords, sessions
from larder.identity.tokens import V1
from tests.conftest import Person
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

MakePerson = Callable[..., Person]
NEW = "another horse"
SHOP = ServiceShop()


def change(who: Person) -> Answer:
    """Changes the password that a client began with, by a key."""
    caller = Caller(who.id, who.customer.public_id, is_staff=False, session=None)

    def call() -> Answer:
        passwords.change_password(caller, current=who.password, new=NEW, now=now())
        return Answer(OK)

    return answered(call)


def live(who: Person) -> int:
    return Session.objects.live(now()).filter(customer=who.id, policy=V1.name).count()


def test_no_refresh_during_a_password_change_revives_a_session(
    transactional_db: None, person: MakePerson
) -> None:
    """Three devices refresh on and on, and once more when the change is made."""
    for _ in range(3):
        who, is_changed = person(), Event()

        def change_and_tell(who: Person = who, is_changed: Event = is_changed) -> Answer:
            try:
                return change(who)
            finally:
                is_changed.set()

        def refresh_on(token: str, is_changed: Event = is_changed) -> Answer:
            while True:
                is_last = is_changed.is_set()
                answer = SHOP.refresh(token)
                if is_last or answer.code != OK:
                    return answer
                token = answer.content

        tasks: list[Callable[[], Answer]] = [change_and_tell]
        tasks += [partial(refresh_on, SHOP.session(who)) for _ in range(3)]
        assert at_once(SHOP, tasks)[0].code == OK
        assert live(who) == 0


def test_no_refresh_during_its_end_revives_a_session(
    transactional_db: None, person: MakePerson
) -> None:
    for _ in range(3):
        who = person()
        tokens = [SHOP.session(who) for _ in range(3)]

        def end_all(who: Person = who) -> Answer:
            for session in Session.objects.filter(customer=who.id).values_list("id", flat=True):
                sessions.end_own(who.id, session, now=now())
            return Answer(OK)

        tasks: list[Callable[[], Answer]] = [end_all]
        tasks += [partial(SHOP.refresh, token) for token in tokens]
        assert at_once(SHOP, tasks)[0].code == OK
        assert live(who) == 0
