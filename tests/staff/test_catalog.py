"""Products in the admin: viewing, changes and refusals."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from larder.catalog.models import Product
from larder.catalog.services.products import (
    archive_product,
    change_product,
)
from larder.db import database
from larder.identity import queries
from larder.identity.models import AuditEntry
from larder.inventory.models import LedgerEntry
from tests.conftest import Api, Person, add_products
from tests.staff.desk import PRODUCTS, Desk, change


def test_a_new_product_has_its_opening_stock_by_the_member_of_staff(
    desk: Desk, boss: Person
) -> None:
    page = desk.save(f"{PRODUCTS}add/", sku="JAM", name="Jam", price="2.25", quantity="12")
    assert page.errors == {}
    product = Product.objects.get(sku="JAM")
    entry = LedgerEntry.objects.get(product_id=product.pk)
    assert (product.price, product.version) == (Decimal("2.25"), 1)
    assert (entry.cause, entry.available_change) == ("opening", 12)
    assert entry.actor == boss.customer.public_id


def test_a_changed_price_is_written_by_the_service_with_a_new_version(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(price="1.50")
    page = desk.save(change(jam), price="1.75")
    assert any("changed successfully" in message for message in page.messages)
    now = Product.objects.get(pk=jam)
    assert (now.price, now.version) == (Decimal("1.75"), 2)


@pytest.mark.parametrize(
    ("typed", "stored"), [("2,25", "2.25"), ("2.255", "2.255"), (" 3 ", "3"), ("1,234", "1.50")]
)
def test_a_price_takes_a_decimal_comma_but_no_mark_of_thousands(
    desk: Desk, product: Callable[..., int], typed: str, stored: str
) -> None:
    jam = product(price="1.50")
    desk.save(change(jam), price=typed)
    assert Product.objects.get(pk=jam).price == Decimal(stored)


def test_a_whole_number_has_no_marks(desk: Desk, product: Callable[..., int]) -> None:
    """In German 1.000 is a thousand; Django would read it as 1."""
    jam = product()
    numbers = ("min_quantity", "max_per_order", "step", "low_stock_threshold")
    forms = {
        change(jam): (numbers, {}),
        f"{PRODUCTS}add/": (("quantity",), {"sku": "NEW", "name": "New", "price": "1"}),
        "inventory/adjustment/count/": (
            ("units",),
            {"code": Product.objects.get(pk=jam).sku, "what": "add"},
        ),
    }
    for path, (fields, others) in forms.items():
        opened = desk.open(path) | others
        for typed in ("1.000", "1,000", "2.0"):
            page = desk.post(path, opened | dict.fromkeys(fields, typed))
            assert sorted(page.errors) == sorted(fields), typed
    assert Product.objects.get().version == 1


def test_a_form_sent_unchanged_writes_nothing(desk: Desk, product: Callable[..., int]) -> None:
    jam = product()
    assert desk.save(change(jam)).errors == {}
    assert Product.objects.get(pk=jam).version == 1


def test_a_concurrent_change_of_a_product_is_not_overwritten(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    jam = product(price="1.50")
    opened = desk.open(change(jam))
    change_product(jam, {"price": Decimal(9)}, caller=None, now=now)
    page = desk.post(change(jam), opened | {"name": "Marmalade"})
    assert page.status == 200
    assert "Another user changed this" in page.errors["__all__"][0]
    assert Product.objects.get(pk=jam).price == Decimal(9)


def test_a_refused_form_keeps_its_values_and_version(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    jam = product()
    opened = desk.open(change(jam))
    change_product(jam, {"unit": "jar"}, caller=None, now=now)
    page = desk.post(change(jam), opened | {"name": "Marmalade"})
    assert 'value="Marmalade"' in page.text
    assert 'name="seen_version" value="1"' in page.text


def test_a_taken_sku_is_an_error_of_its_field(desk: Desk, product: Callable[..., int]) -> None:
    product(sku="JAM")
    page = desk.save(change(product(sku="TEA")), sku="JAM")
    assert list(page.errors) == ["sku"]
    page = desk.save(f"{PRODUCTS}add/", sku="JAM", name="Jam", price="1", quantity="0")
    assert list(page.errors) == ["sku"]
    assert Product.objects.filter(sku="JAM").count() == 1


def test_rules_that_contradict_each_other_are_an_error_of_the_form(
    desk: Desk, product: Callable[..., int]
) -> None:
    page = desk.save(change(product()), min_quantity="6", max_per_order="5")
    assert list(page.errors) == ["max_per_order"]


REFUSED = [
    ("price", "-0.01"),
    ("price", "1.0001"),
    ("min_quantity", "0"),
    ("step", "0"),
    ("max_per_order", "1000001"),
    ("tax_rate", "100.01"),
    ("tax_rate", "-1"),
    ("tax_rate", "7.555"),
    ("image_url", "ftp://example.com/jam.png"),
    ("name", "Jam\0"),
    ("name", "Jam\u202e"),
    ("description", "\u2066Jam\u2069"),
    ("description", "x" * 20_001),
]


def test_the_form_refuses_the_values_that_the_api_refuses(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product()
    opened = desk.open(change(jam))
    for field, value in REFUSED:
        assert list(desk.post(change(jam), opened | {field: value}).errors) == [field]
    assert Product.objects.get(pk=jam).version == 1


def test_a_product_is_archived_after_a_confirmation_and_never_deleted(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(sku="JAM")
    question = desk.get(f"{PRODUCTS}{jam}/archive/")
    assert "JAM" in question.text
    assert Product.objects.get(pk=jam).archived_at is None
    page = desk.post(f"{PRODUCTS}{jam}/archive/", {"confirmed": "yes"})
    assert page.messages == ["Archived: 1."]
    assert Product.objects.get(pk=jam).archived_at is not None
    assert desk.get(f"{PRODUCTS}{jam}/delete/").status == 403
    assert desk.post(f"{PRODUCTS}{jam}/delete/", {"post": "yes"}).status == 403


def test_selected_products_are_archived_and_already_archived_ones_named(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    jam, tea = product(), product()
    chosen = {"action": "archive_selected", "_selected_action": [jam, tea], "index": "0"}
    assert "Archived products are not on sale" in desk.post(PRODUCTS, chosen).text
    assert Product.objects.filter(archived_at=None).count() == 2
    page = desk.post(PRODUCTS, chosen | {"confirmed": "yes"})
    assert page.messages == ["Archived: 2."]
    assert not Product.objects.filter(archived_at=None).exists()
    again = desk.post(f"{PRODUCTS}{jam}/archive/", {"confirmed": "yes"})
    assert "archived already" in again.messages[0]


def test_an_archived_product_can_be_viewed_but_not_changed(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    jam = product(name="Jam")
    opened = desk.open(change(jam))
    archive_product(jam, caller=None, now=now)
    shown = desk.get(change(jam)).text
    assert "archived" in shown
    assert 'name="sku"' not in shown
    page = desk.post(change(jam), opened | {"name": "Marmalade"})
    assert page.errors["__all__"] == ["It was archived meanwhile and cannot be changed any more."]
    assert Product.objects.get().name == "Jam"


def test_the_list_shows_products_on_sale_and_archived_ones_on_request(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    jam, tea = product(), product()
    archive_product(tea, caller=None, now=now)
    assert [row.pk for row in desk.get(PRODUCTS).rows] == [jam]
    assert [row.pk for row in desk.get(PRODUCTS, archived="yes").rows] == [tea]


def test_products_are_found_by_words_in_name_or_sku_in_any_case(
    desk: Desk, product: Callable[..., int]
) -> None:
    red = product(sku="85123A", name="Red HEART jam")
    product(name="Red tea")
    for term in ("heart red", "85123a", "HEA", "he", "h he jam red"):
        assert [row.pk for row in desk.get(PRODUCTS, q=term).rows] == [red]


def test_the_search_uses_the_trigram_index(product: Callable[..., int]) -> None:
    from larder.staff.lists import containing

    product()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = containing(Product.objects.all(), "heart of jam").explain()
    assert "product_search" in plan
    assert "trigrams" not in containing(Product.objects.all(), "he a").explain()


def test_no_list_counts_further_than_its_pages_go(
    desk: Desk, product: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from larder.staff.lists import ListPaginator

    monkeypatch.setattr(ListPaginator, "limit", 3)
    for _ in range(5):
        product()
    with CaptureQueriesContext(connection) as queries:
        page = desk.get(PRODUCTS)
    counting = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert len(counting) == 1
    assert "LIMIT 3" in counting[0]
    assert "or more" in page.text


def test_low_stock_is_found_by_an_index(desk: Desk, now: datetime) -> None:
    add_products(2_000, now=now)
    database.execute("ANALYZE product")
    with CaptureQueriesContext(connection) as captured:
        desk.get(PRODUCTS, stock="low")
    asked = [
        query["sql"] for query in captured if 'low_stock_threshold" IS NOT NULL' in query["sql"]
    ]
    number, rows = (
        "\n".join(row[0] for row in database.rows(f"EXPLAIN {statement}")) for statement in asked
    )
    assert "product_by_low_stock" in number
    # Of few rows, an index that has their order can be cheaper.
    assert "Seq Scan on product" not in rows


def test_the_form_keeps_the_tax_rate_shows_the_net_price_and_its_history(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(price="12")
    assert "unknown without a tax rate" in desk.get(change(jam)).text
    assert desk.save(change(jam), tax_rate="20,0").errors == {}
    assert Product.objects.get(pk=jam).tax_rate == Decimal(20)
    shown = desk.get(change(jam)).text
    assert "£10.00" in shown
    assert desk.save(change(jam), tax_rate="").errors == {}
    assert Product.objects.get(pk=jam).tax_rate is None
    (entry,) = AuditEntry.objects.filter(object=f"product:{jam}", before={"tax_rate": None})
    assert entry.after == {"tax_rate": "20.00"}


def test_an_archived_product_is_restored_after_a_question_and_is_on_sale_again(
    desk: Desk, product: Callable[..., int], customer: Api, now: datetime
) -> None:
    jam = product(sku="JAM", stock=4)
    archive_product(jam, caller=None, now=now)
    assert customer("GET", f"products/{jam}").status == 404
    assert "on sale at once" in desk.get(f"{PRODUCTS}{jam}/restore/").text
    page = desk.post(f"{PRODUCTS}{jam}/restore/", {"confirmed": "yes"})
    assert page.messages == ["Restored: 1."]
    shown = customer("GET", f"products/{jam}").body
    assert (shown["quantity"], shown["version"]) == (4, 3)
    entry = queries.audit_entries(object=f"product:{jam}", limit=1).rows[0]
    assert (entry.action, entry.after) == ("restore", {"archived_at": None})


def test_each_product_has_the_button_that_it_needs(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    jam = product()
    assert f"{jam}/archive/" in desk.get(change(jam)).text
    assert f"{jam}/restore/" not in desk.get(change(jam)).text
    archive_product(jam, caller=None, now=now)
    assert f"{jam}/archive/" not in desk.get(change(jam)).text
    assert f"{jam}/restore/" in desk.get(change(jam)).text
    for path, needed in ((PRODUCTS, "archive"), (f"{PRODUCTS}?archived=yes", "restore")):
        product()
        choices = desk.get(path).response.context["action_form"].fields["action"].choices
        assert f"{needed}_selected" in dict(choices)
        assert len([name for name, _ in choices if name.endswith("e_selected")]) == 1
