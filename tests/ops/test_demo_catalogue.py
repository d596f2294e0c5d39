"""The demo catalogue: its categories, descriptions and pictures."""

from datetime import datetime

from django.conf import LazySettings

from larder.catalog.models import Category, Product
from larder.catalog.services.stored_pictures import storage, thumbnail_of
from larder.ops.demo import shop as demo

CATEGORIES, DESCRIBED, PICTURED = 12, 3_192, 38


def test_products_have_categories_descriptions_and_pictures_and_keep_what_staff_change(
    db: None, now: datetime
) -> None:
    demo.load_products(now=now)
    described = Product.objects.exclude(description="")
    whole = described.filter(category__isnull=False, image_url__endswith=".webp")
    assert described.count() == whole.count() == DESCRIBED
    assert Category.objects.count() == CATEGORIES
    mug = Product.objects.get(name="KINGS CHOICE MUG")
    assert mug.category is not None
    assert mug.category.name == "Kitchen and dining"
    assert mug.description == "For tea, milk or another drink."
    assert mug.image_url.startswith("http://127.0.0.1:8000/pictures/")
    thumbnail = thumbnail_of(mug.image_url)
    assert thumbnail is not None
    assert storage().exists(thumbnail.removeprefix("/pictures/"))
    Category.objects.filter(pk=mug.category.pk).update(name="Ours")
    assert demo.load_products(now=now) == 0
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
