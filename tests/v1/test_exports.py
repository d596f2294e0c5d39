"""`GET orders.csv`: all orders in a format for spreadsheets, without holding them in memory."""

import csv
import json
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from django.db import DatabaseError, connection

from larder.core.ids import new_id
from larder.http import long_files
from larder.http.long_files import ROWS_AT_ONCE
from larder.orders.models import Order
from larder.orders.queries import ORDERS_OF_A_PART
from larder.v1.csv_files import COLUMNS
from tests.conftest import Api, Person
from tests.orders import large_orders
from tests.v1.exporting import MakePerson, Product, Stream, ask, orders_away
from tests.v1.placing import place


def rows(api: Api, query: str = "") -> list[dict[str, str]]:
    answer = api("GET", f"orders.csv{query}")
    assert answer.status == 200
    return list(csv.DictReader(StringIO(answer.body.decode()), strict=True))


def numbers(api: Api, query: str = "") -> list[int]:
    return [int(row["number"]) for row in rows(api, query)]


def test_the_first_line_names_the_columns(customer: Api) -> None:
    answer = customer("GET", "orders.csv")
    assert answer.body.decode() == (
        "number,id,status,placed_at,updated_at,customer,reference,note,requested_for,currency,"
        "total,product,sku,name,quantity,ordered,unit_price,line_total,returned,ship_to_name,"
        "ship_to_company,ship_to_line1,ship_to_line2,ship_to_city,ship_to_region,"
        "ship_to_postal_code,ship_to_country,ship_to_phone,tax_rate,line_net_total\r\n"
    )
    assert answer.headers["Content-Disposition"] == 'attachment; filename="orders.csv"'
    assert "ETag" not in answer.headers


