"""Lists of long texts: pages are also limited by bytes, and a client gets each row once."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from larder.catalog.models import Product
from larder.core.limits import MAX_DESCRIPTION_LENGTH, MAX_PAGE_BYTES
from larder.identity.models import AuditEntry
from tests.conftest import Api, Person
from tests.db.feeds import settle

pytestmark = pytest.mark.django_db(transaction=True)
As = Callable[[Person], Api]
TEA = "\U0001f375"
SHORT = 100_000
"""Bytes of what is not counted on a page of these tests: names of fields, numbers, times."""

few_examples = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
lengths = st.lists(
    st.sampled_from([0, 10, 4_000, MAX_DESCRIPTION_LENGTH]), min_size=12, max_size=12
)


def pages(api: Api, path: str) -> Iterator[list[dict[str, Any]]]:
    """Reads all pages through the `next` links."""
    link: str | None = path
    while link is not None:
        body = api("GET", link.removeprefix("http://testserver")).body
        yield body["results"]
        link = body["next"]


def read_feed(api: Api, path: str, since: str = "") -> Iterator[tuple[list[dict[str, Any]], str]]:
    """Reads all answers through `since`."""
    settle()
    more = True
    while more:
        body = api("GET", f"{path}?since={since}").body
        since, more = body["since"], body["more"]
        yield body["results"], since


def size(rows: list[dict[str, Any]]) -> int:
    return len(json.dumps(rows, ensure_ascii=False).encode())


def describe(ids: list[int], lengths: list[int]) -> None:
    """Gives the products descriptions of so many characters of four bytes."""
    for product, length in zip(ids, lengths, strict=True):
        Product.objects.filter(pk=product).update(description=TEA * length)


@pytest.fixture
def shelf(product: Callable[..., int]) -> list[int]:
    """Twelve products."""
    return [product(price=str(number % 3)) for number in range(12)]


@few_examples
@given(
    lengths=lengths,
    limit=st.integers(1, 13),
    ordering=st.sampled_from(["id", "-id", "name", "-price"]),
)
def test_pages_limited_by_bytes_lead_to_every_product_once(
    shelf: list[int], customer: Api, lengths: list[int], limit: int, ordering: str
) -> None:
    describe(shelf, lengths)
    found = list(pages(customer, f"products?limit={limit}&ordering={ordering}"))
    assert sorted(one["id"] for page in found for one in page) == shelf
    assert all(size(page) < MAX_PAGE_BYTES + SHORT for page in found)
    assert {one["id"]: len(one["description"]) for page in found for one in page} == dict(
        zip(shelf, lengths, strict=True)
    )


def test_changes_limited_by_bytes_continue_with_the_next_product(
    customer: Api, shelf: list[int]
) -> None:
    *_, (_, since) = read_feed(customer, "products/changes")
    describe(shelf, [MAX_DESCRIPTION_LENGTH] * 12)
    answers = [
        [one["id"] for one in page] for page, _ in read_feed(customer, "products/changes", since)
    ]
    assert len(answers) > 1
    assert [one for page in answers for one in page] == shelf


@few_examples
@given(lengths=lengths, limit=st.integers(1, 13))
def test_links_lead_to_every_audit_entry_once(
    person: Callable[..., Person], as_: As, lengths: list[int], limit: int
) -> None:
    owner, actor = as_(person(is_staff=True, role="owner")), uuid4()
    for number, length in enumerate(lengths):
        AuditEntry.objects.create(
            actor=actor,
            channel="v1",
            object=f"product:{number}",
            action="change",
            before={"description": TEA * length},
            after={"description": ""},
        )
    found = list(pages(owner, f"audit?actor={actor}&limit={limit}"))
    assert [one["object"] for page in found for one in page] == [
        f"product:{number}" for number in reversed(range(12))
    ]
    assert all(size(page) < MAX_PAGE_BYTES + SHORT for page in found)
