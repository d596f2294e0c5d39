"""The offline copy of the catalogue in an app."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from larder.catalog.services.products import change_product
from larder.v1 import changes
from tests.conftest import Api
from tests.db.feeds import settle, transaction

pytestmark = pytest.mark.django_db(transaction=True)
Product = Callable[..., int]


class Copy:
    """The copy of the catalogue in an app."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.since = ""
        self.products: dict[int, dict[str, Any]] = {}
        self.pages: list[list[dict[str, Any]]] = []

    def ask(self) -> bool:
        """Makes one request; returns whether there are more changes."""
        answer = self.api("GET", f"products/changes?since={self.since}")
        assert answer.status == 200, answer.body
        self.pages.append(answer.body["results"])
        for row in answer.body["results"]:
            if row.get("deleted"):
                self.products.pop(row["id"], None)
            else:
                self.products[row["id"]] = row
        self.since = answer.body["since"]
        return bool(answer.body["more"])

    def update(self) -> list[dict[str, Any]]:
        """Reads until there are no more changes; returns them."""
        settle()
        self.pages = []
        while self.ask():
            pass
        return [row for page in self.pages for row in page]


@pytest.fixture
def copy(customer: Api, product: Product) -> Copy:
    """A full copy of a shop with three products."""
    for stock in (5, 0, 2):
        product(stock=stock)
    copied = Copy(customer)
    copied.update()
    return copied


def everything(api: Api) -> dict[int, dict[str, Any]]:
    listed = api("GET", "products?limit=100").body["results"]
    return {row["id"]: row for row in listed}


def test_the_first_answer_without_since_is_the_whole_catalogue(
    copy: Copy, customer: Api, staff: Api, product: Product
) -> None:
    assert copy.products == everything(customer)
    assert len(copy.products) == 3
    settle()
    once = customer("GET", "products/changes").body
    assert (len(once["results"]), once["more"]) == (3, False)


