"""Long bodies with faults: one at a time in a process, at v1 and at the earlier contracts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from larder.core import per_key
from larder.core.errors import Overloaded
from larder.core.shares import WaitingList, held_by
from larder.http.long_bodies import LONG, one_long_body
from tests.conftest import Api, Person
from tests.http.conftest import token_for
from tests.tiers import LONGEST
from tools.processes import wait_until

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
V1, CONTRACT = "config.urls", "larder.compat.contract"
LINE = {"product": "x", "quantity": "y"}
LINE_BY_ID = {"id": "x", "quantity": "y"}
ORDERS = [
    (V1, "orders", "lines", LINE),
    (f"{CONTRACT}1", f"/api/orders/{ID}/", "products", LINE_BY_ID),
    (f"{CONTRACT}2", "/api/orders/orders/", "order_items", LINE),
    (f"{CONTRACT}3", "/api/order/", "products", LINE_BY_ID),
]


@pytest.mark.parametrize(("urls", "path", "name", "line"), ORDERS)
def test_a_long_body_with_faults_waits_for_the_one_before_it(
    person: Callable[..., Person],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    urls: str,
    path: str,
    name: str,
    line: dict[str, str],
) -> None:
    monkeypatch.setattr(per_key, "LONGEST_WAIT", 0.05)
    settings.ROOT_URLCONF = urls
    client, long, short = Api(token_for(person())), {name: [line] * 300}, {name: [line]}
    with one_long_body(LONG):
        refused = client("POST", path, long)
        assert client("POST", path, short).status == 400
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert refused.body.get("code") == ("overloaded" if urls == V1 else None)
    assert "detail" in refused.body
    assert client("POST", path, long).status == 400


def test_a_short_body_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(per_key, "LONGEST_WAIT", 0.05)
    entered = []
    with one_long_body(LONG):
        for length in (LONG - 1, LONG):
            with suppress(Overloaded), one_long_body(length):
                entered.append(length)
    assert entered == [LONG - 1]


@pytest.mark.parametrize(("urls", "path", "name", "line"), ORDERS)
def test_long_bodies_of_one_account_leave_a_place_to_others(
    transactional_db: None,
    person: Callable[..., Person],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    urls: str,
    path: str,
    name: str,
    line: dict[str, str],
) -> None:
    places = WaitingList(2)
    monkeypatch.setitem(per_key._lists, "all", places)
    settings.ROOT_URLCONF = urls
    mallory, anna = person(), person()

    def send(client: Api) -> int:
        try:
            return client("POST", path, {name: [line] * 300}).status
        finally:
            connection.close()

    clients = [Api(token_for(who)) for who in (mallory, mallory, anna)]
    with ThreadPoolExecutor(3) as pool, one_long_body(LONG):
        sent = []
        for number, client in enumerate(clients):
            sent.append(pool.submit(send, client))
            assert wait_until(lambda number=number: places.held.total() == min(2, number + 1))  # type: ignore[misc]
            if number == 2:
                assert wait_until(lambda: places.held == {mallory.id: 1, anna.id: 1})
        assert sent[1].result(LONGEST) == 503
    assert [one.result(LONGEST) for one in sent] == [400, 503, 400]


def test_long_bodies_without_an_account_have_one_share(monkeypatch: pytest.MonkeyPatch) -> None:
    places = WaitingList(2)
    monkeypatch.setitem(per_key._lists, "all", places)
    refused = []

    def validate(*account: str) -> None:
        try:
            with held_by(*account), one_long_body(LONG):
                pass
        except Overloaded:
            refused.append(account)

    with ThreadPoolExecutor(3) as pool, one_long_body(LONG):
        for number in (1, 2):
            pool.submit(validate)
            assert wait_until(lambda number=number: len(places.waiting) == number)  # type: ignore[misc]
        pool.submit(validate, "anna")
        assert wait_until(lambda: len(refused) == 1)
        assert places.held == {None: 1, "anna": 1}
    assert refused == [()]
