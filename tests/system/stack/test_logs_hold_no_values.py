"""No log of any program has personal data or secrets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg.errors import CheckViolation, UniqueViolation

from tests.server import Reply
from tests.system.faults.planted_secrets import found_in, lines_of
from tests.system.stack.front_door import FrontDoor
from tests.system.stack.sessions import session
from tools.processes import wait_until
from tools.stack import Stack

WRITTEN_SECONDS = 10.0
SLOW = "SELECT pg_sleep(1.2), %s"
TAKEN = "UPDATE customer SET username = %s WHERE username = %s"
CONTRADICTORY = "UPDATE customer SET deleted_at = now(), first_name = %s WHERE username = %s"


def marker(of: str) -> str:
    """A value that no program writes by chance."""
    return f"planted-{of}-9Kd3Vq7Rm2"


NAME, OTHER, FIRST_NAME, EMAIL, PHONE, STREET, QUERY, TOKEN, SLOW_VALUE = (
    marker(of)
    for of in ("name", "other", "first-name", "email", "phone", "street", "query", "token", "slow")
)
# Unlike the names: the rules for passwords refuse what is similar.
PASSWORD, WRONG, NEW = (f"{of}Xw4Gt8Jz6Bn1" for of in ("right", "false", "fresh"))
PERSON = {
    "username": NAME,
    "password": PASSWORD,
    "email": f"{EMAIL}@example.com",
    "first_name": FIRST_NAME,
}


def enter(front: FrontDoor) -> set[str]:
    """Registers two customers, one of them several times at once. Returns all secrets."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: front.call("POST", "auth/register", PERSON), range(4)))
    other = front.call("POST", "auth/register", {"username": OTHER, "password": PASSWORD})
    assert other.status == 201, other.body
    pair = front.call("POST", "auth/token", {"username": OTHER, "password": PASSWORD})
    made = front.call("POST", "auth/keys", {"name": "till"}, token=pair.body["access"])
    handed_out = {pair.body["access"], pair.body["refresh"], made.body["key"]}
    assert all(handed_out)
    return handed_out


def fail(front: FrontDoor) -> Iterator[Reply]:
    """Requests with personal data and secrets that are refused, in v1 and earlier contracts."""
    call, wrong = front.call, {"username": NAME, "password": WRONG}
    pair = call("POST", "auth/token", {"username": OTHER, "password": PASSWORD})
    token = pair.body["access"]
    yield call("POST", "auth/register", PERSON)
    yield call("POST", "auth/register", PERSON | {"username": f"{NAME}2"})
    for path in ("auth/token", "/auth/", "/api/token/", "/api/identity/token/"):
        yield call("POST", path, wrong)
    for change in ({"username": NAME.upper()}, {"email": f"{EMAIL}@EXAMPLE.com"}):
        yield call("PATCH", "me", change, token=token)
    change = {"current_password": WRONG, "new_password": NEW}
    yield call("POST", "auth/password/change", change, token=token)
    reset = {"token": TOKEN, "new_password": NEW}
    yield call("POST", "auth/password/reset/confirm", reset)
    address = {"name": NAME, "line1": STREET, "phone": PHONE, "city": "x", "country": "nowhere"}
    yield call("POST", "me/addresses", address, token=token)
    yield call("POST", "orders", {"lines": [], "ship_to": address}, token=token)
    yield call("GET", f"products?{urlencode({'limit': 'x', 'q': QUERY})}")
    yield call("GET", "me", headers={"Authorization": f"Bearer {TOKEN}"})


def fail_in_the_database(stack: Stack) -> None:
    """Statements that PostgreSQL logs: slow ones, and those that a constraint refuses."""
    with session(stack, "database_url") as behind:
        behind.execute(SLOW, [SLOW_VALUE])
        with pytest.raises(UniqueViolation):
            behind.execute(TAKEN, [NAME, OTHER])
        with pytest.raises(CheckViolation):
            behind.execute(CONTRADICTORY, [FIRST_NAME, NAME])


def with_a_wrong_password(stack: Stack) -> None:
    """Is refused by PgBouncer."""
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host=stack.addresses["pgbouncer"],
            port=6432,
            user="larder_app",
            password=WRONG,
            dbname="larder",
        )


def logs(stack: Stack) -> list[Path]:
    return [one.log.path for one in stack.processes.values()]


def secrets_of(stack: Stack) -> set[str]:
    """The passwords and keys of the set, and everything that the requests contain."""
    names = ("secret_key", "app_password", "owner_password", "postgres_password")
    kept = {(stack.folder / "secrets" / name).read_text().strip() for name in names}
    planted = {NAME, OTHER, PASSWORD, WRONG, NEW, FIRST_NAME, EMAIL, PHONE, STREET, QUERY, TOKEN}
    return {*kept, *planted, SLOW_VALUE, "argon2id"}


def found(stack: Stack, secrets: set[str]) -> list[str]:
    return found_in((line for log in logs(stack) for line in lines_of(log)), secrets)


def test_no_log_of_the_stack_has_secrets_or_personal_data(stack: Stack, front: FrontDoor) -> None:
    handed_out = enter(front)
    replies = list(fail(front))
    assert {one.status for one in replies} <= {400, 401, 403, 404, 409, 422, 429}
    fail_in_the_database(stack)
    with_a_wrong_password(stack)
    primary = stack["primary"].log.path

    def is_logged() -> bool:
        return all(
            expected in primary.read_text()
            for expected in ("customer_username_unique", "customer_deleted_is_nobody", "pg_sleep")
        )

    assert wait_until(is_logged, WRITTEN_SECONDS)
    assert {"primary.log", "pgbouncer.log", "nginx.log", "app1.log"} <= {
        log.name for log in logs(stack)
    }
    assert found(stack, secrets_of(stack) | handed_out) == []


def test_each_kind_of_leak_is_detected(stack: Stack, front: FrontDoor) -> None:
    """Tests the search: each program writes a marker."""
    leaks = {name: marker(f"leak-of-{name}") for name in ("primary", "nginx", "pgbouncer")}
    with session(stack, "database_url") as behind:
        psycopg.ClientCursor(behind).execute("SELECT pg_sleep(1.2), %s", [leaks["primary"]])
    front.call("GET", f"/{leaks['nginx']}")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host=stack.addresses["pgbouncer"],
            port=6432,
            user=leaks["pgbouncer"],
            password="x",
            dbname="larder",
        )

    def not_found() -> list[str]:
        where = " ".join(found(stack, set(leaks.values())))
        return [name for name in leaks if f"{name}.log" not in where]

    assert wait_until(lambda: not not_found(), WRITTEN_SECONDS), not_found()
