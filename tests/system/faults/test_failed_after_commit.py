"""An error of the program after a commit: the answer does not claim that nothing changed."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from larder.identity.models import Customer
from tests.server import Server
from tests.system.faults.desk import Desk
from tests.system.faults.shop import PASSWORD


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def failing(transactional_db: None, log: Path) -> Iterator[Server]:
    """A server that fails where it shows a committed change."""
    options = {"COMPAT": "0,1,2,3,4"}
    application = "tests.system.faults.failing_replies_app:application"
    with Server(workers=1, environment=options, application=application, errors=log) as running:
        yield running


def test_a_failure_after_a_commit_has_an_unknown_outcome(
    failing: Server, log: Path, product: Callable[..., int]
) -> None:
    jam, name = product(), f"staff {secrets.token_hex(4)}"
    account = {"username": name, "password": PASSWORD}
    assert failing.call("POST", "auth/register", account).status == 201
    Customer.objects.filter(username=name).update(is_staff=True, is_superuser=True)
    token = failing.token(name, PASSWORD)

    path, body = f"cart/lines/{jam}", {"quantity": 1}
    put = failing.call("PUT", path, body, token=token)
    assert (put.status, put.code, put.headers["retry-after"]) == (503, "outcome_unknown", "1")

    tea = {"name": "Tea", "price": "3.00", "description": "", "quantity_in_stock": 4}
    added = failing.call("POST", "/products/", tea, token=token)
    assert (added.status, added.code) == (500, "outcome_unknown")
    assert "retry-after" not in added.headers

    page = Desk(failing, name).save(f"catalog/product/{jam}/change/", unit="jar")
    assert (page.status, "outcome_unknown" in page.body) == (500, True), page.body

    read = failing.call("GET", "cart", token=token)
    assert (read.status, read.code) == (500, "internal_error")
    assert log.read_text().count("RuntimeError: a fault of ours") >= 4
