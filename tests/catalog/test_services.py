"""The catalogue's writes: versions, SKUs, the tree of categories."""

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from larder.catalog import prices, queries, sql
from larder.catalog.errors import CategoryInUse, TooManyCategories, UnknownCategory
from larder.catalog.models import Category, Product
from larder.catalog.services import categories
from larder.catalog.services.categories import change_category, create_category, delete_category
from larder.catalog.services.products import (
    archive_product,
    change_product,
    create_product,
)
from larder.core.errors import AlreadyTaken, InvalidInput, NotFound, StaleVersion
from tests.database import lock_is_awaited
from tests.tiers import LONGEST
from tools.processes import wait_until

JAM = {"sku": "JAM", "name": "Jam", "price": Decimal("1.255")}


@pytest.fixture
def category(db: None, now: datetime) -> Callable[..., int]:
    """Makes categories: `category("Jams", parent=food)`."""
    return lambda name, parent=None: (
        create_category(name=name, parent=parent, caller=None, now=now).id
    )


def test_a_change_with_a_version_needs_the_current_version(db: None, now: datetime) -> None:
    jam = create_product(JAM, caller=None, now=now)
    change_product(jam, {"name": "A"}, caller=None, now=now, version=1)
    with pytest.raises(StaleVersion) as stale:
        change_product(jam, {"name": "B"}, caller=None, now=now, version=1)
    assert stale.value.version == 2
    assert Product.objects.get(pk=jam).name == "A"


def test_a_change_writes_its_time_and_keeps_the_other_fields(db: None, now: datetime) -> None:
    jam, later = create_product(JAM, caller=None, now=now), now + timedelta(hours=1)
    change_product(jam, {"price": Decimal(2)}, caller=None, now=later)
    row = Product.objects.get(pk=jam)
    assert (row.name, row.price, row.created_at, row.updated_at) == ("Jam", Decimal(2), now, later)


def test_an_archived_product_can_be_neither_changed_nor_archived(db: None, now: datetime) -> None:
    jam = create_product(JAM, caller=None, now=now)
    archive_product(jam, caller=None, now=now, version=1)
    with pytest.raises(NotFound):
        archive_product(jam, caller=None, now=now)
    with pytest.raises(NotFound):
        change_product(jam, {"name": "B"}, caller=None, now=now, version=2)
    assert Product.objects.get(pk=jam).archived_at == now


def test_a_product_without_a_sku_gets_one_that_can_be_read_from_a_label(
    db: None, now: datetime
) -> None:
    fields = {"name": "Jam", "price": Decimal(1)}
    products = [create_product(fields, caller=None, now=now) for _ in range(200)]
    skus = dict(Product.objects.values_list("id", "sku"))
    assert len({skus[id] for id in products}) == 200
    pattern = r"L-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}"
    assert all(re.fullmatch(pattern, skus[id]) for id in products)
    assert queries.ids_by_sku([skus[products[7]]]) == {skus[products[7]]: products[7]}


def test_a_product_is_found_by_either_id_also_when_archived(db: None, now: datetime) -> None:
    jam, tea = (
        create_product(JAM, caller=None, now=now),
        create_product(JAM | {"sku": "TEA"}, caller=None, now=now),
    )
    archive_product(tea, caller=None, now=now)
    public = queries.public_ids([jam, tea, 10**12])
    assert public.keys() == {jam, tea}
    asked = [*public.values(), UUID(int=1)]
    assert queries.ids_by_public_id(asked) == {public[jam]: jam, public[tea]: tea}
    assert queries.public_ids([]) == queries.ids_by_public_id([]) == {}


def test_a_unique_name_belongs_to_one_product_on_sale(db: None, now: datetime) -> None:
    jam = create_product(JAM, caller=None, now=now, unique_name=True)
    with pytest.raises(AlreadyTaken, match="name_taken"):
        create_product(JAM | {"sku": "J2"}, caller=None, now=now, unique_name=True)
    create_product(JAM | {"sku": "J3", "name": "jam"}, caller=None, now=now, unique_name=True)
    archive_product(jam, caller=None, now=now)
    create_product(JAM | {"sku": "J4"}, caller=None, now=now, unique_name=True)
    create_product(JAM | {"sku": "J5"}, caller=None, now=now)
    assert Product.objects.filter(name="Jam").count() == 3


def test_creating_or_changing_to_a_used_sku_is_refused(db: None, now: datetime) -> None:
    create_product(JAM, caller=None, now=now)
    tea = create_product(JAM | {"sku": "TEA"}, caller=None, now=now)
    with pytest.raises(AlreadyTaken, match="sku_taken"):
        create_product(JAM, caller=None, now=now)
    with pytest.raises(AlreadyTaken, match="sku_taken"):
        change_product(tea, {"sku": "jam"}, caller=None, now=now)
    with pytest.raises(StaleVersion):
        change_product(tea, {"sku": "JAM"}, caller=None, now=now, version=9)
    with pytest.raises(NotFound):
        change_product(10**9, {"sku": "JAM"}, caller=None, now=now)
    change_product(tea, {"sku": "TEA", "name": "Tea"}, caller=None, now=now, version=1)
    assert Product.objects.count() == 2


