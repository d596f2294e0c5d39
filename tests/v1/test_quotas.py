"""Quotas: how much an account can store in a time, for each operation that stores something."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from larder.core.ids import new_id
from larder.db import database
from larder.db.models import IdempotencyKey
from larder.identity.services import quotas
from larder.identity.services.attempts import Rate
from larder.identity.services.keys import key_for_password
from larder.identity.services.quotas import QuotaExceeded
from larder.orders.decision import RequestedLine
from larder.orders.models import Order
from larder.orders.services import transitions
from larder.orders.services.placing.placement import Placed, Placement, Terms
from tests.conftest import Answer, Api, Person
from tests.orders.placing import place_orders
from tests.v1.placing import place

Product = Callable[..., int]
MakePerson = Callable[..., Person]
HOUR = 3600
Limit = Callable[..., None]


@pytest.fixture
def limit() -> Iterator[Limit]:
    """`limit(orders=3)`: three in an hour, and no other quota."""

    def use(**times: int) -> None:
        quotas.use({name: Rate(times[name], HOUR) for name in quotas.NAMES if name in times})

    before = dict(quotas._limits)
    yield use
    quotas.use(before)


def hours_pass(hours: float) -> None:
    passed = "UPDATE rate_limit SET until = until - make_interval(secs => %s::float8)"
    database.execute(passed, [hours * HOUR])


def test_repeats_with_fresh_keys_change_nothing_and_take_nothing(
    customer: Api, product: Product, limit: Limit
) -> None:
    jam, id = product(stock=99), str(new_id())
    first = place(customer, (jam, 1), id=id)
    path = first.headers["Location"]
    limit(orders=1, order_changes=2)
    noted = customer("PATCH", path, {"note": "Ring."}, Idempotency_Key="k")
    before = IdempotencyKey.objects.count()
    for number in range(4):
        key = {"Idempotency_Key": f"fresh-{number}"}
        again = place(customer, (jam, 1), id=id, headers=key)
        same = customer("PATCH", path, {"note": "Ring."}, **key)
        assert (again.status, same.status, same.body) == (201, 200, noted.body)
        assert not {"RateLimit", "RateLimit-Policy"} & {*again.headers, *same.headers}
    canceled = customer("POST", f"{path}/cancel", Idempotency_Key="c")
    assert canceled.headers["RateLimit"].startswith('"order_changes";r=0;t=')
    for number in range(4):
        again = customer("POST", f"{path}/cancel", Idempotency_Key=f"fresh-{number}")
        assert (again.status, again.body) == (200, canceled.body)
        assert "RateLimit" not in again.headers
    assert IdempotencyKey.objects.count() == before + 1


def assert_refused(answer: Answer, quota: str, wait: int) -> None:
    assert (answer.status, answer.body["code"]) == (429, "quota_exceeded"), answer.body
    assert answer.body["quota"] == quota
    seconds = int(answer.headers["Retry-After"])
    assert wait - 60 < seconds <= wait
    assert f"Try again in {seconds} s." in answer.body["detail"]
    assert answer.headers["RateLimit"] == f'"{quota}";r=0;t={seconds}'


def test_orders_are_placed_up_to_the_quota_and_again_after_a_refill(
    customer: Api, product: Product, limit: Limit
) -> None:
    jam = product(stock=99)
    limit(orders=3)
    for left in (2, 1, 0):
        placed = place(customer, (jam, 1))
        assert placed.status == 201
        assert placed.headers["RateLimit-Policy"] == '"orders";q=3;w=3600'
        name, units, seconds = placed.headers["RateLimit"].split(";")
        assert (name, units) == ('"orders"', f"r={left}")
        assert 1140 < int(seconds.removeprefix("t=")) <= 1200
    assert_refused(place(customer, (jam, 1)), "orders", 1200)
    hours_pass(1 / 3)
    assert place(customer, (jam, 1)).status == 201
    assert_refused(place(customer, (jam, 1)), "orders", 1200)
    hours_pass(5)
    assert [place(customer, (jam, 1)).status for _ in range(4)] == [201, 201, 201, 429]


def test_a_repeat_does_not_count_and_is_not_refused(
    customer: Api, product: Product, limit: Limit
) -> None:
    jam, id = product(stock=99), str(new_id())
    limit(orders=2)
    keyed = place(customer, (jam, 1), headers={"Idempotency_Key": "a"})
    named = place(customer, (jam, 1), id=id)
    for _ in range(3):
        again = place(customer, (jam, 1), headers={"Idempotency_Key": "a"})
        assert (again.status, again.body) == (201, keyed.body)
        assert "RateLimit" not in again.headers
        assert place(customer, (jam, 1), id=id).body == named.body
    assert place(customer, (jam, 1)).status == 429


def test_a_refusal_stores_nothing_and_the_same_request_succeeds_later(
    customer: Api, product: Product, limit: Limit
) -> None:
    jam, id, key = product(stock=99), str(new_id()), {"Idempotency_Key": "a"}
    limit(orders=1)
    place(customer, (jam, 1))
    assert_refused(place(customer, (jam, 1), id=id, headers=key), "orders", HOUR)
    assert (Order.objects.count(), IdempotencyKey.objects.count()) == (1, 0)
    hours_pass(1)
    placed = place(customer, (jam, 1), id=id, headers=key)
    assert (placed.status, placed.body["id"]) == (201, id)
    assert "Idempotency-Replayed" not in placed.headers


def test_an_order_that_is_refused_for_another_reason_does_not_count(
    customer: Api, product: Product, limit: Limit
) -> None:
    jam = product(stock=2)
    limit(orders=1)
    for _ in range(3):
        assert place(customer, (jam, 3)).body["code"] == "insufficient_stock"
        assert customer("POST", "cart/submit").body["code"] == "cart_empty"
    assert place(customer, (jam, 1)).status == 201


def test_a_cart_counts_as_an_order_when_it_is_submitted(
    customer: Api, product: Product, limit: Limit
) -> None:
    jam = product(stock=9)
    limit(orders=1)
    for status in (201, 429):
        customer("PUT", f"cart/lines/{jam}", {"quantity": 1})
        submitted = customer("POST", "cart/submit")
        assert submitted.status == status
        assert submitted.headers["RateLimit"].startswith('"orders";r=0;t=')
    assert len(customer("GET", "cart").body["lines"]) == 1


def test_each_customer_has_separate_quotas(
    person: MakePerson, as_: Callable[[Person], Api], product: Product, limit: Limit
) -> None:
    jam, first, second = product(stock=9), as_(person()), as_(person())
    limit(orders=1)
    for app in (first, second):
        assert [place(app, (jam, 1)).status for _ in range(2)] == [201, 429]


def batch(product: int, now: datetime, *orders: tuple[Person, int]) -> list[int | str]:
    """Places orders in one batch; returns for each the quota left or the code of its refusal."""
    placements = [
        Placement(customer=who.id, actor=who.customer.public_id, lines=[RequestedLine(product, n)])
        for who, n in orders
    ]
    answers = place_orders(placements, terms=Terms(currency="GBP"), now=now)
    return [
        answer.remaining.units if isinstance(answer, Placed) and answer.remaining else code(answer)
        for answer in answers
    ]


def code(answer: object) -> str:
    return str(getattr(answer, "code", answer))


OVER = QuotaExceeded.code


def test_the_first_orders_of_a_customer_in_a_batch_are_placed(
    person: MakePerson, product: Product, limit: Limit, now: datetime
) -> None:
    jam, ada, bob, cam = product(stock=99), (person(), 1), (person(), 1), (person(), 1)
    limit(orders=3)
    answers = batch(jam, now, ada, bob, ada, ada, ada, ada, bob)
    assert answers == [2, 2, 1, 0, OVER, OVER, 1]
    # Of what is left when some were placed before.
    assert batch(jam, now, cam) == [2]
    assert batch(jam, now, bob, cam, cam, cam, bob) == [0, 1, 0, OVER, OVER]


def test_a_refused_order_of_a_batch_uses_no_quota(
    person: MakePerson, product: Product, limit: Limit, now: datetime
) -> None:
    jam, ada, bob = product(stock=99), person(), person()
    limit(orders=3)
    requested = [
        (ada, 1),
        (ada, 100),
        (bob, 100),
        (ada, 1),
        (ada, 1),
        (ada, 1),
        (bob, 1),
        (ada, 100),
    ]
    short = "insufficient_stock"
    assert batch(jam, now, *requested) == [2, short, short, 1, 0, OVER, 2, OVER]
    assert batch(jam, now, (ada, 1), (bob, 1)) == [OVER, 1]


def test_quota_that_a_batch_does_not_use_is_returned(
    person: MakePerson, product: Product, limit: Limit, now: datetime
) -> None:
    jam, ada = product(stock=99), person()
    limit(orders=3)
    assert batch(jam, now, (ada, 100), (ada, 1), (ada, 100)) == [
        "insufficient_stock",
        2,
        "insufficient_stock",
    ]
    assert batch(jam, now, *[(ada, 1)] * 3) == [1, 0, OVER]


def test_orders_and_changes_by_staff_use_no_quota_of_the_customer(
    customer: Api, staff: Api, product: Product, limit: Limit
) -> None:
    jam, me = product(stock=99), customer("GET", "me").body["id"]
    limit(orders=1, order_changes=1)
    for _ in range(3):
        placed = place(staff, (jam, 1), customer=me)
        assert placed.status == 201
        assert "RateLimit" not in placed.headers
        path = placed.headers["Location"]
        assert staff("PATCH", path, {"note": "Later."}).status == 200
        assert staff("POST", f"{path}/cancel").status == 200
    assert place(customer, (jam, 1)).status == 201


def test_changes_of_orders_count_and_their_repeats_do_not(
    customer: Api, product: Product, limit: Limit
) -> None:
    jam = product(stock=99)
    path, other = (place(customer, (jam, 1)).headers["Location"] for _ in range(2))
    limit(order_changes=2)
    for _ in range(3):
        assert customer("PATCH", path, {"note": "Ring."}).status == 200
    canceled = customer("POST", f"{path}/cancel", Idempotency_Key="a")
    assert canceled.headers["RateLimit"].startswith('"order_changes";r=0;t=')
    assert customer("POST", f"{path}/cancel", Idempotency_Key="a").body == canceled.body
    assert customer("POST", f"{path}/cancel").body == canceled.body
    assert_refused(customer("PATCH", other, {"note": "Ring."}), "order_changes", 1800)
    assert_refused(customer("POST", f"{other}/cancel", Idempotency_Key="b"), "order_changes", 1800)
    hours_pass(1)
    again = customer("POST", f"{other}/cancel", Idempotency_Key="b")
    assert (again.status, again.body["status"]) == (200, "cancelled")


@pytest.mark.parametrize(
    ("quota", "path", "body"),
    [("addresses", "me/addresses", {"label": "Home"}), ("keys", "auth/keys", {"name": "Till"})],
)
def test_addresses_and_keys_count_and_a_refused_one_can_be_repeated(
    customer: Api, limit: Limit, quota: str, path: str, body: dict[str, Any]
) -> None:
    limit(**{quota: 2})
    answer = customer("POST", path, body, Idempotency_Key="a")
    assert answer.headers["RateLimit-Policy"] == f'"{quota}";q=2;w=3600'
    assert customer("POST", path, body).status == 201
    assert_refused(customer("POST", path, body, Idempotency_Key="b"), quota, 1800)
    again = customer("POST", path, body, Idempotency_Key="a")
    assert (again.status, again.body["id"]) == (201, answer.body["id"])
    assert "RateLimit" not in again.headers
    hours_pass(1)
    later = customer("POST", path, body, Idempotency_Key="b")
    assert (later.status, "Idempotency-Replayed" in later.headers) == (201, False)


def test_a_derived_key_counts_when_it_is_created(
    person: MakePerson, as_: Callable[[Person], Api], limit: Limit, now: datetime
) -> None:
    who = person()

    def derive() -> str:
        name, password = who.customer.username, who.password
        return key_for_password(name, password, channel="x", secrets=["s" * 50], now=now)

    limit(keys=1)
    assert as_(who)("POST", "auth/keys", {"name": "Till"}).status == 201
    with pytest.raises(QuotaExceeded):
        derive()
    hours_pass(1)
    assert derive() == derive()


def test_abandoned_ids_and_keys_count_once(customer: Api, limit: Limit) -> None:
    limit(abandoned=2)
    id, refused = str(uuid4()), {"id": str(uuid4())}
    assert customer("POST", "orders/abandon", {"idempotency_key": "k"}).status == 200
    for _ in range(3):
        assert customer("POST", "orders/abandon", {"id": id}).status == 200
        assert customer("POST", "orders/abandon", {"idempotency_key": "k"}).status == 200
    assert_refused(customer("POST", "orders/abandon", refused), "abandoned", 1800)
    hours_pass(1)
    assert customer("POST", "orders/abandon", refused).status == 200


def test_without_a_quota_nothing_is_counted(customer: Api, product: Product, limit: Limit) -> None:
    limit()
    jam = product(stock=99)
    assert "RateLimit" not in place(customer, (jam, 1)).headers
    assert database.rows("SELECT FROM rate_limit") == []


def test_a_change_of_many_lines_counts_as_several_changes(
    customer: Api, product: Product, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions, "LINES_OF_A_CHANGE", 2)
    jams = [product(stock=99) for _ in range(5)]
    placed = place(customer, *[(jam, 1) for jam in jams]).body["id"]
    limit(order_changes=4)
    changed = {"lines": [{"product": jam, "quantity": 2} for jam in jams]}
    answer = customer("PATCH", f"orders/{placed}", changed)
    assert (answer.status, answer.headers["RateLimit"].split(";")[1]) == (200, "r=1")
    refused = customer("POST", f"orders/{placed}/cancel")
    assert (refused.status, refused.body["code"]) == (429, "quota_exceeded")
    hours_pass(1)
    assert customer("POST", f"orders/{placed}/cancel").status == 200


@pytest.mark.parametrize(("before", "after"), [(1, 5), (5, 1)])
def test_a_change_counts_the_lines_that_it_adds_and_those_that_it_removes(
    customer: Api,
    product: Product,
    limit: Limit,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    after: int,
) -> None:
    monkeypatch.setattr(transitions, "LINES_OF_A_CHANGE", 2)
    jams = [product(stock=99) for _ in range(5)]
    placed = place(customer, *[(jam, 1) for jam in jams[:before]]).body["id"]
    limit(order_changes=4)
    changed = {"lines": [{"product": jam, "quantity": 2} for jam in jams[:after]]}
    answer = customer("PATCH", f"orders/{placed}", changed)
    assert (answer.status, answer.headers["RateLimit"].split(";")[1]) == (200, "r=1")