def test_a_full_copy_is_sent_in_pages_followed_by_later_changes(
    customer: Api, staff: Api, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MAX_CHANGED_PRODUCTS", 2)
    ids = [product() for _ in range(5)]
    settle()
    mine = Copy(customer)
    assert mine.ask()
    staff("PATCH", f"products/{ids[0]}", {"name": "Changed after it was copied"})
    staff("DELETE", f"products/{ids[1]}")
    staff("PATCH", f"products/{ids[4]}", {"name": "Changed before it was copied"})
    mine.update()
    assert mine.products == everything(customer)
    assert all(len(page) <= 2 for page in mine.pages)


@pytest.mark.parametrize("limit", [1, 2, 10_000])
def test_a_client_can_ask_for_fewer_changes_at_a_time(
    copy: Copy, customer: Api, staff: Api, product: Product, limit: int
) -> None:
    for id in copy.products:
        staff("PATCH", f"products/{id}", {"name": "Changed"})
    settle()
    for begin in ("", copy.since):
        ids, since, more = set[int](), begin, True
        while more:
            body = customer("GET", f"products/changes?limit={limit}&since={since}").body
            assert len(body["results"]) <= limit
            ids |= {row["id"] for row in body["results"]}
            since, more = body["since"], body["more"]
        assert ids == copy.products.keys()


def test_a_limit_below_one_is_a_fault(customer: Api) -> None:
    for path in ("products/changes?limit=0", "orders/changes?limit=0"):
        refused = customer("GET", path)
        assert (refused.status, refused.body["errors"][0]["pointer"]) == (400, "limit")


def test_a_poll_without_changes_is_empty_and_keeps_its_mark(copy: Copy) -> None:
    place = copy.since
    assert (copy.update(), copy.since) == ([], place)


def test_each_product_is_once_on_a_page_in_its_current_state(copy: Copy, staff: Api) -> None:
    id = next(iter(copy.products))
    for name in "ABC":
        staff("PATCH", f"products/{id}", {"name": name})
    answers = copy.update()
    assert [(each["id"], each["name"]) for each in answers] == [(id, "C")]


def test_an_archived_product_is_a_tombstone(copy: Copy, staff: Api) -> None:
    id = next(iter(copy.products))
    staff("DELETE", f"products/{id}")
    assert copy.update() == [{"id": id, "deleted": True}]


def test_a_split_answer_has_products_and_removals_apart(copy: Copy, staff: Api) -> None:
    gone, present, *_ = copy.products
    staff("DELETE", f"products/{gone}")
    staff("PATCH", f"products/{present}", {"price": "7.00"})
    settle()
    path = f"products/changes?since={copy.since}"
    plain, split = copy.api("GET", path).body, copy.api("GET", f"{path}&split=true").body
    assert plain.keys() == {"results", "since", "more"}
    assert split == plain | {
        "results": [],
        "products": [row for row in plain["results"] if "deleted" not in row],
        "deleted": [gone],
    }


def stock(staff: Api, product: int, delta: int) -> None:
    lines = [{"product": product, "delta": delta}]
    assert staff("POST", "stock/adjustments", {"reason": "x", "lines": lines}).status == 201


def test_the_feed_has_crossings_in_and_out_of_stock_and_the_version_stays(
    copy: Copy, customer: Api, staff: Api
) -> None:
    jam, empty, _ = sorted(copy.products)
    version = copy.products[jam]["version"]
    lines = [{"product": jam, "quantity": 4}]
    customer("POST", "orders", {"lines": lines})
    assert copy.update() == []
    customer("POST", "orders", {"lines": [{"product": jam, "quantity": 1}]})
    answers = copy.update()
    assert [(each["id"], each["quantity"], each["version"]) for each in answers] == [
        (jam, 0, version)
    ]
    stock(staff, jam, 7)
    stock(staff, empty, 1)
    assert {each["id"]: each["quantity"] for each in copy.update()} == {jam: 7, empty: 1}
    stock(staff, jam, -3)
    assert copy.update() == []
    assert everything(customer)[jam]["updated_at"] == copy.products[jam]["updated_at"]


def test_a_product_with_less_than_its_smallest_order_is_out_of_stock_in_the_feed(
    copy: Copy, staff: Api, now: datetime
) -> None:
    crate = min(copy.products)
    change_product(crate, {"min_quantity": 3, "step": 2}, caller=None, now=now)
    copy.update()
    stock(staff, crate, -1)
    assert copy.update() == []
    stock(staff, crate, -1)
    assert [each["quantity"] for each in copy.update()] == [3]
    stock(staff, crate, 1)
    assert [each["quantity"] for each in copy.update()] == [4]


def test_the_feed_has_changes_of_every_kind(copy: Copy, now: datetime) -> None:
    jam, two, three = sorted(copy.products)
    change_product(jam, {"name": "By the service"}, caller=None, now=now)
    assert [each["id"] for each in copy.update()] == [jam]
    with transaction() as other:
        other.execute("UPDATE product SET name = 'By hand' WHERE id = ANY(%s)", [[two, three]])
    assert [each["name"] for each in copy.update()] == ["By hand"] * 2


def test_a_mark_of_another_installation_has_expired(copy: Copy, customer: Api) -> None:
    token = changes.ProductToken("elsewhere", 1, 1, None)
    for copied in (None, 3):
        token = msgspec.structs.replace(token, copied=copied)
        raw = base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")
        refused = customer("GET", f"products/changes?since={raw}")
        assert (refused.status, refused.body["code"]) == (410, "since_expired")


@pytest.mark.parametrize(
    "since", ["x", "e30", "WyJwcm9kdWN0cyIsImlkIiwiMSIsMV0", "%00", "a" * 1001]
)
def test_an_invalid_mark_is_refused(customer: Api, since: str) -> None:
    refused = customer("GET", f"products/changes?since={since}")
    assert refused.status == 400
    assert [fault["pointer"] for fault in refused.body["errors"]] == ["since"]
