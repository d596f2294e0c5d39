"""Abandoned carts: which are deleted and which are kept."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from larder.core.clock import now as clock
from larder.identity.models import Customer
from larder.identity.services import accounts
from larder.ops import tasks
from larder.ops.books.invariants import check
from larder.orders import queries
from larder.orders.decision import RequestedLine
from larder.orders.models import Cart
from larder.orders.queries import carts
from larder.orders.services import cart
from larder.orders.services.batches import place_order
from larder.orders.services.cart import KEPT, add_unit, expire_carts
from larder.orders.services.placing.placement import ExpectedCart, Placement, Terms
from tests.conftest import Person
from tests.system.race.shops import ServiceShop, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
GBP = Terms(currency="GBP")

pytestmark = pytest.mark.django_db(transaction=True)


def fill(who: Person, product: int, *, now: datetime) -> None:
    """Puts two units into the cart."""
    cart.put_line(who.id, RequestedLine(product, 2), now=now)


def test_drafts_unchanged_for_thirty_days_are_deleted(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    old, touched, young, jam = person(), person(), person(), product()
    for who in (old, touched):
        fill(who, jam, now=now - KEPT - timedelta(seconds=1))
    add_unit(touched.id, jam, now=now - KEPT)
    fill(young, jam, now=now)
    assert expire_carts(now=now, limit=10) == 1
    assert carts.cart(old.id) is None
    assert [who.id for who in (touched, young) if carts.cart(who.id)] == [touched.id, young.id]
    assert expire_carts(now=now, limit=10) == 0


def test_placed_orders_are_never_deleted(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    who, jam, long_ago = person(), product(), now - 100 * KEPT
    fill(who, jam, now=long_ago)
    actor = who.customer.public_id
    asked = Placement(customer=who.id, actor=actor, lines=(), cart=ExpectedCart())
    placed = place_order(asked, terms=GBP, now=long_ago)
    accounts.delete_account(who.id, now=now)
    assert expire_carts(now=now, limit=10) == 0
    assert queries.order(placed.order.id, customer=None) == placed.order
    assert not check().violated


def test_the_draft_of_a_deleted_account_is_deleted_at_once(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    gone, stays, jam = person(), person(), product()
    for who in (gone, stays):
        fill(who, jam, now=now)
    accounts.delete_account(gone.id, now=now)
    assert expire_carts(now=now, limit=10) == 1
    assert [carts.cart(who.id) is None for who in (gone, stays)] == [True, False]


def test_the_oldest_drafts_are_deleted_first_up_to_the_limit(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    jam, people = product(), [person() for _ in range(5)]
    for days, who in enumerate(people):
        fill(who, jam, now=now - KEPT - timedelta(days=9 - days))
    assert expire_carts(now=now, limit=2) == 2
    assert [carts.cart(who.id) is None for who in people] == [True, True, False, False, False]
    assert [expire_carts(now=now, limit=2) for _ in range(3)] == [2, 1, 0]


def test_the_job_skips_locked_drafts(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    held, other, jam = person(), person(), product()
    for who in (held, other):
        fill(who, jam, now=now - 2 * KEPT)

    def expire() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
        return expire_carts(now=now, limit=10)

    with transaction.atomic():
        Cart.objects.select_for_update().get(customer=held.id)
        assert at_once(ServiceShop(), [expire]) == [1]
    assert carts.cart(other.id) is None
    assert len(carts.cart(held.id).lines) == 1  # type: ignore[union-attr]


def test_a_draft_is_deleted_although_its_customer_is_locked(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    """The job locks drafts, not customers."""
    who = person()
    fill(who, product(), now=now - 2 * KEPT)
    with transaction.atomic():
        Customer.objects.select_for_update(no_key=True).get(pk=who.id)
        assert at_once(ServiceShop(), [lambda: expire_carts(now=now, limit=10)]) == [1]


def test_a_draft_changed_while_the_job_runs_is_kept(
    person: MakePerson, product: MakeProduct, now: datetime
) -> None:
    """The row is checked again after it is locked."""
    who, jam = person(), product(price="2")
    fill(who, jam, now=now - 2 * KEPT)
    fill_again = [lambda: add_unit(who.id, jam, now=now)]
    jobs = [lambda: expire_carts(now=now, limit=10)] * 3
    at_once(ServiceShop(), [*jobs, *fill_again])
    cart = carts.cart(who.id)
    # Deleted before, and begun anew; or touched before, and kept.
    assert cart is not None
    assert cart.total in {Decimal(2), Decimal(6)}


def test_the_job_deletes_batch_after_batch(
    person: MakePerson, product: MakeProduct, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BATCH", 2)
    jam, young = product(), person()
    for _ in range(5):
        fill(person(), jam, now=now)  # Of a fixed moment, long ago by the job's clock.
    fill(young, jam, now=clock())
    assert tasks.delete_old_rows() == {"deleted": 5}
    carts = Cart.objects.filter(order__isnull=False)
    assert [cart.customer_id for cart in carts] == [young.id]
