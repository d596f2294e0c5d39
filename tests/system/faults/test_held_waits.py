"""A wait with a connection raises in a strict process, in v1, the earlier contracts and the admin;
otherwise it is logged."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Lock

import pytest
from django.db import connection, transaction

from larder.core import waits
from larder.core.per_key import Turns
from larder.core.waits import ConnectionHeld
from larder.db import database
from larder.identity.models import Customer
from tests.server import Server
from tests.system.faults.desk import Desk
from tests.system.faults.shop import PASSWORD

TEA = {"name": "Tea", "price": "3.00", "description": "", "quantity_in_stock": 4}


@contextmanager
def serving(folder: Path, *, strict: bool) -> Iterator[tuple[Server, Path]]:
    """Gives a server whose transactions wait, and its log."""
    options = {"STRICT_WAITS": str(int(strict)), "WAITS": str(folder / "waits"), "COMPAT": "4"}
    application, log = "tests.system.faults.held_waits:application", folder / "log"
    with Server(workers=1, environment=options, application=application, errors=log) as running:
        yield running, log


def statuses(server: Server, folder: Path, jam: int) -> dict[str, int]:
    """The status of a change through v1, a contract and the admin, while transactions wait."""
    name = f"staff {secrets.token_hex(4)}"
    account = {"username": name, "password": PASSWORD}
    assert server.call("POST", "auth/register", account).status == 201
    Customer.objects.filter(username=name).update(is_staff=True, is_superuser=True)
    token, desk = server.token(name, PASSWORD), Desk(server, name)
    form = desk.open(f"catalog/product/{jam}/change/")
    (folder / "waits").touch()
    return {
        "v1": server.call("PUT", f"cart/lines/{jam}", {"quantity": 1}, token=token).status,
        "contract 4": server.call("POST", "/products/", TEA, token=token).status,
        "admin": desk.send(f"catalog/product/{jam}/change/", form | {"unit": "jar"}).status,
    }


def test_a_wait_in_a_transaction_raises_in_a_strict_server(
    tmp_path: Path, transactional_db: None, product: Callable[..., int]
) -> None:
    with serving(tmp_path, strict=True) as (server, log):
        found = statuses(server, tmp_path, product())
    assert found == dict.fromkeys(("v1", "contract 4", "admin"), 500)
    assert log.read_text().count("ConnectionHeld: A thread may wait here") >= len(found)


def test_a_wait_in_a_transaction_is_logged_in_another_server(
    tmp_path: Path, transactional_db: None, product: Callable[..., int]
) -> None:
    with serving(tmp_path, strict=False) as (server, log):
        found = statuses(server, tmp_path, product())
    assert found == {"v1": 200, "contract 4": 201, "admin": 302}
    assert log.read_text().count("A thread waits while it keeps a connection") >= len(found)


WAITS: dict[str, Callable[[], object]] = {
    "a free lock": lambda: waits.acquire(Lock(), 1),
    "a free lock for a block": lambda: ExitStack().enter_context(waits.holding(Lock(), 1)),
    "an event": lambda: waits.wait(Event(), 0),
    "its beginning": waits.begin,
    "a turn": lambda: ExitStack().enter_context(Turns(1, 1).turn()),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_wait_is_allowed_only_in_the_transaction_of_the_test(
    db: None, wait: Callable[[], object]
) -> None:
    database.rows("SELECT 1")
    wait()
    with transaction.atomic():
        database.rows("SELECT 1")
        with pytest.raises(ConnectionHeld, match="a connection to default"):
            wait()


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_wait_is_refused_in_a_read_from_a_chosen_database(
    transactional_db: None, wait: Callable[[], object]
) -> None:
    with database.reading_from("default"):
        database.rows("SELECT 1")
        with pytest.raises(ConnectionHeld):
            wait()


def test_a_wait_returns_the_connection_to_the_pool(transactional_db: None) -> None:
    database.rows("SELECT 1")
    waits.wait(Event(), 0)
    assert connection.connection is None