def test_rules_of_a_line_that_contradict_each_other_are_refused(db: None, now: datetime) -> None:
    jam = create_product(JAM, caller=None, now=now)
    with pytest.raises(InvalidInput) as refused:
        change_product(jam, {"min_quantity": 6, "max_per_order": 5}, caller=None, now=now)
    assert [fault.where for fault in refused.value.faults] == ["/max_per_order"]


def test_a_price_is_stored_exactly(db: None, now: datetime) -> None:
    jam = create_product(JAM | {"price": Decimal("999999999.999")}, caller=None, now=now)
    assert prices.offers([jam])[jam].price == Decimal("999999999.999")


def test_a_category_cannot_be_put_below_itself(category: Callable[..., int]) -> None:
    top = category("0")
    deep = top
    for name in "1234":
        deep = category(name, deep)
    for below in (top, deep):
        with pytest.raises(UnknownCategory):
            change_category(top, {"parent_id": below}, caller=None)
    change_category(deep, {"parent_id": top}, caller=None, version=1)
    assert queries.category(deep).parent == top


def test_an_unknown_category_cannot_be_a_parent(category: Callable[..., int]) -> None:
    with pytest.raises(UnknownCategory):
        category("x", 10**12)
    with pytest.raises(UnknownCategory):
        change_category(category("y"), {"parent_id": 10**12}, caller=None)
    with pytest.raises(NotFound):
        change_category(10**12, {"name": "z"}, caller=None)


def test_a_category_of_an_archived_product_cannot_be_deleted(
    category: Callable[..., int], now: datetime
) -> None:
    food = category("Food")
    jams = category("Jams", food)
    jam = create_product(JAM | {"category_id": jams}, caller=None, now=now)
    archive_product(jam, caller=None, now=now)
    for full, held in ((food, (0, 1)), (jams, (1, 0))):
        with pytest.raises(CategoryInUse) as refused:
            delete_category(full, caller=None)
        assert (refused.value.products, refused.value.categories) == held
    Product.objects.update(category=None)
    with pytest.raises(StaleVersion):
        delete_category(jams, caller=None, version=2)
    delete_category(jams, caller=None, version=1)
    with pytest.raises(NotFound):
        delete_category(jams, caller=None)


def test_a_new_category_cannot_be_its_own_parent(
    category: Callable[..., int], now: datetime
) -> None:
    next_id = category("Food") + 1
    with pytest.raises(UnknownCategory):
        create_category(name="Ring", parent=next_id, caller=None, now=now)
    assert not Category.objects.filter(name="Ring").exists()


@pytest.mark.timeout(60, func_only=True)
def test_a_ring_of_categories_does_not_block_reads(category: Callable[..., int]) -> None:
    ring, jams = category("Ring"), category("Jams")
    Category.objects.filter(id=ring).update(parent=ring)
    change_category(jams, {"parent_id": ring}, caller=None)
    assert queries.category(jams).parent == ring


def test_two_new_categories_at_once_do_not_exceed_the_limit(
    transactional_db: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(categories, "MAX_CATEGORIES", 2)
    create_category(name="Food", parent=None, caller=None, now=now)

    def add_jams() -> None:
        try:
            create_category(name="Jams", parent=None, caller=None, now=now)
        finally:
            connection.close()

    with psycopg.connect(os.environ["DATABASE_URL"]) as other, ThreadPoolExecutor(1) as beside:
        other.execute(sql.ONE_CATEGORY)
        other.execute("INSERT INTO catalog.category (name, version) VALUES ('Hats', 1)")
        second = beside.submit(add_jams)
        assert wait_until(lock_is_awaited)
        other.commit()
        with pytest.raises(TooManyCategories) as refused:
            second.result(LONGEST)
    assert refused.value.limit == Category.objects.count() == 2


def test_a_category_that_another_transaction_changes_meanwhile_is_not_deleted(
    transactional_db: None, now: datetime
) -> None:
    jams = create_category(name="Jams", parent=None, caller=None, now=now).id

    def delete() -> str:
        try:
            delete_category(jams, caller=None, version=1)
        except StaleVersion:
            return "stale"
        finally:
            connection.close()
        return "deleted"

    renamed = "UPDATE catalog.category SET name = 'Jellies', version = 2 WHERE id = %s"
    with psycopg.connect(os.environ["DATABASE_URL"]) as other, ThreadPoolExecutor(1) as beside:
        other.execute(renamed, [jams])
        deleting = beside.submit(delete)
        assert wait_until(lock_is_awaited)
        other.commit()
        assert deleting.result(LONGEST) == "stale"
    assert queries.category(jams).name == "Jellies"
