"""Staff lose the session, the key or the role while their request waits for a lock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from larder.catalog.models import Category, Product
from larder.catalog.services.categories import create_category
from larder.core.clock import now
from larder.core.errors import DomainError, PermissionMissing
from larder.http.authentication import caller_of, caller_of_key
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded
from larder.identity.models import Key
from larder.identity.services import keys, sessions
from larder.inventory.models import Stock
from larder.inventory.services import adjustments
from larder.inventory.services.adjustments import AdjustmentLine
from larder.orders.models import Order, Payment
from larder.orders.payment_state import Kind
from larder.orders.services import moves
from larder.orders.services.locks import lock_order
from larder.orders.services.payments import NewPayment, record_payment
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import Answer, Api, Person
from tests.http.conftest import token_for
from tests.staff.moving import place, stock
from tests.tiers import LONGEST
from tests.v1.waiting import until_a_transaction_waits

MakePerson = Callable[..., Person]
pytestmark = pytest.mark.django_db(transaction=True)


def end_sessions(who: Person) -> None:
    sessions.end_others_within(who.id, keep=None, now=now())


def end_keys(who: Person) -> None:
    Key.objects.filter(customer=who.id).update(ended_at=now())


def take_roles(who: Person) -> None:
    who.customer.groups.clear()


def with_token(who: Person) -> Caller:
    return caller_of(token_for(who))


def with_key(who: Person) -> Caller:
    key = keys.create_key(who.caller, "scanner", now=now())
    return caller_of_key(str(key.text))


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
            lines, adjustments.Cause("lost"), caller=caller, now=order.now
        ),
        "dispatch": lambda: adjustments.dispatch(product, 1, caller=caller, now=order.now),
        "pay": lambda: record_payment(order.order, _paid(order.now), caller=caller, now=order.now),
    }


def _paid(at: datetime) -> NewPayment:
    details: dict[str, Any] = {
        "provider": "till",
        "kind": Kind.CAPTURED,
        "transaction_id": "t1",
        "currency": "GBP",
    }
    return NewPayment(**details, amount=1, at=at)


def _keep_locked(act: str, order: UUID, product: int) -> None:
    """Locks the row that the change waits for last."""
    if act == "pay":
        lock_order(order)
    else:
        Stock.objects.select_for_update().get(product_id=product)


@pytest.mark.parametrize("act", ["cancel", "adjust", "dispatch", "pay"])
@pytest.mark.parametrize(("credential", "lose", "refusal"), LOSSES)
def test_a_change_that_waited_for_a_lock_needs_a_current_permission(
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
            _keep_locked(act, request.order, jam)
            waiting = beside.submit(call)
            until_a_transaction_waits()
            lose(clerk)
        with pytest.raises(refusal):
            waiting.result(LONGEST)
    assert stock(jam) == (5, 4)
    assert not Payment.objects.exists()


Send = Callable[[Person], Answer]
_numbers = count(1)


def sent(method: str, path: str, body: object = None, **options: str) -> Send:
    """Returns a request of v1 by a person, whose token is created before the wait."""

    def as_person(who: Person) -> Answer:
        return Api(str(token_for(who)))(method, path, body, **options)

    return as_person


def writes(jam: int, buyer: int, shelf: int, above: int) -> dict[str, Send]:
    """Requests that wait for the product, its stock or the categories."""
    line = {"product": jam, "quantity": 1}
    lines = f"sku,name,price\nJAM,Jam {next(_numbers)},2.00\n"
    whole = {"sku": "JAM", "name": "Other", "price": "2.00", "quantity": 1}
    return {
        "change": sent("PATCH", f"products/{jam}", {"price": "0.01"}),
        "archive": sent("DELETE", f"products/{jam}"),
        "put": sent("PUT", "products/by-sku/JAM", whole),
        "import": sent("POST", "products/import", lines, content_type="text/csv"),
        "place": sent("POST", "orders", {"lines": [line], "customer": buyer}),
        "rename": sent("PATCH", f"categories/{shelf}", {"name": "Other"}),
        "remove": sent("DELETE", f"categories/{shelf}"),
        "add below": sent("POST", "categories", {"name": "Other", "parent": above}),
    }


def catalogue() -> list[object]:
    """Returns all rows that these requests change."""
    products = Product.objects.order_by("id").values_list("name", "price", "archived_at", "version")
    categories = Category.objects.order_by("id").values_list("name", "parent_id")
    return [*products, *categories, Order.objects.count()]


def hold(jam: int) -> None:
    """Locks the product, its stock and all categories, until the transaction ends."""
    list(Category.objects.select_for_update().order_by("id"))
    Product.objects.select_for_update().get(pk=jam)
    Stock.objects.select_for_update().get(product_id=jam)


@pytest.mark.parametrize(
    "act", ["change", "archive", "put", "import", "place", "rename", "remove", "add below"]
)
@pytest.mark.parametrize(("lose", "code"), [(end_sessions, 401), (take_roles, 403), (None, 200)])
def test_a_change_of_the_catalogue_that_waited_needs_a_current_permission(
    act: str,
    lose: Callable[[Person], None] | None,
    code: int,
    person: MakePerson,
    product: Callable[..., int],
) -> None:
    clerk, jam = person(is_staff=True), product(stock=9, sku="JAM")
    above, shelf = (
        create_category(name="Shelf", parent=None, caller=None, now=now()).id for _ in range(2)
    )
    send, before = writes(jam, person().id, shelf, above)[act], catalogue()

    def call() -> Answer:
        try:
            return send(clerk)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as beside:
        with transaction.atomic():
            hold(jam)
            waiting = beside.submit(call)
            until_a_transaction_waits()
            if lose is not None:
                lose(clerk)
        answer = waiting.result(LONGEST)
    assert answer.status // 100 == code // 100, answer.body
    assert lose is None or answer.status == code
    assert (catalogue() == before) is (lose is not None)