def test_each_line_is_a_row_with_its_order(
    person: MakePerson, as_: Callable[[Person], Api], product: Product
) -> None:
    who = person()
    jam = product(price="2.20", name="Jam, strawberry", tax_rate=Decimal(10))
    tea = product(price="1.005")
    ship_to = {"name": "Ada", "line1": 'The "Old" Mill', "country": "GB"}
    details: dict[str, Any] = {
        "note": "Ring\ntwice",
        "ship_to": ship_to,
        "requested_for": "2099-12-24",
    }
    placed = place(as_(who), (jam, 2), (tea, 1), **details).body
    first, second = rows(as_(who))
    assert first == dict.fromkeys(COLUMNS, "") | {
        **{name: str(placed[name]) for name in ("number", "id", "status", "currency", "total")},
        **{name: placed[name] for name in ("placed_at", "updated_at", "note", "requested_for")},
        **{name: str(value) for name, value in placed["lines"][0].items() if name in COLUMNS},
        **{f"ship_to_{name}": value for name, value in ship_to.items()},
        "customer": str(who.id),
        "line_net_total": "4.00",
    }
    assert (second["line_total"], second["number"]) == ("1.005", first["number"])
    assert (first["tax_rate"], second["tax_rate"], second["line_net_total"]) == ("10.00", "", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_of_the_export_is_a_formula(customer: Api, product: Product, start: str) -> None:
    danger = f"{start}HYPERLINK(1)"
    ship_to = {"name": danger, "phone": danger}
    place(customer, (product(name=f"{danger}."), 1), note=danger, reference=danger, ship_to=ship_to)
    (row,) = rows(customer)
    for column in ("note", "reference", "ship_to_name", "ship_to_phone", "name"):
        assert row[column].startswith(f"'{start}"), column


def test_no_part_of_a_cell_is_a_formula_if_split_at_semicolons(
    customer: Api, product: Product
) -> None:
    place(customer, (product(name="Tea;=1+1"), 1), note="ring; \u200b@SUM(A1)\n-1")
    (row,) = rows(customer)
    assert (row["name"], row["note"]) == ("Tea;'=1+1", "ring; \u200b'@SUM(A1)\n'-1")


def test_customers_export_their_orders_and_staff_those_of_all_with_a_filter(
    staff: Api, customer: Api, as_: Callable[[Person], Api], person: MakePerson, product: Product
) -> None:
    other, jam, tea = person(), product(stock=99), product(stock=99)
    of_customer = place(customer, (jam, 1)).body
    of_other = place(as_(other), (tea, 1)).body["number"]
    own = place(staff, (tea, 1)).body["number"]
    assert numbers(customer) == numbers(customer, "?status=placed") == [of_customer["number"]]
    assert numbers(staff) == [own]
    assert numbers(staff, "?status=placed") == [own, of_other, of_customer["number"]]
    assert numbers(staff, f"?customer={other.id}") == [of_other]
    assert numbers(staff, f"?product={tea}") == [own, of_other]
    after = quote(of_customer["placed_at"])
    assert numbers(staff, f"?placed_after={after}") == [own, of_other]


def test_customers_cannot_use_the_filters_of_staff(customer: Api, api: Api) -> None:
    assert customer("GET", "orders.csv?product=1").status == 403
    assert customer("GET", "orders.csv?status=lost").status == 400
    assert api("GET", "orders.csv").status == 401


def test_an_export_is_sent_only_as_csv(customer: Api) -> None:
    for accepted in ("text/csv", "*/*", "application/json"):
        assert customer("GET", "orders.csv", Accept=accepted).status == 200
    assert customer("GET", "orders.csv", Accept="image/png").status == 406
    assert customer("HEAD", "orders.csv").status == 200


@pytest.mark.parametrize(
    "count", [ORDERS_OF_A_PART - 1, ORDERS_OF_A_PART, ORDERS_OF_A_PART + 1, 3 * ORDERS_OF_A_PART]
)
def test_every_order_is_in_the_file_once(
    filled: Callable[[int], Person], as_: Callable[[Person], Api], count: int
) -> None:
    who = filled(count)
    ids = [row["id"] for row in rows(as_(who))]
    orders = Order.objects.filter(customer=who.id).order_by("-id").values_list("id", flat=True)
    assert ids == [str(id) for id in orders]


def test_the_first_bytes_are_sent_before_the_second_part_is_read(
    filled: Callable[[int], Person], stream: Stream, django_assert_num_queries: Any
) -> None:
    parts = stream(filled(3 * ORDERS_OF_A_PART))
    with django_assert_num_queries(0):
        assert next(parts).count(b"\r\n") == 1 + ORDERS_OF_A_PART
    with django_assert_num_queries(1):
        assert next(parts).count(b"\r\n") == ORDERS_OF_A_PART


def test_an_order_of_many_lines_is_written_in_pieces(
    person: MakePerson, stream: Stream, now: datetime
) -> None:
    large_orders.fill(who := person(), 1, now, lines=2 * ROWS_AT_ONCE + 1)
    pieces = [piece.count(b"\r\n") for piece in stream(who)]
    assert pieces == [ROWS_AT_ONCE, ROWS_AT_ONCE, 2]


def test_memory_does_not_grow_with_the_file(
    filled: Callable[[int], Person], stream: Stream
) -> None:
    def peak(count: int) -> int:
        parts = stream(filled(count))
        tracemalloc.start()
        for _ in parts:
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(ORDERS_OF_A_PART)  # What is made once, for all files, is no part of any.
    assert peak(30 * ORDERS_OF_A_PART) < 3 * peak(3 * ORDERS_OF_A_PART)


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_file_is_recognised_as_incomplete(
    filled: Callable[[int], Person], stream: Stream
) -> None:
    parts = stream(filled(2 * ORDERS_OF_A_PART))
    got = next(parts)
    with orders_away():
        got += next(parts)
        with pytest.raises(DatabaseError):
            next(parts)
    assert "incomplete" in got.decode().splitlines()[-1]
    with pytest.raises(csv.Error, match="unexpected end"):
        list(csv.reader(StringIO(got.decode()), strict=True))


def test_a_file_that_is_read_too_slowly_is_interrupted(
    filled: Callable[[int], Person], stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = stream(filled(3 * ORDERS_OF_A_PART))
    got = next(parts)
    monkeypatch.setattr(long_files, "LONGEST_EXPORT", 0.0)
    with pytest.raises(TimeoutError):  # noqa: PT012  the last line comes before the error
        got += next(parts)
        next(parts)
    assert got.decode().splitlines()[-1].startswith('"This file is incomplete')


@pytest.mark.django_db(transaction=True)
def test_an_error_before_the_first_part_is_a_problem(person: MakePerson) -> None:
    with orders_away():
        response = ask(person())
    assert (response.status_code, json.loads(response.getvalue())["code"]) == (
        500,
        "internal_error",
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [long_files.CALLER_TRUSTED_SECONDS, -1])
def test_an_export_holds_no_connection_between_two_parts(
    filled: Callable[[int], Person],
    stream: Stream,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
) -> None:
    monkeypatch.setattr(long_files, "CALLER_TRUSTED_SECONDS", seconds)
    parts = stream(filled(3 * ORDERS_OF_A_PART))
    next(parts)
    assert connection.connection is None
    next(parts)
    assert connection.connection is None


def test_an_order_without_lines_has_a_row(
    person: MakePerson, as_: Callable[[Person], Api], now: datetime
) -> None:
    who, id = person(), new_id()
    times = {"created_at": now, "placed_at": now, "updated_at": now}
    columns: dict[str, Any] = {"status": "cancelled", "currency": "GBP", "total": Decimal(0)}
    Order.objects.create(id=id, customer_id=who.id, **columns, **times)
    (row,) = rows(as_(who))
    assert (row["id"], row["sku"], row["quantity"]) == (str(id), "", "")
