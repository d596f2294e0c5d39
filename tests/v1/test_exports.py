"""`GET orders.csv`: all orders in a format for spreadsheets, without holding them in memory."""

import csv
import gc
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from time import time
from typing import Any, cast
from urllib.parse import quote

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.http import StreamingHttpResponse
from django.test import Client

from larder.core.errors import NotStaff, PermissionMissing
from larder.core.ids import new_id
from larder.db import database
from larder.http import authentication, long_files
from larder.http.long_files import EXPORTS_AT_ONCE, ROWS_AT_ONCE
from larder.identity.errors import SessionEnded
from larder.identity.models import AuditEntry, Customer, Key, Session
from larder.identity.services import keys, sessions
from larder.identity.services.keys import Limits
from larder.orders.models import Order
from larder.orders.queries import walks
from larder.v1.exports import COLUMNS
from tests.conftest import Api, Person
from tests.http.conftest import token_for
from tests.orders import large_orders
from tests.v1.test_orders import place

Product = Callable[..., int]
MakePerson = Callable[..., Person]
Stream = Callable[[Person], Iterator[bytes]]


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
    given: dict[str, Any] = {
        "note": "Ring\ntwice",
        "ship_to": ship_to,
        "requested_for": "2099-12-24",
    }
    placed = place(as_(who), (jam, 2), (tea, 1), **given).body
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


@pytest.fixture
def filled(person: MakePerson, product: Product, now: datetime) -> Callable[[int], Person]:
    """A customer with so many orders of the same time, with one line each."""

    def fill(count: int) -> Person:
        who = person()
        database.execute(_ORDERS, [now, who.id, count, product()])
        return who

    return fill


_ORDERS = """
WITH moment (at) AS (SELECT %s::timestamptz), made AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                         placed_at, updated_at, version)
    SELECT gen_random_uuid(), %s, 'delivered', 'GBP', 2, repeat('x', 200), '', at, at, at, 1
    FROM moment CROSS JOIN generate_series(1, %s)
    RETURNING id, placed_at
)
INSERT INTO order_line (order_id, product_id, sku, name, unit_price, quantity, placed_at)
SELECT id, %s, 'J', 'Jam', 2, 1, placed_at FROM made
"""


def ask(who: Person, query: str = "", key: str | None = None) -> StreamingHttpResponse:
    """Returns the answer unread. While it is open it uses one of few places."""
    headers = {"Authorization": f"Bearer {key or token_for(who)}"}
    client = Client(raise_request_exception=False)
    return cast(StreamingHttpResponse, client.get(f"/api/v1/orders.csv{query}", headers=headers))


@pytest.fixture
def stream() -> Iterator[Stream]:
    """Yields the parts of the file."""
    with ExitStack() as files:

        def read(who: Person) -> Iterator[bytes]:
            file = files.enter_context(closing(ask(who)))
            return iter(cast(Iterator[bytes], file.streaming_content))

        yield read


@pytest.mark.parametrize("count", [walks.PART - 1, walks.PART, walks.PART + 1, 3 * walks.PART])
def test_every_order_is_in_the_file_once(
    filled: Callable[[int], Person], as_: Callable[[Person], Api], count: int
) -> None:
    who = filled(count)
    found = [row["id"] for row in rows(as_(who))]
    wanted = Order.objects.filter(customer=who.id).order_by("-id").values_list("id", flat=True)
    assert found == [str(one) for one in wanted]


def test_the_first_bytes_are_sent_before_the_second_part_is_read(
    filled: Callable[[int], Person], stream: Stream, django_assert_num_queries: Any
) -> None:
    parts = stream(filled(3 * walks.PART))
    with django_assert_num_queries(0):
        assert next(parts).count(b"\r\n") == 1 + walks.PART
    with django_assert_num_queries(2):  # a page of orders, their lines
        assert next(parts).count(b"\r\n") == walks.PART


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

    peak(walks.PART)  # What is made once, for all files, is no part of any.
    assert peak(30 * walks.PART) < 3 * peak(3 * walks.PART)


