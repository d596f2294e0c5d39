"""Files of products that staff import in the admin."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import psycopg
import pytest
from django.conf import settings

from larder.catalog import sql
from larder.catalog.models import Product
from larder.catalog.services.categories import create_category
from larder.catalog.services.products import archive_product, change_product
from larder.core import clock
from larder.core.limits import MAX_DISCARDED_BYTES
from larder.db import kept_files
from larder.db.models import KeptFile
from larder.inventory.models import LedgerEntry
from larder.staff.inventory import imports as inventory_import
from tests.conftest import NOW, Person
from tests.staff.desk import Desk
from tests.staff.importing import (
    FILE_FIELD,
    IMPORT,
    asks,
    confirm,
    send,
    shown,
    shown_faults,
    upload,
)

NAMES = ("sku", "name", "price", "quantity")
FILE = "sku,name,price,quantity\nJAM,Red jam,1.50,7\nTEA,Green tea,2.00,3\n"


def test_a_file_is_stored_with_opening_stock_by_the_member_of_staff(
    desk: Desk, boss: Person
) -> None:
    page = send(desk, FILE)
    assert page.messages == ["2 added, 0 changed, 0 the same."]
    assert set(Product.objects.values_list("sku", flat=True)) == {"JAM", "TEA"}
    entry = LedgerEntry.objects.get(product__product__sku="JAM")
    assert (entry.available_after, entry.actor) == (7, boss.customer.public_id)
    assert send(desk, FILE).messages == ["0 added, 0 changed, 2 the same."]


def test_columns_are_known_by_the_names_of_other_programs(desk: Desk) -> None:
    send(desk, "Artikel-Nr.;Bezeichnung;Preis;Bestand;EAN\nJAM;Konfitüre;2,50;7;4006381333931\n")
    stored = Product.objects.values_list("sku", "name", "price", "barcode").get()
    assert stored == ("JAM", "Konfitüre", Decimal("2.50"), "4006381333931")


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
    [b"", b"\xff\xfe", b"\0", b"sku,quantity\n", b'sku,name,price\n"a', b"PK\x03\x04" + b"\0" * 99],
)
def test_an_invalid_file_is_refused_with_a_message(desk: Desk, text: bytes) -> None:
    page = send(desk, text)
    assert page.status == 200
    assert page.errors["file"]
    assert Product.objects.count() == 0


def test_a_file_has_the_size_limit_of_the_api(desk: Desk) -> None:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    head = "sku,name,price,description\n"
    rows = [f"S{n},N,1.00,{'d' * 19_000}\n" for n in range((most - len(head)) // 19_015)]
    full = head + "".join(rows)
    full += "\n" * (most - len(full))
    assert len(full) == most
    assert send(desk, full).messages == [f"{len(rows)} added, 0 changed, 0 the same."]
    page = send(desk, full + "\n")
    assert "larger than 2.0" in page.errors["file"][0]


def test_a_request_beyond_all_limits_is_not_read(desk: Desk) -> None:
    file = BytesIO(b"x" * MAX_DISCARDED_BYTES)
    file.name = "products.csv"
    sent = {"file": file}
    assert desk.client.post(f"/admin/{IMPORT}", sent).status_code == 413


def test_a_preview_shows_what_would_change_and_stores_nothing(
    desk: Desk, product: Callable[..., int]
) -> None:
    tea = create_category(name="Tea", parent=None, caller=None, now=NOW).id
    product(sku="JAM", name="Jam", price="1.50", description=(long := "d" * 220))
    product(sku="TEA", name="Tea", price="2.00")
    archive_product(product(sku="OLD", name="Old", price="1"), caller=None, now=NOW)
    rows = [f"JAM,Red <b>jam,1.75,Tea,{long}d,9", "TEA,Tea,2,,,9", "OLD,Old,1,,,9", "NEW,N,3,,,"]
    page = upload(desk, "\n".join(["sku,name,price,category,description,available", *rows]))
    assert [(sku, re.split(" {2,}", text.strip())) for sku, text in shown(page)] == [
        ("JAM", ["changed", "name: Jam → Red &lt;b&gt;jam", "price: 1.50 → 1.75",
                 "description: changed after the first 200 characters", "category: – → Tea"]),
        ("NEW", ["new", "name: N", "price: 3.00"]),
    ]  # fmt: skip
    table = page.response.context["page"].table["rows"]
    assert [row[1:3] for row in table] == [["JAM", "Jam"], ["NEW", "N"]]
    assert "1 product would be added, 1 changed, and 2 stay the same." in page.text
    assert "These columns are not imported: available." in page.text
    assert Product.objects.filter(sku="NEW").count() == 0
    assert confirm(desk, page).messages == ["1 added, 1 changed, 2 the same."]
    assert Product.objects.get(sku="JAM").category_id == tea


def test_an_export_of_archived_products_can_be_imported_and_changes_nothing(
    desk: Desk, product: Callable[..., int]
) -> None:
    for sku in ("JAM", "OATS"):
        archive_product(product(sku=sku, price="1.50"), caller=None, now=NOW)
    file = desk.get("catalog/product/export/?archived=yes").response.content
    assert upload(desk, file).messages == ["0 added, 0 changed, 2 the same."]
    page = upload(desk, "sku,price,archived_at\nJAM,1.75,2026-01-02T03:04:05Z\n")
    assert confirm(desk, page).messages == ["0 added, 1 changed, 0 the same."]
    assert not Product.objects.filter(archived_at=None).exists()


def test_a_preview_shows_the_opening_stock_of_new_products_alone(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", name="Jam", price="1.50")
    text = re.sub(" +", " ", str(shown(upload(desk, FILE + "OAT,Oats,1.00,0\n"))))
    assert "quantity: 7" not in text
    assert "quantity: 3" in text
    assert "quantity: 0" not in text


def test_a_preview_lists_the_first_changes_and_counts_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory_import, "MAX_SHOWN_CHANGES", 1)
    page = upload(desk, FILE)
    assert [sku for sku, _ in shown(page)] == ["JAM"]
    assert "2 products would be added" in page.text
    assert "shows the first 1 lines that change something" in page.text


def test_a_file_whose_products_changed_since_the_preview_is_not_stored(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(sku="JAM", name="Red jam", price="1.00")
    page = upload(desk, FILE)
    change_product(jam, {"price": Decimal("9.00")}, caller=None, now=NOW)
    assert confirm(desk, page).messages == [inventory_import.OUTDATED]
    assert [str(product.price) for product in Product.objects.all()] == ["9.000"]


@pytest.mark.django_db(transaction=True)
def test_a_preview_waits_for_no_import_and_no_change_of_its_products(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", name="Jam", price="1.00")
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute(sql.ONE_FILE)
        other.execute("SELECT FROM product FOR UPDATE")
        assert asks(upload(desk, FILE))


def test_a_file_that_changes_nothing_is_not_kept(desk: Desk) -> None:
    send(desk, FILE)
    assert send(desk, FILE).messages == ["0 added, 0 changed, 2 the same."]
    assert KeptFile.objects.count() == 0


def test_a_file_is_used_once(desk: Desk) -> None:
    page = upload(desk, FILE)
    assert confirm(desk, page).messages == ["2 added, 0 changed, 0 the same."]
    change_product(Product.objects.get(sku="JAM").pk, {"name": "New"}, caller=None, now=NOW)
    assert confirm(desk, page).messages == [inventory_import.GONE]
    assert Product.objects.get(sku="JAM").name == "New"
    assert KeptFile.objects.count() == 0


def test_only_the_latest_file_of_a_user_is_kept_and_no_other_user_can_import_it(
    desk: Desk, person: Callable[..., Person]
) -> None:
    first, second = upload(desk, FILE), upload(desk, FILE)
    gone = [inventory_import.GONE]
    other = Desk(person(is_staff=True, is_superuser=True))
    assert KeptFile.objects.count() == 1
    assert confirm(desk, first).messages == gone
    assert confirm(other, second).messages == gone
    assert desk.post(IMPORT, {FILE_FIELD: "x"}).messages == gone
    assert Product.objects.count() == 0


def test_a_file_that_is_not_confirmed_is_deleted_after_a_day(desk: Desk) -> None:
    page = upload(desk, FILE)
    assert kept_files.delete_old(now=clock.now()) == 0
    assert kept_files.delete_old(now=clock.now() + timedelta(days=1, seconds=1)) == 1
    assert confirm(desk, page).messages == [inventory_import.GONE]


def test_a_price_list_shows_the_prices_that_it_changes_and_names_unknown_products(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="LANTERN-1", name="Storm lantern", price="9.50")
    prices = "sku;price\nLANTERN-1;11,90\nMATCH-1;0,80\n"
    assert shown_faults(upload(desk, prices)) == [
        [3, "sku", "No product has the SKU MATCH-1, and new ones need sku, name, price."]
    ]
    product(sku="MATCH-1", price="0.80")
    page = upload(desk, prices)
    assert re.sub(" +", " ", shown(page)[0][1]) == "changed price: 9.50 → 11.90 "
    assert confirm(desk, page).messages == ["0 added, 1 changed, 1 the same."]
    assert Product.objects.get(sku="LANTERN-1").name == "Storm lantern"


def test_a_preview_in_german_has_german_marks_in_both_values(
    desk: Desk, product: Callable[..., int]
) -> None:
    former = {"tax_rate": Decimal("7.5"), "low_stock_threshold": 1_200}
    change_product(product(sku="JAM", price="1234.5"), former, caller=None, now=NOW)
    desk.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    page = upload(desk, b"sku;price;tax_rate;low_stock_threshold;barcode\nJAM;2,5;19;5000;1200\n")
    for change in (
        *("Preis: 1.234,50 → 2,50", "Steuersatz: 7,50 → 19,00"),
        *("Meldebestand: 1.200 → 5.000", "Barcode: – → 1200"),
    ):
        assert change in page.text


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
