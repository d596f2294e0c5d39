"""The examples of docs/api get the answers that the pages show.

A page is played in order: each `http` block with a request is sent, and the block after it is
compared with the answer. A JSON object may have more fields than are shown, and `…` is any text. A
word in capitals, such as ORDER, is the value that the answer has in its place: later blocks of the
page mean this value.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from larder.catalog.services.categories import create_category
from larder.catalog.services.products import create_product
from larder.core.ids import SYSTEM_ACTOR
from larder.inventory.services.movements import open_stock
from tests import database
from tests.conftest import Answer, Api, Person
from tests.db.feeds import settle
from tests.pages import DOCS, blocks

PAGES = sorted(page.name for page in (DOCS / "api").glob("*.md"))
HOST = "https://shop.example"
PASSWORD = "correct horse battery staple"
SHOP: tuple[tuple[dict[str, Any], int], ...] = (
    ({"sku": "LANTERN-1", "name": "Storm lantern", "price": "12.50", "category_id": 1}, 20),
    ({"sku": "OIL-1", "name": "Lamp oil", "price": "4.20", "unit": "bottle", "category_id": 2}, 12),
    ({"sku": "WICK-3", "name": "Cotton wick", "price": "0.35", "unit": "metre", "step": 5}, 500),
)
"""Products 1 to 3, and how many of each."""
_NAME = r"\b[A-Z]{4,}(?:_[A-Z]+)*\b(?!-)"


@dataclass
class Values:
    """What the names of a page stand for."""

    known: dict[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        """Returns a text with the values in the place of their names."""
        return re.sub(_NAME, lambda name: self.known.get(name[0], name[0]), text)

    def match(self, shown: str, real: str) -> bool:
        """Returns whether a text is the shown one, and learns the value of a new name in it."""
        known = self.filled(shown)
        new = next((name for name in re.findall(_NAME, known) if name not in real), None)
        pattern = re.escape(known).replace("…", ".*")
        pattern = pattern.replace(new, r"([\w.-]+)", 1) if new else pattern
        match = re.fullmatch(pattern, real, re.DOTALL)
        if match and new:
            self.known[new] = match[1]
        return match is not None

    def contain(self, shown: Any, real: Any) -> bool:
        """Returns whether an answer has what is shown of it."""
        if isinstance(shown, dict):
            return isinstance(real, dict) and all(
                name in real and self.contain(value, real[name]) for name, value in shown.items()
            )
        if isinstance(shown, list):
            return len(shown) == len(real) and all(map(self.contain, shown, real))
        if isinstance(shown, str) and isinstance(real, str):
            return self.match(shown, real.replace("http://testserver", HOST))
        return bool(shown == real)


@pytest.fixture
def values(
    transactional_db: None, person: Callable[..., Person], as_: Callable[[Person], Api]
) -> Values:
    """Fills the shop of the examples: the same ids in each run."""
    database.empty_database()
    now = datetime.now(UTC) - timedelta(hours=1)
    create_category(name="Lanterns", parent=None, caller=None, now=now)
    create_category(name="Fuel", parent=1, caller=None, now=now)
    for fields, quantity in SHOP:
        priced = fields | {"price": Decimal(fields["price"])}
        product = create_product(priced, caller=None, now=now)
        open_stock({product: quantity}, actor=SYSTEM_ACTOR, now=now)
    ada = person("ada", PASSWORD, email="ada@example.com", first_name="Ada", last_name="Guest")
    sam = person("sam", PASSWORD, is_staff=True, role="owner")
    tokens = {"ACCESS_TOKEN": str(as_(ada)._token), "STAFF_TOKEN": str(as_(sam)._token)}
    return Values(tokens)


def examples(page: str) -> Iterator[tuple[str, str]]:
    """Yields the requests of a page with the answers that it shows."""
    texts = [block.text for block in blocks(page) if block.language == "http"]
    assert len(texts) % 2 == 0
    yield from zip(texts[::2], texts[1::2], strict=True)


@pytest.mark.parametrize("name", PAGES)
def test_each_request_of_a_page_gets_the_answer_on_the_page(
    name: str, values: Values, api: Api
) -> None:
    for request, shown in examples((DOCS / "api" / name).read_text()):
        title = request.partition(" HTTP/")[0]
        answer = _send(api, values.filled(request))
        head, _, body = shown.partition("\n\n")
        status, *headers = head.strip().split("\n")
        assert status.split()[1] == str(answer.status), f"{title}: {answer.body}"
        for line in headers:
            header, value = line.split(": ", 1)
            assert values.match(value, answer.headers[header]), f"{title}: {header}"
        if isinstance(answer.body, bytes):
            text = answer.body.decode().replace("\r\n", "\n").rstrip("\n")
            assert values.match(body.rstrip("\n"), text), f"{title}: {text}"
        elif body:
            assert values.contain(json.loads(body), answer.body), f"{title}: {answer.body}"


def _send(api: Api, request: str) -> Answer:
    head, _, body = request.partition("\n\n")
    first, *lines = head.strip().split("\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    kind = headers.pop("Content-Type", "application/json")
    if "/changes" in path:
        settle()
    return api(method, path, body.rstrip("\n"), content_type=kind, **headers)
