"""FAST_PATH: a server gives the same answers with 1 and 0; with 0 Django gives all of them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Person
from tests.database import ROOT
from tests.server import Server

LOADED = """
import sys, config.asgi
print(*(one for one in sys.modules if one == "larder.fastpath.layers"))
"""
AWAY = "postgresql://u@127.0.0.1:1/x"


@pytest.mark.system
@pytest.mark.parametrize(
    ("fast_path", "loaded"),
    [
        ("1", "larder.fastpath.layers"),
        ("0", ""),
    ],
)
def test_a_server_with_fast_path_off_does_not_import_the_fast_path(
    fast_path: str, loaded: str
) -> None:
    given = {"FAST_PATH": fast_path, "DATABASE_URL": AWAY, "OWNER_DATABASE_URL": AWAY}
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=ROOT,
        env=os.environ | given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == (loaded, 0), done.stderr


@pytest.fixture(params=["1", "0"], ids=["with", "without"])
def served(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Server]:
    """A server with one process, so that its caches keep earlier answers."""
    with Server(workers=1, environment={"FAST_PATH": request.param}) as server:
        yield server


@pytest.mark.system
def test_orders_and_pages_are_the_same_with_and_without_the_fast_path(
    served: Server, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who, jam = person(), product(stock=5, price="2.20")
    sent = {"Authorization": f"Bearer {served.token(who.customer.username, who.password)}"}
    for left in (3, 1):
        order = {"lines": [{"product": jam, "quantity": 2}]}
        key = {"Idempotency-Key": f"the-key-of-{left}"}
        placed = served.call("POST", "orders", order, headers=sent | key)
        assert (placed.status, placed.body["total"]) == (201, "4.40")
        echoed = sent | {"Larder-Position": placed.headers["larder-position"]}
        again = served.call("POST", "orders", order, headers=sent | key)
        assert (again.status, again.body["id"]) == (201, placed.body["id"])
        assert again.headers["idempotency-replayed"] == "true"
        for _ in range(2):
            page = served.call("GET", "products", headers=echoed)
            assert [one["quantity"] for one in page.body["results"]] == [left]
        tag = {"If-None-Match": page.headers["etag"]}
        assert served.call("GET", "products", headers=echoed | tag).status == 304
    refused = served.call("POST", "orders", order, headers=sent)
    assert (refused.status, refused.body["code"]) == (409, "insufficient_stock")
