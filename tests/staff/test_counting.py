"""Stock-taking: scans add up, and the differences are booked once."""

from collections.abc import Callable
from datetime import datetime
from threading import Thread
from typing import Any

import pytest
from django.db import connection

from larder.core.errors import InvalidInput, NotFound, PermissionMissing
from larder.identity.caller import Caller
from larder.inventory.errors import CountChanged
from larder.inventory.models import Adjustment, CountedProduct, LedgerEntry, Stock
from larder.inventory.queries import adjustment, fingerprint_of, running_count
from larder.inventory.services import counts
from tests.conftest import Api, Person
from tests.staff.desk import Desk, Page, allow
from tests.v1.placing import place

COUNT, CHECK = "inventory/adjustment/count/", "inventory/adjustment/differences/"


def scan(desk: Desk, code: str, units: int = 1, what: str = "add") -> Page:
    return desk.save(COUNT, code=code, units=str(units), what=what)


def ticks() -> dict[str, str]:
    """The ticks of all products, also of those that need none."""
    products = CountedProduct.objects.values_list("product", flat=True)
    return {f"line-{product}-checked": "on" for product in products}


def book(desk: Desk, **more: str) -> Page:
    return desk.save(CHECK, **ticks(), **more)


def stock(product: int) -> tuple[int, int]:
    row = Stock.objects.get(pk=product)
    return row.available, row.committed


def counted(desk: Desk) -> list[list[str]]:
    rows = desk.get(COUNT).response.context["page"].table["rows"]
    return [[str(cell) for cell in row[1:]] for row in rows]


@pytest.fixture
def caller(boss: Person) -> Caller:
    return boss.caller


