"""The demo catalogue: its categories, descriptions and pictures."""

from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db.models import Max, Min

from larder.catalog.models import Category, Product
from larder.catalog.services.stored_pictures import storage, thumbnail_of
from larder.db import database
from larder.inventory import queries as inventory
from larder.ops.books import invariants
from larder.ops.demo import shop as demo
from larder.orders.models import Order

CATEGORIES, DESCRIBED = 12, 3_192
SHOWN = {"placed", "packed", "shipped", "delivered", "returned", "cancelled"}
COUNTS = """
SELECT count(*), sum(available), (SELECT sum(available_change) FROM ledger_entry),
       (SELECT count(*) FROM customer), (SELECT count(*) FROM "order")
FROM stock
"""


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_prepare_adds_the_catalogue_once_and_keeps_what_staff_change(
    prepares: None, settings: LazySettings
) -> None:
    settings.DEMO = True
    call_command("prepare", "--only=tables", verbosity=0)
    assert not Product.objects.exists()
    call_command("prepare", "--only=demo", verbosity=0)
    added = database.rows(COUNTS)
    ((products, units, booked, users, orders),) = added
    assert (products, users, orders) == (3_656, 12, 58)
    assert units == booked > 0
    assert invariants.check().violated == []
    last, earliest = Order.objects.aggregate(Max("placed_at"), Min("placed_at")).values()
    assert last - earliest > timedelta(days=12)
    assert set(Order.objects.values_list("status", flat=True)) == SHOWN
    first = inventory.products(0, limit=1)[0]
    assert (first.sku, first.quantity) == ("10002", 823)
    described = Product.objects.exclude(description="")
    whole = described.filter(category__isnull=False, image_url__endswith=".webp")
    assert described.count() == whole.count() == DESCRIBED
    assert Category.objects.count() == CATEGORIES
    mug = Product.objects.get(name="Kings Choice Mug")
    assert mug.category is not None
    assert mug.category.name == "Kitchen and dining"
    assert mug.description == "For tea, milk or another drink."
    assert mug.image_url.startswith("http://127.0.0.1:8000/pictures/")
    thumbnail = thumbnail_of(mug.image_url)
    assert thumbnail is not None
    assert storage().exists(thumbnail.removeprefix("/pictures/"))
    Category.objects.filter(pk=mug.category.pk).update(name="Ours")
    call_command("prepare", verbosity=0)
    assert database.rows(COUNTS) == added
    assert Category.objects.count() == CATEGORIES


def test_addresses_of_pictures_begin_with_the_address_of_the_shop(
    db: None, now: datetime, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "http://shop.local"
    (address,) = demo.store_pictures({"mug"}).values()
    assert address.startswith("http://shop.local/pictures/")


def test_without_a_place_for_pictures_products_have_none(
    db: None, now: datetime, settings: LazySettings
) -> None:
    settings.PICTURES_DIR = ""
    assert demo.store_pictures({"mug"}) == {}
