"""The demo catalogue: its categories, descriptions and pictures."""

from datetime import datetime
from io import BytesIO
from itertools import islice

import pytest
from django.conf import LazySettings
from PIL import Image, ImageChops

from larder.catalog.models import Category, Picture, Product
from larder.catalog.services.stored_pictures import storage, thumbnail_of
from larder.ops.demo import catalogue
from larder.ops.demo import shop as demo
from tools.demo_catalogue.__main__ import KINDS, PICTURES, PRODUCTS, rows, with_kinds
from tools.demo_catalogue.drawing import drawn
from tools.demo_catalogue.icons import ICONS

CATEGORIES, DESCRIBED, PICTURED = 12, 3_192, 38
MOST_BYTES = 6_000


def test_products_have_categories_descriptions_and_pictures_and_keep_what_staff_change(
    db: None, now: datetime
) -> None:
    demo.load_products(now=now)
    described = Product.objects.exclude(description="")
    whole = described.filter(category__isnull=False, image_url__endswith=".webp")
    assert described.count() == whole.count() == DESCRIBED
    assert Category.objects.count() == CATEGORIES
    assert Picture.objects.count() == PICTURED
    assert Picture.objects.filter(unused_since__isnull=False).count() == 0
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


def test_a_missing_product_is_added_to_the_category_of_its_name(db: None, now: datetime) -> None:
    first = catalogue.add_categories({"Garden"})
    assert catalogue.add_categories({"Garden", "Storage"})["Garden"] == first["Garden"]
    assert Category.objects.count() == 2


def test_addresses_of_pictures_begin_with_the_address_of_the_shop(
    db: None, now: datetime, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "http://shop.local"
    (address,) = catalogue.store_pictures({"mug"}, now=now).values()
    assert address.startswith("http://shop.local/pictures/")


def test_without_a_place_for_pictures_products_have_none(
    db: None, now: datetime, settings: LazySettings
) -> None:
    settings.PICTURES_DIR = ""
    assert catalogue.store_pictures({"mug"}, now=now) == {}


def test_the_kinds_of_the_products_are_those_of_their_words() -> None:
    some = list(islice(rows(PRODUCTS), 0, None, 9))
    assert with_kinds(some, rows(KINDS)) == some
    kinds = rows(KINDS)
    assert {one["picture"] for one in kinds} == set(ICONS)
    assert len({one["kind"] for one in kinds}) == len(kinds)
    assert all(one["description"].endswith(".") for one in kinds)


def test_the_pictures_are_small_and_are_those_of_the_icons() -> None:
    sizes = {file.stem: file.stat().st_size for file in PICTURES.iterdir()}
    assert sizes.keys() == ICONS.keys()
    assert max(sizes.values()) < MOST_BYTES


@pytest.mark.parametrize("name", ["heart", "mug", "umbrella"])
def test_a_picture_is_drawn_again_as_it_is(name: str) -> None:
    kept = Image.open(PICTURES / f"{name}.webp").convert("RGB")
    again = Image.open(BytesIO(drawn(name))).convert("RGB")
    assert ImageChops.difference(kept, again).getbbox() is None