def test_scans_of_sku_and_barcode_add_up_and_show_name_and_place(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", name="Jam", barcode="4006381333931", shelf_place="A-1", stock=5)
    product(sku="TEA", name="Tea", stock=5)
    scan(desk, "JAM")
    page = scan(desk, "4006381333931", 3)
    assert dict(page.response.context["page"].facts) == {
        "Counted": "4 × JAM Jam",
        "Shelf place": "A-1",
    }
    scan(desk, "TEA")
    assert counted(desk) == [["Tea", "", "1"], ["Jam", "A-1", "4"]]
    scan(desk, "JAM", 2, "set")
    assert counted(desk) == [["Jam", "A-1", "2"], ["Tea", "", "1"]]
    scan(desk, "TEA", 1, "remove")
    assert counted(desk) == [["Jam", "A-1", "2"]]


def test_a_code_that_no_product_has_is_said_loudly_and_counts_nothing(
    desk: Desk, product: Callable[..., int]
) -> None:
    for sku in ("A", "B"):
        product(sku=sku, barcode="7")
    assert "NOT COUNTED: no product" in scan(desk, "400").errors["code"][0]
    assert "Several products have this barcode" in scan(desk, "7").errors["code"][0]
    assert scan(desk, "").errors
    assert scan(desk, "A", -1).errors
    assert not CountedProduct.objects.exists()


@pytest.mark.parametrize("what", ["add", "set", "remove"])
def test_a_scan_that_is_sent_again_changes_nothing_more(
    desk: Desk, product: Callable[..., int], what: str
) -> None:
    product(sku="JAM", name="Jam", stock=5)
    scan(desk, "JAM", 2)
    sent = desk.open(COUNT) | {"code": "JAM", "units": "3", "what": what}
    desk.post(COUNT, sent)
    scan(desk, "JAM", 4)
    desk.post(COUNT, sent)
    units = {"add": "9", "set": "7", "remove": "4"}
    assert counted(desk) == [["Jam", "", units[what]]]
    other = desk.post(COUNT, sent | {"units": "1"})
    assert "sent before with other values" in other.errors["__all__"][0]


def test_a_scan_that_was_refused_can_be_sent_again(desk: Desk, product: Callable[..., int]) -> None:
    sent = desk.open(COUNT) | {"code": "JAM", "what": "add"}
    assert "NOT COUNTED" in desk.post(COUNT, sent).errors["code"][0]
    product(sku="JAM", name="Jam", stock=5)
    desk.post(COUNT, sent)
    assert counted(desk) == [["Jam", "", "1"]]


def test_differences_are_shown_and_booked_as_one_adjustment(
    desk: Desk, boss: Person, product: Callable[..., int]
) -> None:
    jam, tea = product(sku="JAM", stock=5), product(sku="TEA", stock=2)
    scan(desk, "JAM", 3)
    scan(desk, "TEA", 2)
    page = desk.get(CHECK).response.context["page"]
    cells = [[str(cell) for cell in line.cells[2:5]] for line in page.lines]
    red = '<strong class="page-warning">-2</strong>'
    assert (cells, page.answer) == ([["3", "5", red], ["2", "2", "0"]], "Book -2 units")
    assert book(desk, note="Spring count").messages == ["The count is booked."]
    assert (stock(jam), stock(tea)) == ((3, 0), (2, 0))
    booked = Adjustment.objects.get()
    assert (booked.reason, booked.note) == ("counted", "Spring count")
    assert [line.product for line in adjustment(booked.id)[1]] == [jam]
    assert booked.actor == boss.customer.public_id
    assert not CountedProduct.objects.exists()


def test_a_large_difference_is_booked_only_with_its_tick(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam, tea = product(sku="JAM", stock=100), product(sku="TEA", stock=100)
    scan(desk, "JAM", 79)
    scan(desk, "TEA", 120)
    page = desk.save(CHECK)
    (refused,) = page.errors[f"line-{jam}-checked"]
    assert refused.startswith("Nothing is booked.")
    assert list(page.errors) == [f"line-{jam}-checked"]
    assert (stock(jam), stock(tea)) == ((100, 0), (100, 0))
    assert book(desk).messages == ["The count is booked."]
    assert (stock(jam), stock(tea)) == ((79, 0), (120, 0))


def test_words_of_a_name_count_the_only_product_that_has_them(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM-100", name="Red jam", stock=5)
    scan(desk, "red jam", 2)
    assert counted(desk) == [["Red jam", "", "2"]]
    product(sku="TEA", name="Red tea 400", stock=5)
    for unclear in ("red", "JAM-10", "400"):
        page = scan(desk, unclear)
        assert page.errors["code"][0].startswith("NOT COUNTED: choose the product")
    assert counted(desk) == [["Red jam", "", "2"]]


def test_what_is_sold_or_shipped_after_a_product_was_counted_is_no_difference(
    desk: Desk, customer: Api, staff: Api, product: Callable[..., int]
) -> None:
    jam = product(sku="JAM", stock=10)
    before = place(customer, (jam, 2)).body["id"]
    scan(desk, "JAM", 9)
    place(customer, (jam, 3))
    for move in ("pack", "ship"):
        assert staff("POST", f"orders/{before}/{move}").status == 200
    assert stock(jam) == (5, 3)
    assert book(desk).messages == ["The count is booked."]
    assert stock(jam) == (4, 3)
    assert LedgerEntry.objects.filter(cause="counted").get().available_change == -1


@pytest.fixture
def shipped(desk: Desk, customer: Api, staff: Api, product: Callable[..., int]) -> int:
    """The product JAM: five of its ten units were counted, then two were shipped."""
    jam = product(sku="JAM", stock=10)
    order = place(customer, (jam, 2)).body["id"]
    scan(desk, "JAM", 5)
    for move in ("pack", "ship"):
        assert staff("POST", f"orders/{order}/{move}").status == 200
    return jam


def test_a_product_whose_shelf_changed_between_two_scans_is_counted_again(
    desk: Desk, shipped: int
) -> None:
    page = scan(desk, "JAM", 3)
    assert "Attention" in dict(page.response.context["page"].facts)
    (refused,) = book(desk).errors[f"line-{shipped}-checked"]
    assert refused.startswith("Nothing is booked: units came or left while you counted it.")
    assert stock(shipped) == (8, 0)
    scan(desk, "JAM", 8, "set")
    assert book(desk).messages == ["The count is booked."]
    assert stock(shipped) == (8, 0)


def test_a_third_scan_does_not_hide_that_the_shelf_changed(desk: Desk, shipped: int) -> None:
    scan(desk, "JAM", 2)
    page = scan(desk, "JAM", 1)
    assert "Attention" in dict(page.response.context["page"].facts)
    assert list(book(desk).errors) == [f"line-{shipped}-checked"]
    assert stock(shipped) == (8, 0)


def test_units_that_were_sold_meanwhile_are_never_written_off(
    desk: Desk, customer: Api, product: Callable[..., int]
) -> None:
    jam = product(sku="JAM", stock=5)
    scan(desk, "JAM", 2)
    place(customer, (jam, 4))
    page = book(desk)
    refused = "Nothing is booked: 3 units are missing, and orders need all but 1."
    assert page.errors[f"line-{jam}-checked"][0].startswith(refused)
    assert stock(jam) == (1, 4)
    assert CountedProduct.objects.count() == 1


def test_a_second_confirmation_books_nothing(
    desk: Desk, product: Callable[..., int], caller: Caller, now: datetime
) -> None:
    jam = product(sku="JAM", stock=5)
    scan(desk, "JAM", 3)
    sent = desk.open(CHECK) | ticks()
    assert desk.post(CHECK, sent).messages == ["The count is booked."]
    assert "There is no count" in desk.post(CHECK, sent).messages[0]
    assert stock(jam) == (3, 0)
    with pytest.raises(NotFound):
        counts.book_count(sent["shown"], "", checked=[jam], caller=caller, now=now)


def test_a_count_that_changed_since_it_was_shown_is_shown_again(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(sku="JAM", stock=5)
    scan(desk, "JAM", 3)
    sent = desk.open(CHECK) | ticks()
    scan(desk, "JAM", 1)
    assert "the count has changed since this page" in desk.post(CHECK, sent).messages[0]
    assert stock(jam) == (5, 0)
    assert book(desk).messages == ["The count is booked."]
    assert stock(jam) == (4, 0)


@pytest.mark.django_db(transaction=True)
def test_one_of_four_confirmations_at_once_is_booked(
    product: Callable[..., int], caller: Caller, now: datetime
) -> None:
    jam = product(sku="JAM", stock=5)
    counts.add_units(jam, 3, caller=caller, now=now)
    shown = fingerprint_of(running_count(caller.public_id))
    ended: list[Any] = []

    def confirm() -> None:
        try:
            ended.append(counts.book_count(shown, "", checked=[jam], caller=caller, now=now))
        except (NotFound, CountChanged) as refusal:
            ended.append(refusal)
        finally:
            connection.close()

    threads = [Thread(target=confirm) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([end for end in ended if not isinstance(end, Exception)]) == 1
    assert stock(jam) == (3, 0)


def test_a_count_is_discarded_and_belongs_to_one_member_of_staff(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    product(sku="JAM", stock=5)
    scan(desk, "JAM", 3)
    clerk = allow(person(is_staff=True), "inventory.add_adjustment")
    other = Desk(clerk)
    assert counted(other) == []
    scan(other, "JAM", 1)
    assert desk.post(f"{CHECK}?discard=1", {}).messages == ["The count is discarded."]
    assert counted(desk) == []
    assert len(counted(other)) == 1
    assert not Adjustment.objects.exists()


def test_a_count_has_limits_and_needs_the_permission(
    desk: Desk,
    person: Callable[..., Person],
    product: Callable[..., int],
    caller: Caller,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jam, tea = product(sku="JAM", stock=5), product(sku="TEA")
    monkeypatch.setattr(counts, "MAX_LINES", 1)
    counts.add_units(jam, 2**31 - 1, caller=caller, now=now)
    with pytest.raises(InvalidInput):
        counts.add_units(jam, 1, caller=caller, now=now)
    with pytest.raises(InvalidInput):
        counts.add_units(tea, 1, caller=caller, now=now)
    with pytest.raises(InvalidInput) as refused:
        counts.set_units(tea, -1, caller=caller, now=now)
    assert [fault.code for fault in refused.value.faults] == ["too_many", "out_of_range"]
    viewer = allow(person(is_staff=True), "inventory.view_adjustment")
    pages = [Desk(viewer).client.get(f"/admin/{path}") for path in (COUNT, CHECK)]
    assert [page.status_code for page in pages] == [403] * 2
    with pytest.raises(PermissionMissing):
        counts.add_units(jam, 1, caller=viewer.caller, now=now)
