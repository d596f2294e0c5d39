"""Many clients copy a catalogue of long descriptions from a real server at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from larder.core.limits import MAX_DESCRIPTION_LENGTH, MAX_PAGE_BYTES
from larder.db import database
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.orders import large_orders
from tests.server import Server
from tests.v1.exporting import peak

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 60
PRODUCTS = 500
A_PAGE = MAX_PAGE_BYTES // (4 * MAX_DESCRIPTION_LENGTH)
MOST = 300 * 1024 * 1024
"""Bytes that the process may grow by. With whole copies, of 40 MB each, it grew by 475 MB."""


@pytest.mark.system
def test_sixty_copies_at_once_take_little_memory(person: Callable[..., Person]) -> None:
    database.execute(large_orders.PRODUCTS, [PRODUCTS])
    long = "\U0001f375" * MAX_DESCRIPTION_LENGTH
    database.execute("UPDATE product SET description = %s", [long])
    tokens = [token_for(person()) for _ in range(AT_ONCE)]
    with Server(workers=1, threads=AT_ONCE) as server:

        def begin(token: str) -> tuple[int, int]:
            answer = server.call("GET", "products/changes", token=token)
            return answer.status, len(answer.body.get("results", ()))

        assert begin(tokens[0]) == (200, A_PAGE)
        before = peak(server)
        with ThreadPoolExecutor(AT_ONCE) as clients:
            found = set(clients.map(begin, tokens))
        grown = peak(server) - before
    assert (200, A_PAGE) in found
    assert {status for status, _ in found} <= {200, 503}
    assert grown < MOST
