"""Products with their stock are created, changed and dispatched in one transaction."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from larder.catalog.services.products import archive_product
from larder.core.errors import AlreadyTaken, InvalidInput, NotFound, PermissionMissing
from larder.identity.caller import Caller
from larder.inventory import queries
from larder.inventory.errors import InsufficientStock, StockLimitExceeded
from larder.inventory.models import Adjustment
from larder.inventory.services.adjustments import dispatch
from larder.inventory.services.products import (
    Author,
    change_stocked_product,
    create_stocked_product,
    put_product,
)
from tests.conftest import Person
from tests.staff.desk import allow
from tests.system.race.books import assert_agree

ANY_CUSTOMER = 1
pytestmark = pytest.mark.django_db(transaction=True)
Change = Callable[..., None]


@pytest.fixture
def change(clerk: Caller, now: datetime) -> Change:
    """`change(jam, {"name": "x"}, quantity=3)`."""

    def call(
        product: int, fields: dict[str, Any], *, quantity: int | None = None, **others: Any
    ) -> None:
        change_stocked_product(
            product, fields, quantity=quantity, author=Author(clerk, now), **others
        )

    return call


@pytest.fixture
def clerk(person: Callable[..., Person]) -> Caller:
    return person(is_staff=True).caller


def entries(product: int) -> list[tuple[int, int, str, UUID]]:
    """Change, balance, cause and actor of the ledger, the oldest first."""
    ledger = queries.ledger(product, before=None, limit=100)
    return [(entry.delta, entry.balance, entry.cause, entry.actor) for entry in reversed(ledger)]


def test_fields_and_quantity_change_together(
    product: Callable[..., int], change: Change, clerk: Caller
) -> None:
    jam = product(stock=10)
    change(jam, {"name": "Jam", "price": Decimal(2)}, quantity=4)
    shown = queries.product(ANY_CUSTOMER, jam)
    assert (shown.name, shown.price, shown.quantity, shown.version) == ("Jam", Decimal(2), 4, 2)
    assert entries(jam)[1:] == [(-6, 4, "correction", clerk.public_id)]
    assert_agree([jam])


def test_a_new_quantity_does_not_change_the_version_of_the_product(
    product: Callable[..., int], change: Change, clerk: Caller
) -> None:
    jam = product(stock=10)
    change(jam, {}, quantity=11)
    shown = queries.product(ANY_CUSTOMER, jam)
    assert (shown.quantity, shown.version) == (11, 1)
    assert entries(jam)[1:] == [(1, 11, "correction", clerk.public_id)]


def test_an_equal_or_missing_quantity_writes_no_ledger_entry(
    product: Callable[..., int], change: Change
) -> None:
    jam = product(stock=10)
    change(jam, {"name": "Jam"}, quantity=10)
    change(jam, {"name": "Tea"})
    change(jam, {})
    assert queries.product(ANY_CUSTOMER, jam).name == "Tea"
    assert (Adjustment.objects.count(), len(entries(jam))) == (0, 1)


def test_a_refused_field_or_quantity_rolls_back_both(
    product: Callable[..., int], change: Change
) -> None:
    jam, tea = product(stock=10, name="Jam"), product(sku="TEA", name="Tea")
    refused: list[tuple[dict[str, Any], dict[str, Any], type[Exception]]] = [
        ({"sku": "TEA"}, {}, AlreadyTaken),
        ({"min_quantity": 6, "max_per_order": 5}, {}, InvalidInput),
        ({"name": "Tea"}, {"unique_name": True}, AlreadyTaken),
        ({"name": "x"}, {"quantity": 2**31}, StockLimitExceeded),
    ]
    for fields, others, why in refused:
        with pytest.raises(why):
            change(jam, fields, **({"quantity": 3} | others))
    shown = queries.product(ANY_CUSTOMER, jam)
    assert (shown.name, shown.quantity, shown.version) == ("Jam", 10, 1)
    assert len(entries(jam)) == 1
    assert queries.product(ANY_CUSTOMER, tea).version == 1


@pytest.mark.parametrize("fields", [{}, {"name": "Taken"}])
@pytest.mark.parametrize("quantity", [None, 3])
def test_archived_and_unknown_products_are_not_found_by_any_change(
    product: Callable[..., int],
    change: Change,
    now: datetime,
    fields: dict[str, Any],
    quantity: int | None,
) -> None:
    gone = product(stock=10)
    product(name="Taken")
    archive_product(gone, caller=None, now=now)
    for id in (gone, 10**12):
        with pytest.raises(NotFound):
            change(id, fields, quantity=quantity, unique_name=True)
    assert len(entries(gone)) == 1


def test_a_product_may_be_saved_with_its_own_unique_name(
    product: Callable[..., int], change: Change
) -> None:
    jam = product(name="Jam")
    change(jam, {"name": "Jam"}, unique_name=True)
    change(jam, {"price": Decimal(3)}, quantity=1, unique_name=True)
    assert queries.product(ANY_CUSTOMER, jam).price == 3


def test_a_stocked_product_can_be_created_without_a_sku(now: datetime) -> None:
    fields = {"name": "Jam", "price": Decimal(1)}
    id = create_stocked_product(fields, quantity=5, author=Author(None, now), unique_name=True)
    shown = queries.product(ANY_CUSTOMER, id.id)
    assert (shown.quantity, shown.sku[:2]) == (5, "L-")
    with pytest.raises(AlreadyTaken, match="name_taken"):
        create_stocked_product(fields, quantity=5, author=Author(None, now), unique_name=True)
    assert len(queries.products(ANY_CUSTOMER, limit=None)) == 1


def test_dispatched_units_leave_the_stock_with_a_ledger_entry(
    product: Callable[..., int], clerk: Caller, now: datetime
) -> None:
    jam, by = product(stock=10), clerk.public_id
    dispatch(jam, 4, caller=clerk, now=now)
    dispatch(jam, 6, caller=clerk, now=now)
    assert entries(jam)[1:] == [(-4, 6, "dispatched", by), (-6, 0, "dispatched", by)]
    assert_agree([jam])


def test_dispatching_more_than_the_stock_is_refused(
    product: Callable[..., int], clerk: Caller, now: datetime
) -> None:
    jam = product(stock=3)
    for units in (4, 10**12):
        with pytest.raises(InsufficientStock) as refused:
            dispatch(jam, units, caller=clerk, now=now)
    short = {"product": jam, "code": "insufficient_stock", "requested": 10**12, "available": 3}
    assert refused.value.lines == [short]
    for units in (0, -1):
        with pytest.raises(ValueError, match="dispatch of"):
            dispatch(jam, units, caller=clerk, now=now)
    assert (queries.product(ANY_CUSTOMER, jam).quantity, len(entries(jam))) == (3, 1)


def test_an_archived_product_is_put_on_sale_again_only_with_the_right_to_archive(
    product: Callable[..., int], person: Callable[..., Person], now: datetime
) -> None:
    jam = product(sku="JAM", name="Jam", price="2.00")
    archive_product(jam, caller=None, now=now)
    who = allow(person(is_staff=True), "catalog.add_product", "catalog.change_product").caller
    fields = {"name": "Jam", "price": Decimal(2)}
    with pytest.raises(PermissionMissing) as refusal:
        put_product("JAM", fields, quantity=0, author=Author(who, now))
    assert refusal.value.permission == "catalog.delete_product"
    with pytest.raises(NotFound):
        queries.product(ANY_CUSTOMER, jam)


def test_archived_and_unknown_products_are_not_dispatched(
    product: Callable[..., int], clerk: Caller, now: datetime
) -> None:
    gone = product(stock=3)
    archive_product(gone, caller=None, now=now)
    for id in (gone, 10**12):
        with pytest.raises(NotFound):
            dispatch(id, 1, caller=clerk, now=now)
    assert len(entries(gone)) == 1
