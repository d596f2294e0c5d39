"""What docs/how-to/deployment.md says about a set that runs: backups, new passwords."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import Person
from tests.system.race.shops import PASSWORD
from tests.system.stack.front_door import FrontDoor, order
from tools.errors import LauncherError
from tools.processes import wait_until
from tools.stack import Stack
from tools.stack.stack import DEPLOY

MakePerson = Callable[[], Person]
MakeProduct = Callable[[int], int]
BACK_SECONDS = 60.0
"""Ten on a machine that has nothing else to do."""
SCRIPT = "/etc/postgresql/backup.sh"
NAMES = """PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") psql --host=/var/run/postgresql \\
    --username=postgres --tuples-only --no-align --command='SELECT datname FROM pg_database'"""
DAMAGES = {
    "cut off": "head -c 60000 /tmp/larder.dump",
    "a byte less": "head -c -1 /tmp/larder.dump",
    "nothing": "printf ''",
    "something else": "echo larder",
}
"""What prints a backup that is none any more."""


@contextmanager
def without(stack: Stack, front: FrontDoor, *services: str) -> Iterator[None]:
    """Stop these, the first one first; start them again, the last one first."""
    for name in services:
        stack[name].stop()
    yield
    for name in reversed(services):
        stack[name].start()
    assert wait_until(lambda: all(stack[name].healthy for name in services), BACK_SECONDS)
    front.hang_up()


def test_a_restored_backup_replaces_later_changes(
    stack: Stack, front: FrontDoor, customer: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(10), customer()
    name = who.customer.username
    body = {"username": name, "password": PASSWORD}
    stolen = front.call("POST", "auth/token", body).body["refresh"]
    token = front.token(name, PASSWORD)
    key = front.call("POST", "auth/keys", {"name": "till"}, token=token).body["key"]
    before, _ = order(front, token, jam)
    primary = stack["primary"]
    primary.run("sh", "-c", f"sh {SCRIPT} make >/tmp/larder.dump")
    after, _ = order(front, token, jam)
    with without(stack, front, "app1", "app2", "worker", "pgbouncer"):
        primary.run("sh", "-c", f"sh {SCRIPT} restore </tmp/larder.dump")
        (kept,) = {one for one in databases(stack) if one.startswith("larder_before_")}
        stack["migrate"].run("python", "manage.py", "prepare")
    token = front.token(name, PASSWORD)
    assert front.call("GET", f"orders/{before}", token=token).status == 200
    assert front.call("GET", f"orders/{after}", token=token).status == 404
    assert front.call("GET", f"products/{jam}", token=token).body["quantity"] == 9
    assert order(front, token, jam)
    assert front.call("POST", "auth/token/refresh", {"refresh": stolen}).status == 401
    assert front.call("GET", "me", headers={"Authorization": f"Token {key}"}).status == 401
    assert primary.run("sh", SCRIPT, "forget") == f"{kept} is gone.\n"
    assert kept not in databases(stack)


def databases(stack: Stack) -> set[str]:
    return set(stack["primary"].run("sh", "-c", NAMES).split())


def test_an_incomplete_backup_or_a_restore_during_service_changes_nothing(
    stack: Stack, front: FrontDoor, customer: MakePerson, product: MakeProduct
) -> None:
    jam, token = product(5), front.token(customer().customer.username, PASSWORD)
    primary, before = stack["primary"], databases(stack)
    primary.run("sh", "-c", f"sh {SCRIPT} make >/tmp/larder.dump")
    placed, _ = order(front, token, jam)
    for printed in DAMAGES.values():
        with pytest.raises(LauncherError):
            primary.run("sh", "-c", f"{printed} | sh {SCRIPT} restore")
        assert databases(stack) == before
    with pytest.raises(LauncherError, match="is being accessed by other users"):
        primary.run("sh", "-c", f"sh {SCRIPT} restore </tmp/larder.dump")
    assert databases(stack) == before
    assert front.call("GET", f"orders/{placed}", token=token).status == 200
    assert order(front, token, jam)


def test_all_programs_use_a_new_password_of_the_servers_role(
    stack: Stack, front: FrontDoor, customer: MakePerson, product: MakeProduct
) -> None:
    jam, token = product(5), front.token(customer().customer.username, PASSWORD)
    folder = stack.folder / "secrets"
    former = (folder / "app_password").read_text()
    (folder / "app_password").unlink()
    subprocess.run(["/bin/sh", DEPLOY / "secrets.sh", folder], check=True)
    assert (folder / "app_password").read_text() != former
    with without(stack, front, "app1", "app2", "worker", "pgbouncer"):
        stack["migrate"].furnish()
        stack["migrate"].run("python", "manage.py", "prepare")
    assert order(front, token, jam)
    ready = front.call("GET", "/readyz")
    assert ready.status == 200
    assert ready.body["replicas"]["replica1"]["away"] is False
