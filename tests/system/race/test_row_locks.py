"""The locks of orders, carts, stock and catalog hold what they promise."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from larder.catalog.models import Category, Product
from larder.catalog.services.categories import change_category, delete_category
from larder.core.clock import now
from larder.db import database
from larder.identity.services import attempts
from larder.identity.services.attempts import Bucket, Rate, delete_idle
from larder.inventory.services import products
from larder.inventory.services.products import Author
from larder.orders.services.cart import KEPT, expire_carts
from tests.conftest import Person
from tests.system.race.books import shelf
from tests.system.race.files import imported
from tests.system.race.interleaving import (
    CART_READ,
    OLD_CARTS_READ,
    Race,
    assert_held,
    interleave,
)
from tests.system.race.phones import Phone
from tests.system.race.shops import OK

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
PARENTS_READ = '"category"."parent_id" AS "parent_id" FROM "category"'
CATEGORIES_OF_FILE = 'FROM "category" ORDER BY'
NAME_READ = '"product"."name" = %s'
HOUR = Rate(3, 3600)

pytestmark = pytest.mark.django_db(transaction=True)


def cart_put_twice(person: MakePerson, product: MakeProduct) -> Race:
    """Of two that saw the same cart, the first puts its lines."""
    phone, jam = Phone(person(), now()), product()
    phone.put((jam, 1))
    seen = phone.seen()
    return Race(
        partial(phone.put, (jam, 2), expected=seen),
        partial(phone.put, (jam, 3), expected=seen),
        CART_READ,
        lambda outcome: outcome.codes == (OK, "precondition_failed") and phone.units() == {jam: 2},
    )


def cart_submitted_and_filled(person: MakePerson, product: MakeProduct) -> Race:
    """A unit that is added beside a submission is ordered, or it is in the next cart."""
    phone, jam = Phone(person(), now()), product()
    phone.put((jam, 1))
    return Race(
        phone.submit,
        partial(phone.add, jam),
        "SELECT customer_id FROM cart",
        lambda outcome: (
            outcome.codes == (OK, OK)
            and shelf(jam).agrees
            and shelf(jam).sold + phone.units().get(jam, 0) == 2
        ),
    )


def cart_expired_and_filled(person: MakePerson, product: MakeProduct) -> Race:
    """What is put into a cart that expires is in a cart afterwards."""
    phone, jam = Phone(person(), now()), product()
    phone.put((jam, 1))
    return Race(
        lambda: expire_carts(now=now() + 2 * KEPT, limit=4),
        partial(phone.put, (jam, 3)),
        OLD_CARTS_READ,
        lambda outcome: outcome.codes == (OK, OK) and phone.units() == {jam: 3},
    )


def categories_moved_below_each_other(_: MakePerson, __: MakeProduct) -> Race:
    """Categories are a tree."""
    first, other = (Category.objects.create(name=f"Jams {number}").pk for number in (1, 2))
    return Race(
        lambda: change_category(first, {"parent_id": other}, caller=None),
        lambda: change_category(other, {"parent_id": first}, caller=None),
        PARENTS_READ,
        lambda outcome: outcome.codes == (OK, "unknown_category"),
    )


def category_imported_and_deleted(_: MakePerson, __: MakeProduct) -> Race:
    """A file that was accepted is stored, with a category that another transaction deletes."""
    category = Category.objects.create(name="Jams").pk
    row = f"{uuid4().hex},Jam,1,1,{category}"
    return Race(
        lambda: imported("sku,name,price,quantity,category", [row]),
        lambda: delete_category(category, caller=None),
        CATEGORIES_OF_FILE,
        lambda outcome: outcome.codes == (OK, "category_in_use"),
    )


def name_wanted_twice(_: MakePerson, __: MakeProduct) -> Race:
    """One product has a name that is to be unique."""
    name = f"Jam {uuid4()}"

    def create() -> None:
        fields: dict[str, Any] = {"name": name, "price": 1}
        products.create_stocked_product(
            fields, quantity=1, author=Author(None, now()), unique_name=True
        )

    return Race(
        create,
        create,
        NAME_READ,
        lambda outcome: (
            outcome.codes == (OK, "name_taken") and Product.objects.filter(name=name).count() == 1
        ),
    )


def name_wanted_by_a_rename(_: MakePerson, product: MakeProduct) -> Race:
    """One of two products gets a name that is to be unique."""
    name, first, other = f"Jam {uuid4()}", product(), product()

    def rename(id: int) -> None:
        products.change_stocked_product(
            id, {"name": name}, quantity=3, author=Author(None, now()), unique_name=True
        )

    return Race(
        partial(rename, first),
        partial(rename, other),
        NAME_READ,
        lambda outcome: (
            outcome.codes == (OK, "name_taken") and Product.objects.get(name=name).pk == first
        ),
    )


def product_put_twice(_: MakePerson, product: MakeProduct) -> Race:
    """Of two that put one version of a product, the first does."""
    sku = uuid4().hex
    product(sku=sku)

    def put(name: str) -> None:
        fields: dict[str, Any] = {"name": name, "price": 1}
        products.put_product(sku, fields, quantity=1, author=Author(None, now()), expected=1)

    return Race(
        partial(put, "Jam"),
        partial(put, "Marmalade"),
        'SELECT "product"."id" AS "id", "product"."version" AS ',
        lambda outcome: (
            outcome.codes == (OK, "precondition_failed")
            and Product.objects.get(sku=sku).name == "Jam"
        ),
    )


RACES = [
    cart_put_twice,
    cart_submitted_and_filled,
    cart_expired_and_filled,
    categories_moved_below_each_other,
    category_imported_and_deleted,
    name_wanted_twice,
    name_wanted_by_a_rename,
    product_put_twice,
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_the_condition_of_each_race_holds_with_its_lock(
    race: Callable[[MakePerson, MakeProduct], Race], person: MakePerson, product: MakeProduct
) -> None:
    assert_held(race(person, product))


def bucket_used_and_deleted() -> Race:
    """A bucket from which a try is taken is not idle, and is not deleted."""
    bucket = Bucket(uuid4(), HOUR)
    attempts.take([bucket])
    database.execute("UPDATE rate_limit SET until = until - interval '1 day'")

    def take() -> None:
        with transaction.atomic():
            attempts.take([bucket])

    return Race(
        take,
        lambda: delete_idle(limit=9),
        "INSERT INTO rate_limit",
        lambda outcome: (
            outcome.codes == (OK, OK)
            and outcome.second.content == 0
            and database.rows("SELECT count(*) FROM rate_limit") == [(1,)]
        ),
    )


def test_a_bucket_in_use_is_not_deleted() -> None:
    race = bucket_used_and_deleted()
    outcome = interleave(race)
    assert not outcome.waited, "the deletion skips what is locked"
    assert race.holds(outcome), outcome
