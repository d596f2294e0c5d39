"""The concurrent pages of the admin for one user are limited in each process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from time import sleep
from typing import Any

import pytest
from django.db import connection
from django.test.signals import template_rendered

from larder.core import per_key
from larder.http.raw_body import TRUSTED_SECONDS
from larder.identity.models import Customer
from larder.staff import page_limit
from tests.conftest import Person
from tests.staff.desk import Desk
from tests.tiers import LONGEST
from tools.processes import wait_until

MakePerson = Callable[..., Person]
LISTS = ("catalog/product/", "inventory/stock/export/", "own-keys/", "second-factor/", "")


@contextmanager
def busy(who: Person) -> Iterator[None]:
    """As many other pages of this user are made as may be at once."""
    with ExitStack() as others:
        for _ in range(page_limit.MOST_PAGES):
            others.enter_context(page_limit.pages.running(who.id, "staff"))
        yield


@pytest.mark.parametrize("page", LISTS)
def test_further_pages_of_a_user_wait_and_are_refused(
    page: str, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(per_key, "LONGEST_WAIT", 0.01)
    who, other = (person(is_staff=True, is_superuser=True) for _ in range(2))
    with busy(who):
        refused = Desk(who).get(page).response
        assert Desk(other).get(page).status == 200
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert "text/html" in refused.headers["Content-Type"]
    assert Desk(who).get(page).status == 200


@pytest.mark.parametrize("active", [True, False])
def test_the_user_is_read_again_after_a_wait(
    active: bool, transactional_db: None, person: MakePerson
) -> None:
    who, answers = person(is_staff=True, is_superuser=True), []
    desk = Desk(who)

    def get() -> None:
        answers.append(desk.client.get("/admin/catalog/product/").status_code)
        connection.close()

    with busy(who):
        waiting = Thread(target=get)
        waiting.start()
        sleep(TRUSTED_SECONDS + 0.5)
        Customer.objects.filter(pk=who.id).update(is_active=active)
    waiting.join(LONGEST)
    assert answers == [200 if active else 302]


def test_waiting_pages_are_counted_for_their_user(
    transactional_db: None, person: MakePerson
) -> None:
    who = person(is_staff=True, is_superuser=True)
    desk, line = Desk(who), per_key._lists["staff"]

    def get() -> None:
        desk.client.get("/admin/catalog/product/")
        connection.close()

    with busy(who):
        waiting = Thread(target=get)
        waiting.start()
        assert wait_until(lambda: line.held == {who.id: 1})
    waiting.join(LONGEST)


def test_the_limit_holds_until_the_page_is_rendered(person: MakePerson) -> None:
    who, seen = person(is_staff=True, is_superuser=True), []

    def rendered(**signal: Any) -> None:
        seen.append(who.id in page_limit.pages._present)

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
    monkeypatch.setattr(per_key, "LONGEST_WAIT", 0.01)
    with ExitStack() as others:
        for _ in range(page_limit.MOST_PAGES):
            others.enter_context(page_limit.pages.running(None, "staff"))
        assert client.get("/admin/catalog/product/").status_code == 302
