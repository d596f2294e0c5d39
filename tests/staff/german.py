"""A German shop, and the texts of its pages."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from uuid import UUID

from larder.catalog.product_rows import COLUMNS
from larder.core.clock import now as clock
from larder.orders.decision import Wanted
from larder.orders.services import moves, returns
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.services.returns import ReturnedLine
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import Person

SHIP_TO = {"name": "Maria Weiß", "line1": "Hafenstr. 1", "city": "Kiel", "country": "DE"}
ENGLISH = re.compile(
    r"\b(?:the|of|and|with|not|for|from|to|are|is|no|at|by|or|your|this|all|any|yes|true|false|"
    r"orders?|products?|customers?|prices?|stock|units?|lines?|categor(?:y|ies)|accounts?|keys?|"
    r"save|add|delete|change|changed|changes|select|search|filters?|action|run|log|out|back|show|"
    r"new|none|view|home|history|placed|packed|shipped|delivered|cancelled|returned|received|"
    r"status|number|total|reason|note|when|who|what|available|reserved|shelf|user|users|groups?|"
    r"more|next|previous|first|last|date|time|today|choose|file|upload|picture|close|menu)\b",
    re.IGNORECASE,
)
ALIKE = {"Status", "Administrator-Status", "Filter", "product:12", *COLUMNS}
"""Words that German has too, an example, and the columns of files."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What is in a shop: a product, a customer, and orders."""

    product: int
    customer: Person
    placed: UUID
    returned: UUID


def german_shop(person: Callable[..., Person], product: Callable[..., int], boss: Person) -> Shop:
    """Opens a shop with an order to pack and one of which a part came back."""
    jam = product(sku="KON-1", name="Rote Konfitüre", price="1234.5", stock=5_000)
    who = person("maria", first_name="Maria", last_name="Weiß")

    def place() -> UUID:
        lines = [Wanted(jam, 3)]
        asked = Placement(
            customer=who.id, actor=who.customer.public_id, lines=lines, ship_to=SHIP_TO
        )
        return place_order(asked, terms=Terms(currency="GBP"), now=clock()).order.id

    placed, back = place(), place()
    later = clock() + timedelta(seconds=1)
    request = TransitionRequest(order=back, caller=boss.caller, now=later)
    moves.pack_order(request)
    moves.ship_order(request)
    returns.return_order(request, lines=[ReturnedLine(jam, 1, True)], reason="Glas zerbrochen")
    return Shop(jam, who, placed, back)


def pages(shop: Shop) -> list[str]:
    """Returns the pages of a day, behind /admin/."""
    order, product, back = shop.placed, shop.product, shop.returned
    orders = (f"orders/order/{order}/{page}/" for page in ("change", "edit", "pack", "cancel"))
    prints = (f"orders/order/{order}/{page}/" for page in ("pick-list", "packing-slip", "note"))
    return [
        *("", "orders/order/", *orders, *prints, "orders/order/telephone/"),
        *(f"orders/order/{back}/{page}/" for page in ("change", "return", "deliver", "track")),
        *(f"orders/order/{back}/{page}/" for page in ("address-label", "unship", "history")),
        *("orders/order/accounting/", "orders/order/export/", "orders/refunddue/"),
        *(f"orders/order/{order}/tags/", "inventory/stock/count/"),
        "inventory/stock/differences/",
        *("catalog/product/", "catalog/product/add/", "catalog/product/?archived=yes"),
        *(f"catalog/product/{product}/{page}/" for page in ("change", "archive", "history")),
        *("catalog/product/import-file/", "catalog/product/export/"),
        *("catalog/category/", "catalog/category/add/"),
        *("inventory/stock/", f"inventory/stock/{product}/change/", "inventory/stock/?stock=low"),
        *("inventory/ledgerentry/", "inventory/adjustment/", "inventory/adjustment/add/"),
        *("identity/customer/", "identity/customer/add/", "identity/customer/invite/"),
        *(f"identity/customer/{shop.customer.id}/change/", "identity/key/", "auth/group/"),
        *("identity/auditentry/", "auth/group/add/", "own-keys/", "second-factor/"),
        *("password_change/", f"identity/customer/{shop.customer.id}/password-link/"),
        "new-password/",
    ]


class _Texts(HTMLParser):
    """Collects what a reader sees or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.language = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang") or ""
        if tag in {"script", "style", "code", "svg"} or "symbols" in (given.get("class") or ""):
            self._hidden += 1
        names = ("aria-label", "title", "alt", "placeholder", "data-label")
        self.texts += [text for name in names if (text := given.get(name))]
        if tag == "input" and given.get("type") in {"submit", "button"}:
            self.texts.append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag in {"script", "style", "code", "svg", "span", "i"}:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._hidden:
            self.texts.append(" ".join(data.split()))


def language_of_page(html: str) -> str:
    page = _Texts()
    page.feed(html)
    return page.language


def english(html: str) -> Iterator[str]:
    """Yields the texts of a page that have an English word, after the word."""
    page = _Texts()
    page.feed(html)
    for text in page.texts:
        words = [(word, word.strip(",:.()")) for word in text.split()]
        # A word in capitals is a code, such as DE-BY.
        rest = " ".join(word for word, bare in words if bare not in ALIKE and not bare.isupper())
        if found := ENGLISH.search(rest):
            yield f"{found[0]}: {text}"
