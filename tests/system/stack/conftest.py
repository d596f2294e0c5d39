"""The containers of deploy/compose, started once, and clients that use them through nginx."""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from larder.identity.models import Customer
from tests.conftest import Person
from tests.ops.operators import receivers
from tests.ops.receiver import Receiver, receiver
from tests.system.race.shops import HttpShop
from tests.system.stack.front_door import FrontDoor, requests
from tools.processes import wait_until
from tools.stack import Stack, programs

VARIABLES = {"RATE_LIMITS": "wide", "COMPAT": "0,1,2,3,4", "REGISTRATION": "open"}
PASSWORD = "a rather good one"
STAFF = "the manager"
WHOLE_SECONDS = 120.0
"""In which every program is back before a test. What is measured is shorter."""
_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each service has a separate address; so has each test that speaks to one."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.0/8"]))


@pytest.fixture(scope="session")
def operators() -> Iterator[Receiver]:
    """Receive what Alertmanager sends."""
    with receiver() as listening:
        yield listening


@pytest.fixture(scope="session")
def stack(operators: Receiver) -> Iterator[Stack]:
    """Everything but Grafana, as processes. At the end every unit is counted."""
    if packages := programs.missing():
        pytest.skip(f"apt-get install {' '.join(packages)}")
    with tempfile.TemporaryDirectory(prefix="larder-stack-") as folder:
        given = Path(folder) / "secrets"
        given.mkdir()
        (given / "alertmanager_config").write_text(receivers(operators))
        with Stack(Path(folder), VARIABLES) as running:
            yield running
            running["migrate"].run("python", "manage.py", "check_invariants")


@pytest.fixture(scope="session")
def front(stack: Stack) -> Iterator[FrontDoor]:
    """A client; a thread of it keeps a connection."""
    with FrontDoor(url=stack.url, certificate=stack.certificate) as client:
        yield client


@pytest.fixture(autouse=True)
def whole(stack: Stack, front: FrontDoor) -> None:
    """Wait until every program is back and nginx reaches both servers."""
    lasting = [one for one in stack.processes.values() if not one.service.once]
    assert wait_until(lambda: all(one.healthy for one in lasting), WHOLE_SECONDS)
    servers = {f"{stack.addresses[name]}:8000" for name in ("app1", "app2")}

    def chosen() -> set[str]:
        asked = [uuid4().hex for _ in range(4)]
        for one in asked:
            front.call("GET", "/livez", headers={"Correlation-ID": one})
        return {line["server"] for line in requests(stack) if line["correlation_id"] in asked}

    assert wait_until(lambda: servers <= chosen(), WHOLE_SECONDS)


@pytest.fixture
def shop(front: FrontDoor) -> Iterator[HttpShop]:
    """The races' view of nginx."""
    yield HttpShop(front)
    front.hang_up()


@pytest.fixture(scope="session")
def staff(stack: Stack, front: FrontDoor) -> Callable[[], str]:
    """Logs the manager in, who was made as the documentation says, and gives the token."""
    password = secrets.token_urlsafe()
    stack["migrate"].run(
        *("python", "manage.py", "createsuperuser", "--noinput", "--username", STAFF),
        environment={"DJANGO_SUPERUSER_PASSWORD": password},
    )
    return lambda: front.token(STAFF, password)


@pytest.fixture
def customer(front: FrontDoor) -> Callable[[], Person]:
    """Registers customers."""

    def register() -> Person:
        name = f"customer {next(_numbers)}"
        body = {"username": name, "password": PASSWORD}
        made = front.call("POST", "auth/register", body)
        assert made.status == 201, made.body
        return Person(Customer(id=made.body["id"], username=name), PASSWORD)

    return register


@pytest.fixture
def product(front: FrontDoor, staff: Callable[[], str]) -> Callable[[int], int]:
    """Makes products with an opening stock, as staff; gives their ids."""

    def make(stock: int) -> int:
        number = next(_numbers)
        body = {"sku": f"S-{number}", "name": f"Product {number}", "price": "2.50"}
        made = front.call("POST", "products", body | {"quantity": stock}, token=staff())
        assert made.status == 201, made.body
        return int(made.body["id"])

    return make
