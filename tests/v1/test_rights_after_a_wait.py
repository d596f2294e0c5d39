"""Staff lose the session, the key or the role while their request waits for a lock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import monotonic, sleep

import pytest
from django.db import connection, transaction

from larder.core.clock import now
from larder.core.errors import DomainError, PermissionMissing
from larder.db import database
from larder.http.authentication import caller_of, caller_of_key
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded
from larder.identity.models import Key
from larder.identity.services import keys, sessions
from larder.inventory.models import Stock
from larder.inventory.services import adjustments
from larder.inventory.services.adjustments import AdjustmentLine
from larder.orders.services import moves
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.staff.test_moves import place, stock

MakePerson = Callable[..., Person]
pytestmark = pytest.mark.django_db(transaction=True)
WAITING = "SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"


def end_sessions(who: Person) -> None:
    sessions.end_others_within(who.id, keep=None, now=now())


def end_keys(who: Person) -> None:
    Key.objects.filter(customer=who.id).update(ended_at=now())


def take_roles(who: Person) -> None:
    who.customer.groups.clear()


def with_token(who: Person) -> Caller:
    return caller_of(token_for(who))


def with_key(who: Person) -> Caller:
    made = keys.create_key(who.caller, "scanner", now=now())
    return caller_of_key(str(made.text))


LOSSES = [
    (with_token, end_sessions, SessionEnded),
    (with_key, end_keys, SessionEnded),
    (with_token, take_roles, PermissionMissing),
]


def acts(order: TransitionRequest, product: int) -> dict[str, Callable[[], object]]:
    lines, caller = [AdjustmentLine(product, delta=-1)], order.caller
    return {
        "cancel": lambda: moves.cancel_order(order),
        "adjust": lambda: adjustments.adjust_stock(
            lines, reason="lost", caller=caller, now=order.now
        ),
        "dispatch": lambda: adjustments.dispatch(product, 1, caller=caller, now=order.now),
    }


def until_somebody_waits() -> None:
    began = monotonic()
    while not database.rows(WAITING, []):
        assert monotonic() - began < 10
        sleep(0.01)


@pytest.mark.parametrize("act", ["cancel", "adjust", "dispatch"])
@pytest.mark.parametrize(("credential", "lose", "refusal"), LOSSES)
def test_what_waited_for_a_lock_is_stored_only_if_the_caller_still_may(
    act: str,
    credential: Callable[[Person], Caller],
    lose: Callable[[Person], None],
    refusal: type[DomainError],
    person: MakePerson,
    product: Callable[..., int],
    now: datetime,
) -> None:
    clerk, jam = person(is_staff=True), product(stock=9)
    request = TransitionRequest(order=place(person(), jam, 4), caller=credential(clerk), now=now)

    def call() -> None:
        try:
            acts(request, jam)[act]()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as beside:
        with transaction.atomic():
            Stock.objects.select_for_update().get(product_id=jam)
            waiting = beside.submit(call)
            until_somebody_waits()
            lose(clerk)
        with pytest.raises(refusal):
            waiting.result(10)
    assert stock(jam) == (5, 4)
