"""A full disk with a server's log and its temporary files."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Person
from tests.ops.samples import numbers
from tests.server import Server
from tests.system.faults.load import Load
from tests.system.faults.processes import RESPAWN, workers

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]

STOCK = 1_000_000
ORDERS = 60


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes; skipped where none may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("nothing may be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    """Use up every byte."""
    with suppress(OSError), (disk / "ballast").open("ab", 0) as ballast:
        while ballast.write(bytes(4096)):
            pass
    assert os.statvfs(disk).f_bavail == 0


def served(disk: Path) -> Server:
    """Two workers with their log and temporary files on that disk."""
    environment = {"TMPDIR": str(disk), "LOG_LEVEL": "INFO"}
    return Server(environment=environment, options=RESPAWN, errors=disk / "log")


def ask_for_much(server: Server, token: str) -> None:
    """Requests of many kinds, each of which needs separate counters."""
    for path in ("products", "orders", "cart", "me", "me/sessions", "categories", "me/addresses"):
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH"):
            assert server.call(method, path, token=token).status < 500
            server.hang_up()


def test_a_full_disk_under_load_ends_no_process_and_loses_no_answer(
    transactional_db: None, person: MakePerson, product: MakeProduct, disk: Path
) -> None:
    jam, who = product(stock=STOCK), person()
    with served(disk) as server:
        token, before = server.token(who.customer.username, who.password), workers(server)
        load = Load(server, token, jam, later=frozenset())
        with load.running(16):
            load.wait_for(ORDERS)
            fill(disk)
            ask_for_much(server, token)
            load.wait_for(ORDERS)
        assert (load.repeated, workers(server)) == (0, before)
        placed = server.call("GET", "orders?count=true&limit=1", token=token).body["count"]
        assert placed == len(load.acknowledged)
        assert numbers(server.call("GET", "/metrics").body.decode())
