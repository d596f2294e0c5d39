"""The admin in German: its pages, the choice of the language, and what that never changes."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from django.test import Client
from django.utils import translation

from larder.catalog.models import Product
from larder.catalog.product_rows import COLUMNS
from larder.core.errors import InvalidInput
from larder.identity.services.notes import refuse_faulty
from tests.conftest import Api, Person
from tests.staff.access import Shop, pages, shop
from tests.staff.desk import Desk, change

__all__ = ["shop"]

ENGLISH = re.compile(
    r"\b(?:the|of|and|with|not|for|from|to|are|is|no|at|by|or|your|this|all|any|yes|true|false|"
    r"orders?|products?|customers?|prices?|stock|units?|lines?|categor(?:y|ies)|accounts?|keys?|"
    r"save|add|delete|change|changed|changes|select|search|filters?|action|run|log|out|back|show|"
    r"new|none|view|home|history|placed|packed|shipped|delivered|cancelled|returned|received|"
    r"status|number|total|reason|note|when|who|what|available|reserved|shelf|user|users|groups?|"
    r"more|next|previous|first|last|date|time|today|choose|file|upload|picture|close|menu)\b",
    re.IGNORECASE,
)
ALIKE = {"Status", "Administrator-Status", "Filter", *COLUMNS}
"""Words that German has too, an example, and the columns of files."""


class _Texts(HTMLParser):
    """Collects what a reader sees or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.language = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "html":
            self.language = attributes.get("lang") or ""
        if tag in {"script", "style", "code", "svg"} or "symbols" in (
            attributes.get("class") or ""
        ):
            self._hidden += 1
        names = ("aria-label", "title", "alt", "placeholder", "data-label")
        self.texts += [text for name in names if (text := attributes.get(name))]
        if tag == "input" and attributes.get("type") in {"submit", "button"}:
            self.texts.append(attributes.get("value") or "")

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
        # A word in capitals is a code, such as DE-BY; product:12 is the name of an object.
        own = [word for word, bare in words if bare not in ALIKE and not bare.isupper()]
        rest = " ".join(word for word in own if not re.fullmatch(r"[a-z]+:\S+", word))
        if match := ENGLISH.search(rest):
            yield f"{match[0]}: {text}"


GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}
FRENCH = {"Accept-Language": "fr,en;q=0.1"}


def language(client: Client, headers: Any = None) -> str:
    page = client.get("/admin/login/", headers=headers or {})
    return language_of_page(page.content.decode())


@pytest.mark.django_db(transaction=True)
def test_the_pages_of_a_day_have_no_english_rests(desk: Desk, shop: Shop) -> None:
    desk.client.cookies["admin_language"] = "de"
    by_page = {}
    # Django has no German for the rows between groups and permissions, which this page names.
    for path in set(pages(shop)) - {"/admin/auth/group/1/delete/"}:
        page = desk.get(path.removeprefix("/admin/"))
        assert (page.status, language_of_page(page.text)) == (200, "de"), path
        if rests := sorted(set(english(page.text))):
            by_page[path] = rests
    desk.client.logout()
    desk.client.cookies["admin_language"] = "de"
    by_page["login/"] = sorted(set(english(desk.get("login/").text)))
    assert by_page == {"login/": []}


def test_a_refusal_of_a_service_is_in_the_language_of_the_request() -> None:
    said = []
    for language in ("de", "en"):
        with translation.override(language), pytest.raises(InvalidInput) as refused:
            refuse_faulty("")
        said += [fault.detail for fault in refused.value.faults]
    allowed = "Between 1 and 2,000 characters are allowed."
    assert said == ["Erlaubt sind 1 bis 2,000 Zeichen.", allowed]


def test_scripts_have_the_texts_of_the_language(db: None) -> None:
    script = Client().get("/admin/texts.js", headers=GERMAN)
    assert '"Copied.": "Kopiert."' in script.content.decode()
    assert {"Accept-Language", "Cookie"} <= {*script.headers["Vary"].split(", ")}


def test_the_browser_chooses_among_english_and_german(db: None) -> None:
    assert language(Client(), GERMAN) == "de"
    assert language(Client(), FRENCH) == "en-gb"
    assert language(Client(), {"Accept-Language": "en-US"}) == "en-gb"
    assert language(Client()) == "en-gb"


def test_staff_choose_a_language_in_the_menu(desk: Desk) -> None:
    page = desk.get("")
    assert 'action="/admin/language/"' in page.text
    sent = {"language": "en-gb", "next": "/admin/catalog/product/"}
    answer = desk.client.post("/admin/language/", sent)
    assert answer.headers["Location"] == "/admin/catalog/product/"
    cookie = answer.cookies["admin_language"]
    assert (cookie.value, cookie["path"], cookie["httponly"]) == ("en-gb", "/admin/", True)
    assert language_of_page(desk.get("").text) == "en-gb"


def test_an_unknown_language_in_the_cookie_is_ignored(db: None) -> None:
    client = Client(HTTP_COOKIE=r'admin_language="xx\000"')
    assert language(client, GERMAN) == "de"


def test_the_api_is_in_english_whatever_the_browser_prefers(
    as_: Callable[[Person], Api], person: Callable[..., Person], client: Client
) -> None:
    """Django has German texts for rules of passwords, of which the API shows those of English."""
    client.get("/admin/login/", headers=GERMAN)
    me, weak = as_(person()), {"current_password": "correct horse", "new_password": "short"}
    answers = [
        me("POST", "auth/password/change", weak, **language) for language in (GERMAN, FRENCH)
    ]
    details = [[fault["detail"] for fault in answer.body["errors"]] for answer in answers]
    assert details[0] == details[1]
    assert "too short" in details[0][0]
    assert all("Accept-Language" not in answer.headers.get("Vary", "") for answer in answers)


def test_files_are_the_same_in_each_language(
    desk: Desk, product: Callable[..., int], person: Callable[..., Person]
) -> None:
    product(sku="KON-1", name="Konfitüre", price="1234.5", tax_rate="19.00", stock=5_000)

    def exported() -> list[Any]:
        file = BytesIO(desk.get("catalog/product/export/").response.content)
        return list(openpyxl.load_workbook(file).active.values)

    english = exported()
    desk.client.cookies["admin_language"] = "de"
    assert exported() == english


def test_prices_are_typed_and_shown_in_the_format_of_the_language(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(price="1234.5", stock=5_000)
    assert 'value="1234.50"' in desk.get(change(jam)).text
    desk.client.cookies["admin_language"] = "de"
    page = desk.get(change(jam))
    assert 'value="1234,50"' in page.text
    assert "1.234,50 £" in desk.get("catalog/product/").text
    assert desk.save(change(jam)).errors == {}
    assert str(Product.objects.get().price) == "1234.500"
    assert desk.save(change(jam), price="1.234").errors["price"]
    for typed, stored in (("2,25", "2.250"), ("1,125", "1.125"), ("2.25", "2.250")):
        assert desk.save(change(jam), price=typed).errors == {}
        assert str(Product.objects.get().price) == stored


def test_fields_of_numbers_and_days_have_no_marks(desk: Desk, product: Callable[..., int]) -> None:
    jam = product(stock=5_000, low_stock_threshold=1_500)
    desk.client.cookies["admin_language"] = "de"
    text = desk.get(change(jam)).text
    assert 'value="1500"' in text