@contextmanager
def orders_away() -> Iterator[None]:
    """Renames the table of orders during the block."""
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute('ALTER TABLE orders."order" RENAME TO away')
        try:
            yield
        finally:
            owner.execute('ALTER TABLE orders.away RENAME TO "order"')


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_file_is_recognised_as_incomplete(
    filled: Callable[[int], Person], stream: Stream
) -> None:
    parts = stream(filled(2 * walks.PART))
    got = next(parts)
    with orders_away():
        got += next(parts)
        with pytest.raises(DatabaseError):
            next(parts)
    assert "incomplete" in got.decode().splitlines()[-1]
    with pytest.raises(csv.Error, match="unexpected end"):
        list(csv.reader(StringIO(got.decode()), strict=True))


def ends(file: StreamingHttpResponse) -> None:
    assert b"".join(cast(Iterator[bytes], file)).count(b"\r\n") > 1


def is_closed(file: StreamingHttpResponse) -> None:
    next(iter(cast(Iterator[bytes], file)))
    file.close()


def is_closed_unread(file: StreamingHttpResponse) -> None:
    file.close()


def is_forgotten(file: StreamingHttpResponse) -> None:
    """A middleware fails after the view, and its traceback was read."""
    del file
    gc.collect()


def fails(file: StreamingHttpResponse) -> None:
    parts = iter(cast(Iterator[bytes], file))
    next(parts)
    with orders_away(), pytest.raises(DatabaseError):
        list(parts)


WAYS = [ends, is_closed, is_closed_unread, is_forgotten, fails]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_the_number_of_concurrent_exports_is_limited(
    filled: Callable[[int], Person], way: Callable[[StreamingHttpResponse], None]
) -> None:
    accounts = [filled(2 * walks.PART) for _ in range(EXPORTS_AT_ONCE)]
    files = [ask(who) for who in accounts]
    assert [file.status_code for file in files] == [200] * EXPORTS_AT_ONCE
    other = filled(1)
    for who in (accounts[-1], other):
        is_refused(ask(who))
    way(files.pop())
    for who in (other, accounts[-1]):
        with closing(ask(who)) as file:
            assert file.status_code == 200
    for file in files:
        file.close()


@pytest.mark.django_db(transaction=True)
def test_exports_of_customers_leave_places_for_staff(
    filled: Callable[[int], Person], person: Callable[..., Person]
) -> None:
    with ExitStack() as files:
        for _ in range(EXPORTS_AT_ONCE):
            files.enter_context(closing(ask(filled(2 * walks.PART))))
        is_refused(ask(filled(1)))
        for _ in range(EXPORTS_AT_ONCE):
            file = files.enter_context(closing(ask(person(is_staff=True))))
            assert file.status_code == 200
        is_refused(ask(person(is_staff=True)))
    # A refused file is not recorded.
    assert AuditEntry.objects.filter(object="export:orders").count() == EXPORTS_AT_ONCE


