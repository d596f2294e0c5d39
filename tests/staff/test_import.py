"""Files of products that staff import in the admin."""

from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from larder.catalog.models import Product
from larder.core.ids import new_id
from larder.core.limits import MAX_DISCARDED_BYTES
from larder.inventory.models import LedgerEntry
from tests.conftest import Person
from tests.staff.desk import Desk, Page, allow

IMPORT = "catalog/product/import-file/"
FILE = "sku,name,price,quantity\nJAM,Red jam,1.50,7\nTEA,Green tea,2.00,3\n"


def send(desk: Desk, text: str | bytes, key: UUID | None = None) -> Page:
    file = BytesIO(text if isinstance(text, bytes) else text.encode())
    file.name = "products.csv"
    return desk.post(IMPORT, {"file": file, "form_key": str(key or new_id())})


def shown_faults(page: Page) -> list[Any]:
    return list(page.response.context["page"].table["rows"])


def test_a_file_is_stored_with_opening_stock_by_the_member_of_staff(
    desk: Desk, boss: Person
) -> None:
    page = send(desk, FILE)
    assert page.messages == ["2 added, 0 changed, 0 the same."]
    assert set(Product.objects.values_list("sku", flat=True)) == {"JAM", "TEA"}
    entry = LedgerEntry.objects.get(product__product__sku="JAM")
    assert (entry.available_after, entry.actor) == (7, boss.customer.public_id)
    assert send(desk, FILE).messages == ["0 added, 0 changed, 2 the same."]


def test_a_file_with_a_fault_is_not_stored_and_each_fault_has_its_line_and_column(
    desk: Desk,
) -> None:
    page = send(desk, FILE + "MUD,Mud,free,1\nJAM,Jam,1.00,1\n")
    assert page.errors == {"file": ["Nothing was stored. The faults are listed below."]}
    assert [(row[0], row[1]) for row in shown_faults(page)] == [(4, "price"), (5, "sku")]
    assert "Line 2 has this SKU too." in page.text
    assert Product.objects.count() == 0


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff\xfe", b"\0", b"sku,name\n", b'sku,name,price\n"a', b"PK\x03\x04" + b"\0" * 99],
)
def test_an_invalid_file_is_refused_with_a_message(desk: Desk, text: bytes) -> None:
    page = send(desk, text)
    assert page.status == 200
    assert page.errors["file"]
    assert Product.objects.count() == 0


def test_a_file_has_the_size_limit_of_the_api(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    head = "sku,name,price,description\n"
    rows = [f"S{n},N,1.00,{'d' * 19_000}\n" for n in range((most - len(head)) // 19_015)]
    full = head + "".join(rows)
    full += "\n" * (most - len(full))
    assert len(full) == most
    assert send(desk, full).messages == [f"{len(rows)} added, 0 changed, 0 the same."]
    page = send(desk, full + "\n")
    assert "larger than 2.0" in page.errors["file"][0]
    monkeypatch.setattr("larder.staff.inventory_import.MAX_FILE_ROWS", 1)
    assert shown_faults(send(desk, FILE)) == [[3, "–", "At most 1 rows."]]


def test_a_request_beyond_all_limits_is_not_read(desk: Desk) -> None:
    file = BytesIO(b"x" * MAX_DISCARDED_BYTES)
    file.name = "products.csv"
    sent = {"form_key": str(new_id()), "file": file}
    assert desk.client.post(f"/admin/{IMPORT}", sent).status_code == 413


def test_a_file_sent_twice_is_stored_once_with_the_same_answer(desk: Desk) -> None:
    key = new_id()
    assert send(desk, FILE, key).messages == send(desk, FILE, key).messages
    page = send(desk, FILE + "MUD,Mud,1.00,1\n", key)
    assert "sent before with other values" in page.errors["__all__"][0]
    assert Product.objects.count() == 2


def test_importing_files_needs_the_permissions_to_add_and_change_products(
    person: Callable[..., Person],
) -> None:
    granted = ("catalog.view_product", "catalog.add_product", "catalog.change_product")
    for some in (granted[:1], granted[:2], granted[::2]):
        half = Desk(allow(person(is_staff=True), *some))
        assert half.get(IMPORT).status == 403
        assert send(half, FILE).status == 403
        assert IMPORT not in half.get("catalog/product/").text
    whole = Desk(allow(person(is_staff=True), *granted))
    assert IMPORT in whole.get("catalog/product/").text
    assert send(whole, FILE).messages == ["2 added, 0 changed, 0 the same."]


def test_a_price_is_shown_as_in_the_api_and_sending_it_changes_nothing(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(price="3.75")
    path = f"catalog/product/{jam}/change/"
    assert str(desk.open(path)["price"]) == "3.75"
    desk.save(path, name="Jam")
    assert Product.objects.get().version == 2
    desk.save(path)
    assert Product.objects.get().version == 2
    desk.save(path, price="3.755")
    assert str(desk.open(path)["price"]) == "3.755"
