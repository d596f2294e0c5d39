"""The examples of docs/reference/api get the answers that the pages show.

WRITE_EXAMPLES=1 writes the answers of this run into the pages.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from larder.catalog.services.categories import create_category
from larder.catalog.services.products import create_product
from larder.core.ids import SYSTEM_ACTOR
from larder.identity.permissions import OWNER
from larder.inventory.services.movements import open_stock
from larder.v1.resources import Resource
from larder.v1.urls import urlpatterns
from tests import database
from tests.conftest import Api, Person
from tests.docs.example_values import ExampleValues
from tests.docs.examples import PAGES, examples, play, rewritten
from tests.http.document import operations, whole

FILES = sorted(one.name for one in PAGES.glob("*.md"))
WITH_EXAMPLES = [name for name in FILES if [*examples((PAGES / name).read_text())]]
PASSWORD = "correct horse battery staple"
SHOP: tuple[tuple[dict[str, Any], int], ...] = (
    ({"sku": "LANTERN-1", "name": "Storm lantern", "price": "12.50", "category_id": 1}, 20),
    ({"sku": "OIL-1", "name": "Lamp oil", "price": "4.20", "unit": "bottle", "category_id": 2}, 12),
    ({"sku": "WICK-3", "name": "Cotton wick", "price": "0.35", "unit": "metre", "step": 5}, 500),
)
"""Products 1 to 3, and how many of each."""


@pytest.fixture
def values(
    transactional_db: None,
    person: Callable[..., Person],
    as_: Callable[[Person], Api],
) -> Callable[[str], ExampleValues]:
    """Fills the shop of the examples: the same ids in each run."""
    database.empty_database()
    fill()
    ada = person("ada", PASSWORD, email="ada@example.com", first_name="Ada", last_name="Guest")
    sam = person("sam", PASSWORD, is_staff=True, role=OWNER)

    def known(page: str) -> ExampleValues:
        found = ExampleValues(page)
        for who, name in ((ada, "ACCESS_TOKEN"), (sam, "STAFF_TOKEN")):
            found.bind(str(as_(who)._token), name)
        return found

    return known


def fill() -> None:
    """Adds categories and products."""
    now = ExampleValues("")._began - timedelta(hours=1)
    create_category(name="Lanterns", parent=None, caller=None, now=now)
    create_category(name="Fuel", parent=1, caller=None, now=now)
    for fields, quantity in SHOP:
        made = create_product(fields | {"price": Decimal(fields["price"])}, caller=None, now=now)
        open_stock({made: quantity}, actor=SYSTEM_ACTOR, now=now)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_each_request_of_a_page_gets_the_answer_on_the_page(
    name: str, values: Callable[[str], ExampleValues], api: Api
) -> None:
    page = (PAGES / name).read_text()
    played = list(play(page, api, values(page)))
    if "WRITE_EXAMPLES" in os.environ:
        (PAGES / name).write_text(rewritten(page, played))
        return
    for example, answer in played:
        assert example.answer == answer, f"{example.title}: run this test with WRITE_EXAMPLES=1"


def sections() -> Iterator[tuple[str, str]]:
    """The sections of operations: method and path below the heading, and the section's text."""
    for name in FILES:
        for part in re.split(r"^##+ ", (PAGES / name).read_text(), flags=re.MULTILINE)[1:]:
            found = re.match(r".*\n\n`((?:GET|POST|PUT|PATCH|DELETE) /api/v1/\S+)`", part)
            if found:
                yield found[1], part


def test_each_special_refusal_of_an_operation_is_in_its_section() -> None:
    own = {
        one.name: one.declared.problems
        for pattern in urlpatterns
        for one in cast(Resource, pattern.callback).operations.values()
    }
    known = {f"{one.method.upper()} {one.path}": one.name for one in operations()}
    missing = [
        (title, code)
        for title, text in sections()
        for code in own[known[title]]
        if f"[`{code}`](../problems.md#{code})" not in text
    ]
    assert missing == []


def test_a_table_of_fields_has_the_fields_of_the_object() -> None:
    schemas = whole()["components"]["schemas"]
    tables = [
        (name, re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE))
        for page in FILES
        for name, rows in re.findall(
            r"^##+ `(\w+)` object\n+(.*?)\n\n", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL
        )
    ]
    assert [name for name, _ in tables]
    for name, fields in tables:
        assert sorted(fields) == sorted(schemas[name]["properties"]), name


def test_each_operation_has_a_section_with_an_example() -> None:
    described = dict(sections())
    known = {f"{one.method.upper()} {one.path}": one for one in operations()}
    assert sorted(title for title, _ in sections()) == sorted(known)
    for title, text in described.items():
        sent = [one.title.partition("?")[0].split(" ") for one in examples(text)]
        assert any(known[title].is_of(*one) for one in sent), title
