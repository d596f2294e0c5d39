"""The pages of a day in German."""

from collections.abc import Callable

import pytest

from tests.conftest import Person
from tests.staff.desk import Desk
from tests.staff.german import Shop, english, german_shop, language_of_page, pages

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(person: Callable[..., Person], product: Callable[..., int], boss: Person) -> Shop:
    return german_shop(person, product, boss)


@pytest.fixture
def desk(boss: Person) -> Desk:
    desk = Desk(boss)
    desk.client.cookies["admin_language"] = "de"
    return desk


def test_the_pages_of_a_day_have_no_english_rests(desk: Desk, boss: Person, shop: Shop) -> None:
    found = {}
    # What a process keeps of English pages may not be shown in German ones.
    english_desk = Desk(boss)
    for path in pages(shop):
        assert language_of_page(english_desk.get(path).text) == "en-gb", path
        page = desk.get(path)
        assert page.status == 200, path
        assert language_of_page(page.text) == "de", path
        if rests := sorted(set(english(page.text))):
            found[path] = rests
    desk.client.logout()
    desk.client.cookies["admin_language"] = "de"
    found["login/"] = sorted(set(english(desk.get("login/").text)))
    assert found == {"login/": []}
