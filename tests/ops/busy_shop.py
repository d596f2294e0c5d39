"""A small shop with some history, created only through the services."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import starmap
from random import Random
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import Permission

from larder.catalog.services.products import archive_product, create_product
from larder.core.errors import DomainError
from larder.core.ids import SYSTEM_ACTOR
from larder.db.idempotency import Claim, Scope, fingerprint
from larder.identity.caller import Caller
from larder.identity.models import Customer
from larder.identity.permissions import ALL
from larder.inventory.services import adjustments
from larder.inventory.services.adjustments import AdjustmentLine, Cause, adjust_stock
from larder.inventory.services.movements import open_stock
from larder.orders import queries
from larder.orders.decision import RequestedLine
from larder.orders.lifecycle import PERMISSIONS
from larder.orders.queries import OrderFilter
from larder.orders.services.batches import confirm_order
from larder.orders.services.changes import change_order
from larder.orders.services.moves import (
    Picked,
    ReturnedLine,
    cancel_order,
    deliver_order,
    pack_order,
    return_order,
    ship_order,
)
from larder.orders.services.placing.placement import Hold, Placed, Placement, Terms
from larder.orders.services.transitions import TransitionRequest
from tests.orders.placing import place_orders

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GBP = Terms(currency="GBP")
POST_ORDERS = "POST /api/v1/orders"


@dataclass(frozen=True, slots=True)
class BusyShop:
    """`jam` was opened with 10 units, 7 were sold, 5 came in; `tea` was sold to two customers,
    3 and 4 of 20; `hat` was never in stock. `anna` placed the first order, of `jam`, under a key
    and an id she chose."""

    jam: int
    tea: int
    hat: int
    anna: Customer
    bert: Customer
    clerk: Customer
    first_order: UUID


def open_shop() -> BusyShop:
    """Makes the shop that the damages begin with. Needs an empty database."""
    jam, tea, hat = (_product(name, units) for name, units in (("J", 10), ("T", 20), ("H", 0)))
    # Passwords are not needed here, and hashing them takes time.
    anna, bert, clerk = (
        Customer.objects.create(username=name, email=f"{name}@example.com", is_staff=staff)
        for name, staff in (("anna", False), ("bert", False), ("clerk", True))
    )
    needed = [name.partition(".")[2] for name in (*PERMISSIONS.values(), adjustments.PERMISSION)]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=needed))
    first = uuid4()
    place([_placement(anna, {jam: 7}, order_id=first, key="first")])
    place([_placement(anna, {tea: 3}), _placement(bert, {tea: 4}, actor=clerk, key="telephone")])
    book("received", AdjustmentLine(jam, delta=5), actor=clerk)
    return BusyShop(jam, tea, hat, anna, bert, clerk, first)


def _product(sku: str, units: int) -> int:
    product = create_product(
        {"sku": sku, "name": sku, "price": Decimal("1.50")}, caller=None, now=BEGAN
    )
    open_stock({product: units}, actor=SYSTEM_ACTOR, now=BEGAN)
    return product


def _placement(
    who: Customer,
    units: dict[int, int],
    actor: Customer | None = None,
    **others: Any,
) -> Placement:
    return Placement(
        customer=who.pk,
        actor=(actor or who).public_id,
        lines=[RequestedLine(product, quantity) for product, quantity in units.items()],
        operation=POST_ORDERS,
        **others,
    )


def place(group: Sequence[Placement]) -> int:
    """Places a group; returns how many of it were not refused."""
    answers = place_orders(group, terms=GBP, now=BEGAN)
    return sum(isinstance(answer, Placed) for answer in answers)


def book(reason: str, *lines: AdjustmentLine, actor: Customer, key: str = "") -> None:
    """Books an adjustment under a key."""
    scope = Scope(actor.public_id, "POST /api/v1/stock/adjustments", key or str(uuid4()))
    kept_until = BEGAN + timedelta(days=2)
    claim = Claim(scope, fingerprint(reason), expires_at=kept_until)
    adjust_stock(lines, Cause(reason), caller=_caller(actor), now=BEGAN, claim=claim)


def _caller(who: Customer) -> Caller:
    return Caller(who.pk, who.public_id, is_staff=True, session=None, permissions=ALL)


def trade(shop: BusyShop, *, seed: int, steps: int) -> int:
    """Random business: batches, repeated keys and ids, deliveries, counts, a product
    taken off sale, orders changed, moved and returned. Returns how many orders were placed or
    repeated."""
    random, done = Random(seed), 0  # noqa: S311
    products = [
        shop.jam,
        shop.tea,
        shop.hat,
        *(_product(f"P{number}", 30 * number) for number in range(8)),
    ]
    ids = [uuid4() for _ in range(10)]
    for step in range(steps):
        if step == steps // 2:
            archive_product(products.pop(), caller=None, now=BEGAN)
        if random.random() < 0.25:
            _restock(shop, products, random)
        elif random.random() < 0.6:
            _move_any(shop, products, random)
        else:
            group = [_any_order(shop, products, ids, random) for _ in range(random.randint(1, 6))]
            done += place(group)
    return done


def _any_order(
    shop: BusyShop, products: Sequence[int], ids: Sequence[UUID], random: Random
) -> Placement:
    who = random.choice([shop.anna, shop.bert])
    chosen = random.sample(products, random.randint(1, 4))
    return _placement(
        who,
        {product: random.randint(1, 5) for product in chosen},
        actor=random.choice([who, who, shop.clerk]),
        order_id=random.choice([*ids, None, None]),
        key=random.choice(["a", "b", "c", None, None, None]),
        hold=random.choice([Hold(600), None, None]),
    )


def _move_any(shop: BusyShop, products: Sequence[int], random: Random) -> None:
    """A move, with a little luck one that the order's status allows."""
    orders = queries.history(OrderFilter(customer=None), limit=1_000).rows
    # By number: some of the ids are chosen anew in each run.
    order = random.choice(sorted(orders, key=lambda order: order.number)[-20:])
    request = TransitionRequest(order=order.id, caller=_caller(shop.clerk), now=BEGAN)
    line = random.choice(order.lines)
    units, either = random.randint(0, line.quantity), random.random() < 0.5
    requested = {id: random.randint(1, 5) for id in random.sample(products, 2)}
    moves: dict[str, Callable[[], object]] = {
        "change": lambda: change_order(
            request, terms=GBP, lines=[*starmap(RequestedLine, requested.items())]
        ),
        "confirm": lambda: confirm_order(request),
        "cancel": lambda: cancel_order(request),
        "pack": lambda: pack_order(request, picked=[Picked(line.product, units, either)]),
        "ship": lambda: ship_order(request),
        "deliver": lambda: deliver_order(request),
        "return": lambda: return_order(
            request, lines=[ReturnedLine(line.product, units or 1, either)], reason="any"
        ),
    }
    likely = {
        "pending": ["confirm", "confirm", "cancel"],
        "placed": ["change", "cancel", "pack", "pack"],
        "packed": ["ship"] * 3 + ["cancel"],
    }
    chosen = [*likely.get(order.status, ["return"] * 3 + ["deliver"]), *moves]
    with suppress(DomainError):
        moves[random.choice(chosen)]()


def _restock(shop: BusyShop, products: Sequence[int], random: Random) -> None:
    chosen = random.sample(products, 2)
    try:
        if random.random() < 0.5:
            lines = [AdjustmentLine(product, delta=random.randint(-3, 20)) for product in chosen]
            book("received", *lines, actor=shop.clerk)
        else:
            lines = [AdjustmentLine(product, counted=random.randint(0, 40)) for product in chosen]
            book("counted", *lines, actor=shop.clerk)
    except DomainError:
        return
