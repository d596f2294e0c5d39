"""Lists of large orders: pages are also limited by lines."""

from collections.abc import Callable
from datetime import datetime

import pytest

from larder.orders.models import Order, OrderEvent
from tests.conftest import Api, Person
from tests.db.feeds import settle
from tests.orders import large_orders
from tests.v1.reading import answers, walk

pytestmark = pytest.mark.django_db(transaction=True)
As = Callable[[Person], Api]


def ids(orders: list[dict[str, str]]) -> list[str]:
    """Returns the numbers of orders in an answer."""
    return [order["id"] for order in orders]


def test_pages_limited_by_lines_lead_to_every_order(
    person: Callable[..., Person], as_: As, now: datetime
) -> None:
    who = person()
    large_orders.fill(who, 7, now)
    api = as_(who)
    page = api("GET", "orders?limit=100").body
    assert sum(len(row["lines"]) for row in page["results"]) == 5_000
    every = [str(order.id) for order in Order.objects.order_by("-placed_at")]
    assert ids(walk(api, "orders?limit=100")) == every
    assert api("GET", "orders?limit=5").body == page | {
        "next": page["next"].replace("limit=100", "limit=5")
    }


def test_changes_limited_by_lines_lose_no_order(
    person: Callable[..., Person], as_: As, now: datetime
) -> None:
    who = person()
    large_orders.fill(who, 7, now)
    api = as_(who)
    first = api("GET", "orders/changes").body
    assert (len(first["results"]), first["more"]) == (5, True)
    orders, since = answers(api)
    every = [str(order.id) for order in Order.objects.order_by("-placed_at")]
    assert ids(orders) == every
    for order in Order.objects.order_by("number"):
        Order.objects.filter(pk=order.pk).update(version=2)
    settle()
    changed = api("GET", f"orders/changes?since={since}").body
    assert (len(changed["results"]), changed["more"]) == (5, True)
    orders, since = answers(api, since)
    assert sorted(ids(orders)) == sorted(every)
    assert answers(api, since) == ([], since)


@pytest.fixture
def buyer(person: Callable[..., Person], as_: As, now: datetime) -> Api:
    """A customer with one order of 1,000 lines."""
    who = person()
    large_orders.fill(who, 1, now)
    return as_(who)


def test_short_pages_lead_to_every_event(buyer: Api) -> None:
    order = Order.objects.get().id
    large_orders.change(30)
    every = [str(event.id) for event in OrderEvent.objects.order_by("position")]
    events = walk(buyer, f"orders/{order}/events?limit=100")
    assert ids(events) == every