def is_refused(answer: StreamingHttpResponse) -> None:
    assert (answer.status_code, json.loads(answer.getvalue())["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.django_db(transaction=True)
def test_an_account_has_one_export_at_a_time(filled: Callable[[int], Person]) -> None:
    who, other = filled(2 * walks.PART), filled(1)
    with closing(ask(who)) as file:
        assert file.status_code == 200
        is_refused(ask(who))
        with closing(ask(other)) as another:
            assert another.status_code == 200
    with closing(ask(who)) as file:
        assert file.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_failed_export_does_not_count_for_the_limit(filled: Callable[[int], Person]) -> None:
    who = filled(1)
    with orders_away():
        for _ in range(2 * EXPORTS_AT_ONCE):
            assert ask(who).status_code == 500
    with closing(ask(who)) as file:
        assert file.status_code == 200


def test_a_file_that_is_read_too_slowly_is_interrupted(
    filled: Callable[[int], Person], stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = stream(filled(3 * walks.PART))
    got = next(parts)
    monkeypatch.setattr(long_files, "LONGEST_EXPORT", 0.0)
    with pytest.raises(TimeoutError):  # noqa: PT012  the last line comes before the error
        got += next(parts)
        next(parts)
    assert got.decode().splitlines()[-1].startswith('"This file is incomplete')


def deactivate(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_active=False)


def log_out_everywhere(who: Person) -> None:
    sessions.end_others(who.id, keep=None, now=datetime.now(UTC))


def end_the_session(who: Person) -> None:
    Session.objects.filter(customer=who.id).update(ended_at=datetime.now(UTC))


def demote(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_staff=False)


def take_the_role(who: Person) -> None:
    who.customer.groups.clear()


def end_the_key(who: Person) -> None:
    Key.objects.filter(customer=who.id).update(ended_at=datetime.now(UTC))


def let_the_key_expire(who: Person) -> None:
    Key.objects.filter(customer=who.id).update(expires_at=datetime.now(UTC))


def nothing(who: Person) -> None:
    """The positive control."""


ENDS = [deactivate, log_out_everywhere, end_the_session, demote, take_the_role]
OF_KEYS = [deactivate, demote, take_the_role, end_the_key, let_the_key_expire, nothing]


def goes_on(file: StreamingHttpResponse, end: Callable[[Person], None], who: Person) -> bool:
    """Returns whether the file is complete when something happens to its caller after it began."""
    with closing(file):
        parts = iter(cast(Iterator[bytes], file.streaming_content))
        assert next(parts).count(b"\r\n") == 1 + walks.PART
        end(who)
        try:
            rest = list(parts)
        except (SessionEnded, NotStaff, PermissionMissing):
            return False
        assert len(rest) == 2
        return True


@pytest.mark.parametrize("end", [*ENDS, nothing])
def test_a_file_is_interrupted_soon_after_its_caller_loses_the_right(
    filled: Callable[[int], Person],
    person: MakePerson,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Person], None],
) -> None:
    monkeypatch.setattr(long_files, "CALLER_TRUSTED_SECONDS", -1)
    filled(3 * walks.PART)
    boss = person(is_staff=True)
    file = ask(boss, "?status=delivered")
    # The expiry of an access token ends no file that goes on for longer.
    monkeypatch.setattr(authentication, "time", lambda: time() + 3_600)
    assert goes_on(file, end, boss) == (end is nothing)


@pytest.mark.parametrize("end", OF_KEYS)
def test_a_file_is_interrupted_soon_after_its_key_loses_the_right(
    filled: Callable[[int], Person],
    person: MakePerson,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Person], None],
) -> None:
    monkeypatch.setattr(long_files, "CALLER_TRUSTED_SECONDS", -1)
    filled(3 * walks.PART)
    boss = person(is_staff=True)
    limits = Limits(permissions=["orders.export_order", "orders.view_order"])
    key = keys.create_key(boss.caller, "ERP", now=datetime.now(UTC), limits=limits)
    assert goes_on(ask(boss, "?status=delivered", key.text), end, boss) == (end is nothing)


@pytest.mark.parametrize("end", [log_out_everywhere, nothing])
def test_customers_export_their_own_orders_until_their_session_ends(
    filled: Callable[[int], Person],
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Person], None],
) -> None:
    monkeypatch.setattr(long_files, "CALLER_TRUSTED_SECONDS", -1)
    who = filled(3 * walks.PART)
    assert goes_on(ask(who), end, who) == (end is nothing)


def test_the_rights_of_the_caller_are_not_read_for_each_piece(
    filled: Callable[[int], Person], stream: Stream, django_assert_num_queries: Any
) -> None:
    parts = stream(filled(3 * walks.PART))
    next(parts)
    with django_assert_num_queries(4):  # two pages of orders, with their lines
        list(parts)


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
    parts = stream(filled(3 * walks.PART))
    next(parts)
    assert connection.connection is None
    next(parts)
    assert connection.connection is None


def test_an_order_without_lines_has_a_row(
    person: MakePerson, as_: Callable[[Person], Api], now: datetime
) -> None:
    who, id = person(), new_id()
    times = {"created_at": now, "placed_at": now, "updated_at": now}
    given: dict[str, Any] = {"status": "cancelled", "currency": "GBP", "total": Decimal(0)}
    Order.objects.create(id=id, customer_id=who.id, **given, **times)
    (row,) = rows(as_(who))
    assert (row["id"], row["sku"], row["quantity"]) == (str(id), "", "")
