"""Uploading the picture of a product in the admin."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from larder.catalog.models import Product
from larder.catalog.services.products import change_product, product_name
from larder.core.limits import MAX_PICTURE_BYTES
from larder.identity import queries
from tests.catalog.photos import PLACE, bomb, phone_photo
from tests.conftest import Api, Person
from tests.staff.desk import PRODUCTS, Desk, allow, change

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def file(content: bytes, name: str = "jam.jpg", type: str = "image/jpeg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, type)


def image_url(product: int) -> str:
    return Product.objects.get(pk=product).image_url


def test_an_uploaded_picture_is_the_image_url_of_the_product(
    desk: Desk, product: Callable[..., int], client: Client
) -> None:
    jam = product()
    page = desk.save(change(jam), picture=file(phone_photo()))
    assert page.errors == {}
    address = image_url(jam)
    assert address.startswith("http://testserver/pictures/")
    for url in (address, address.replace(".webp", "-320.webp")):
        answer = client.get(url.removeprefix("http://testserver"))
        assert answer.status_code == 200
        assert answer["Content-Type"] == "image/webp"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.content[8:12] == b"WEBP"
        assert PLACE not in answer.content


def test_the_api_has_the_address_in_the_field_that_it_had(
    desk: Desk, product: Callable[..., int], person: Callable[..., Person], as_: Callable[..., Api]
) -> None:
    jam = product()
    desk.save(change(jam), picture=file(phone_photo()))
    shown = as_(person())("GET", f"products/{jam}").body
    assert shown["image_url"] == image_url(jam)


def test_with_public_url_the_address_begins_with_it(
    desk: Desk, product: Callable[..., int], settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://shop.example.com"
    jam = product()
    desk.save(change(jam), picture=file(phone_photo()))
    assert image_url(jam).startswith("https://shop.example.com/pictures/")


def test_a_new_product_can_have_a_picture_at_once(desk: Desk) -> None:
    values = {"sku": "JAM", "name": "Jam", "price": "2.25", "quantity": "1"}
    page = desk.save(f"{PRODUCTS}add/", **values, picture=file(phone_photo()))
    assert page.errors == {}
    assert "/pictures/" in Product.objects.get(sku="JAM").image_url


def test_page_and_list_show_the_thumbnail(desk: Desk, product: Callable[..., int]) -> None:
    jam = product()
    desk.save(change(jam), picture=file(phone_photo()))
    thumbnail = image_url(jam).removeprefix("http://testserver").replace(".webp", "-320.webp")
    for path in (change(jam), PRODUCTS):
        assert f'src="{thumbnail}"' in desk.get(path).text
    desk.save(change(jam), image_url="https://example.com/jam.png")
    assert "At another address" in desk.get(change(jam)).text
    assert "list-picture" not in desk.get(PRODUCTS).text


def test_the_audit_trail_has_the_former_and_the_new_picture(
    desk: Desk, boss: Person, product: Callable[..., int], now: datetime
) -> None:
    jam = product()
    change_product(jam, {"image_url": "https://example.com/jam.png"}, caller=None, now=now)
    desk.save(change(jam), picture=file(phone_photo()))
    entry = queries.audit_entries(object=product_name(jam), limit=1).rows[0]
    assert entry.actor == boss.customer.public_id
    assert entry.before == {"image_url": "https://example.com/jam.png"}
    assert entry.after == {"image_url": image_url(jam)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (SVG, "not a complete JPEG, PNG or WebP"),
        (phone_photo(400, 300)[:-2_000], "not a complete JPEG, PNG or WebP"),
        (bomb(4_000, 4_000), "4,000 × 4,000 pixels"),
        (b"", "empty"),
        (phone_photo() + b"\0" * MAX_PICTURE_BYTES, "Expected at most 10 MB."),
    ],
    ids=["svg named png", "truncated", "too many pixels", "empty", "too many bytes"],
)
def test_a_refused_file_is_an_error_of_its_field(
    desk: Desk, product: Callable[..., int], content: bytes, sentence: str
) -> None:
    jam = product()
    page = desk.save(change(jam), name="Marmalade", picture=file(content, "jam.png", "image/png"))
    assert list(page.errors) == ["picture"]
    assert sentence in page.errors["picture"][0]
    stored = Product.objects.get(pk=jam)
    assert (stored.image_url, stored.version) == ("", 1)


def test_a_file_of_eight_megabytes_arrives(desk: Desk, product: Callable[..., int]) -> None:
    jam = product()
    photo = phone_photo() + bytes(8_000_000)
    assert desk.save(change(jam), picture=file(photo)).errors == {}
    assert "/pictures/" in image_url(jam)


def test_a_concurrent_change_is_not_overwritten_by_a_picture(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    jam = product()
    opened = desk.open(change(jam))
    change_product(jam, {"image_url": "https://example.com/jam.png"}, caller=None, now=now)
    page = desk.post(change(jam), opened | {"picture": file(phone_photo())})
    assert "Another user changed this" in page.errors["__all__"][0]
    assert image_url(jam) == "https://example.com/jam.png"


def test_the_page_of_a_viewer_has_the_picture_once(
    person: Callable[..., Person], product: Callable[..., int]
) -> None:
    viewer = Desk(allow(person(is_staff=True), "catalog.view_product"))
    page = viewer.get(change(product())).response.context["adminform"]
    labels = [field.label_tag() for section in page for line in section for field in line if field]
    assert len([label for label in labels if "Picture" in label]) == 1
    assert [section.name for section in page].count("Picture") == 1


def test_without_a_folder_and_a_bucket_nothing_can_be_uploaded(
    desk: Desk, product: Callable[..., int], settings: LazySettings
) -> None:
    settings.PICTURES_DIR = ""
    jam = product()
    assert "Uploads are off" in desk.get(change(jam)).text
    desk.save(change(jam), picture=file(phone_photo()))
    assert image_url(jam) == ""


@pytest.mark.parametrize(
    "name",
    [
        f"{'0' * 64}.webp",
        "..%2Fsettings.py",
        "%2Fetc%2Fpasswd",
        ".webp",
        f"{'0' * 64}.svg",
        "",
    ],
)
def test_other_names_are_not_found(client: Client, name: str, db: None) -> None:
    assert client.get(f"/pictures/{name}").status_code == 404


def test_pictures_can_only_be_read(client: Client, db: None) -> None:
    answer = client.post(f"/pictures/{'0' * 64}.webp")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
