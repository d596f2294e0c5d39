"""The language of the admin: how it is chosen, and what it never changes."""

from collections.abc import Callable
from typing import Any

from django.test import Client

from larder.catalog.models import Product
from tests.conftest import Api, Person
from tests.staff.desk import Desk, change
from tests.staff.german import language_of_page

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}
FRENCH = {"Accept-Language": "fr,en;q=0.1"}


def language(client: Client, headers: Any = None) -> str:
    page = client.get("/admin/login/", headers=headers or {})
    return language_of_page(page.content.decode())


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
    client = Client()
    client.cookies["admin_language"] = "xx\0"
    assert language(client, GERMAN) == "de"


def test_the_api_is_in_english_whatever_the_browser_prefers(
    as_: Callable[[Person], Api], person: Callable[..., Person], client: Client
) -> None:
    """Django has German texts for rules of passwords, of which the API shows those of English."""
    client.get("/admin/login/", headers=GERMAN)
    me, weak = as_(person()), {"current_password": "correct horse", "new_password": "short"}
    answers = [me("POST", "auth/password/change", weak, **one) for one in (GERMAN, FRENCH)]
    details = [[one["detail"] for one in answer.body["errors"]] for answer in answers]
    assert details[0] == details[1]
    assert "too short" in details[0][0]
    assert all("Accept-Language" not in one.headers.get("Vary", "") for one in answers)


def test_files_are_the_same_in_each_language(
    desk: Desk, product: Callable[..., int], person: Callable[..., Person]
) -> None:
    product(sku="KON-1", name="Konfitüre", price="1234.5", tax_rate="19.00", stock=5_000)

    def exported(path: str, **chosen: str) -> bytes:
        return bytes(b"".join(desk.client.post(f"/admin/{path}", chosen)))

    def files() -> list[bytes]:
        sample = desk.client.get("/admin/catalog/product/import-file/?sample=semicolon").content
        lists = [exported(f"{one}/export/", format="0") for one in LISTS]
        return [sample, *lists]

    english = files()
    desk.client.cookies["admin_language"] = "de"
    assert files() == english
    assert b"1234.50" in english[1]


LISTS = ("catalog/product", "inventory/stock", "orders/order")


def test_prices_are_typed_and_shown_in_the_format_of_the_language(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(price="1234.5", stock=5_000)
    assert 'value="1234.50"' in desk.get(change(jam)).text
    desk.client.cookies["admin_language"] = "de"
    page = desk.get(change(jam))
    assert 'value="1234,50"' in page.text
    assert "1.234,50 GBP" in desk.get("catalog/product/").text
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
    assert 'type="date" name="from" required value="2' in desk.get("").text


def test_amounts_of_charts_have_a_point(desk: Desk) -> None:
    desk.client.cookies["admin_language"] = "de"
    text = desk.get("").text
    assert 'height="0.0"' in text
