"""What races do at the services."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Barrier
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, connections

from larder.catalog.services.products import archive_product
from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.ids import SYSTEM_ACTOR
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.services import accounts
from larder.identity.services.accounts import NewCustomer
from larder.inventory.services.adjustments import AdjustmentLine, Cause, adjust_stock
from larder.orders.decision import RequestedLine
from larder.orders.services import moves
from larder.orders.services.changes import change_order
from larder.orders.services.moves import ReturnedLine, return_order
from larder.orders.services.placing.placement import Placed, Placement, Terms
from larder.orders.services.transitions import Moved, TransitionRequest
from tests.conftest import Person
from tests.orders.placing import place_orders

Result = TypeVar("Result")
Lines = Sequence[tuple[int, int]]
"""(product, quantity)."""

OK = "ok"
GBP = Terms(currency="GBP")
PASSWORD = "a rather good one"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `code` is OK, a refusal's code, or the name of an error that is a fault."""

    code: str
    content: Any = None
    replayed: bool = False


def place_apart(asked: Placement, *, now: datetime) -> Placed:
    """Places an order in a separate transaction, as if each thread were a process: those of one
    process would be in one batch (larder/orders/services/batches.py) and never race."""
    (answer,) = place_orders([asked], terms=GBP, now=now)
    if isinstance(answer, Exception):
        raise answer
    return answer


class ServiceShop:
    """The services, called in this process. Nothing raises: whatever happens is in the answer's
    code."""

    def arrive(self) -> None:
        connection.ensure_connection()

    def leave(self) -> None:
        connections.close_all()

    def place(
        self, who: Person, lines: Lines, *, key: str | None = None, id: UUID | None = None
    ) -> Answer:
        asked = Placement(
            customer=who.id,
            actor=who.customer.public_id,
            lines=[RequestedLine(*line) for line in lines],
            order_id=id,
            key=key,
            operation="POST /api/v1/orders",
        )

        def call() -> Answer:
            placed = place_apart(asked, now=now())
            return Answer(OK, placed.order, placed.replayed)

        return served(call)

    def adjust(
        self, who: Person, product: int, *, delta: int | None = None, counted: int | None = None
    ) -> Answer:
        lines = [AdjustmentLine(product, delta, counted)]
        caller = who.caller
        return served(
            lambda: Answer(OK, adjust_stock(lines, Cause("correction"), caller=caller, now=now()))
        )

    def move(self, who: Person, order: UUID, move: str, lines: Lines = ()) -> Answer:
        request = _transition_request(who, order)
        back = [ReturnedLine(*line) for line in lines]
        calls: dict[str, Callable[[], Moved]] = {
            "cancel": lambda: moves.cancel_order(request),
            "pack": lambda: moves.pack_order(request),
            "ship": lambda: moves.ship_order(request),
            "deliver": lambda: moves.deliver_order(request),
            "return": lambda: return_order(request, lines=back, reason="any"),
        }
        return served(lambda: Answer(OK, replayed=calls[move]().replayed))

    def change(
        self, who: Person, order: UUID, lines: Lines, *, version: int | None = None
    ) -> Answer:
        request, requested = (
            _transition_request(who, order, version),
            [RequestedLine(*line) for line in lines],
        )

        def call() -> Answer:
            change_order(request, terms=GBP, lines=requested)
            return Answer(OK)

        return served(call)

    def archive(self, who: Person, product: int) -> Answer:
        def call() -> Answer:
            archive_product(product, caller=None, now=now())
            return Answer(OK)

        return served(call)

    def register(self, username: str, *, key: str | None = None) -> Answer:
        claim = None
        if key is not None:
            scope = Scope(SYSTEM_ACTOR, "POST /api/v1/auth/register", key)
            claim = Claim(scope, fingerprint(username), expires_at=now() + RETENTION)
        new = NewCustomer(username=username, password=PASSWORD)

        def call() -> Answer:
            registered = accounts.register(new, policy="open", now=now(), claim=claim)
            return Answer(OK, registered.id, registered.replayed)

        return served(call)


def at_once(shop: ServiceShop, tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """Runs each task in a thread and with a separate connection, all released together."""
    line = Barrier(len(tasks))

    def run(task: Callable[[], Result]) -> Result:
        try:
            shop.arrive()
            line.wait(60)
            return task()
        finally:
            shop.leave()

    with ThreadPoolExecutor(len(tasks)) as crowd:
        return list(crowd.map(run, tasks))


def _transition_request(who: Person, order: UUID, version: int | None = None) -> TransitionRequest:
    customer = who.customer
    caller = Caller(who.id, customer.public_id, customer.is_staff, session=None)
    caller = queries.with_rights(caller)
    return TransitionRequest(order=order, caller=caller, now=now(), version=version)


LONGEST_BUSY = 60.0
"""Seconds for which a client repeats what is refused because too much goes on at once."""


def served(call: Callable[[], Answer]) -> Answer:
    """As `answered`, by a client that comes again after a 503 with Retry-After, as real ones do.
    The service's limit of a wait for a lock is one, too."""
    until = monotonic() + LONGEST_BUSY
    while _is_busy(answer := answered(call)) and monotonic() < until:
        sleep(0.5)
    return answer


def _is_busy(answer: Answer) -> bool:
    timeout = answer.code == "OperationalError" and "lock timeout" in answer.content
    return answer.code == "overloaded" or timeout


def answered(call: Callable[[], Answer]) -> Answer:
    """A refusal's code; an error that is none of ours goes by its name."""
    try:
        return call()
    except DomainError as refusal:
        return Answer(refusal.code, refusal.extensions)
    except Exception as error:
        # A deadlock, say: an outcome of the race.
        return Answer(type(error).__name__, str(error))
