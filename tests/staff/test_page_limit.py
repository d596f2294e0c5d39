"""The concurrent pages of the admin for one user are limited in each process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.test.signals import template_rendered

from larder.staff import site
from tests.conftest import Person
from tests.staff.desk import Desk

MakePerson = Callable[..., Person]
LISTS = ("catalog/product/", "inventory/adjustment/count/", "second-factor/", "")


@contextmanager
def busy(who: Person) -> Iterator[None]:
    """As many other pages of this user are made as may be at once."""
    with ExitStack() as others:
        for _ in range(site.MOST_PAGES):
            others.enter_context(site.pages.hold(who.id))
        yield


@pytest.mark.parametrize("page", LISTS)
def test_further_pages_of_a_user_are_refused(
    page: str, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, other = (person(is_staff=True, is_superuser=True) for _ in range(2))
    with busy(who):
        refused = Desk(who).get(page).response
        assert Desk(other).get(page).status == 200
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) in {1, 2, 3}
    assert "text/html" in refused.headers["Content-Type"]
    assert Desk(who).get(page).status == 200


def test_the_limit_holds_until_the_page_is_rendered(person: MakePerson) -> None:
    who, seen = person(is_staff=True, is_superuser=True), []

    def rendered(**signal: Any) -> None:
        seen.append(who.id in site.pages._taken)

    template_rendered.connect(rendered)
    try:
        Desk(who).get("catalog/product/")
    finally:
        template_rendered.disconnect(rendered)
    assert seen
    assert all(seen)


def test_anonymous_requests_do_not_wait_for_each_other(
    client: Any, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as others:
        for _ in range(site.MOST_PAGES):
            others.enter_context(site.pages.hold(None))
        assert client.get("/admin/catalog/product/").status_code == 302
