"""Fixtures for all tests: the database, people, products, a client, a running server."""

import gc
import json
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import import_module
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.template import Context, Template
from django.test import Client, TransactionTestCase
from django.test.signals import template_rendered
from hypothesis import settings

from larder.catalog.models import Product
from larder.catalog.services.products import create_product
from larder.core.ids import SYSTEM_ACTOR
from larder.http import authentication
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.hashers import BoundedArgon2PasswordHasher
from larder.identity.models import Customer
from larder.inventory.services.movements import open_stock
from larder.ops.books import invariants
from larder.orders.services import batches
from tests import database, tiers
from tests.server import Server

# Examples ask a real database, on machines that do other things as well: how long one takes says
# nothing. What is too slow fails by its own test, or by pytest's limit.
settings.register_profile("larder", deadline=None)
settings.load_profile("larder")

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MIGRATED = import_module("larder.identity.migrations.0002_rules").ROLES
ROLES = {role: frozenset(names) for role, names in MIGRATED.items()}
ROLES["owner"] |= {"relay.manage_endpoint"}
_numbers = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start a server, before the markers choose."""
    for item in items:
        tiers.mark(item)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Spares the modules and tests, which all stay, each later garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Know of each test whether it may start a server."""
    with tiers.running(item):
        return (yield)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> None:
    """Each test process has a copy of the prepared database."""
    with django_db_blocker.unblock():
        database.make_database()


@pytest.fixture(scope="session", autouse=True)
def _flush_as_owner() -> None:
    def flush(case: TransactionTestCase) -> None:
        database.empty_database()

    setattr(TransactionTestCase, "_fixture_teardown", flush)  # noqa: B010


@pytest.fixture
def _django_db_helper(_django_db_helper: None) -> None:
    """Lifts the limits of a transaction where a whole test is one: it is as long as the machine is
    busy."""
    if connection.in_atomic_block:
        limits = ["idle_in_transaction_session_timeout"]
        limits += ["transaction_timeout"] * (connection.connection.info.server_version >= 17_00_00)
        connection.cursor().execute(";".join(f"SET LOCAL {limit} = 0" for limit in limits))


@pytest.fixture(scope="session", autouse=True)
def _contexts_of_pages_alone(django_test_environment: None) -> None:
    """Django's client remembers the context of each template: here, of each page. A page of the
    admin renders a hundred and fifty others, whose contexts would be copied."""

    def render(template: Template, context: Context) -> str:
        if context.template is template:
            template_rendered.send(sender=template, template=template, context=context)
        return template.nodelist.render(context)

    setattr(Template, "_render", render)  # noqa: B010


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    """Forgets after each test what a process knows of requests, products and sessions.

    Products and customers of the next test may have the same ids. One process plays every method on
    every path: with all their series `/metrics` takes a second.
    """
    yield
    batches._server.clear()
    authentication.ENDED_SESSIONS._ended = frozenset()
    if instruments := sys.modules.get("larder.ops.telemetry.instruments"):
        instruments.REQUESTS.clear()
        instruments.DURATION.clear()


@pytest.fixture
def real_hashes() -> None:
    """Passwords are hashed with the parameters of production."""


@pytest.fixture(autouse=True)
def _cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes passwords with Argon2's least memory and time: 0.03 ms in place of 27 ms.

    Not with `real_hashes`, nor beside a server, which would write such hashes anew.
    """
    if not tiers.is_system() and "real_hashes" not in request.fixturenames:
        monkeypatch.setattr(BoundedArgon2PasswordHasher, "memory_cost", 8)
        monkeypatch.setattr(BoundedArgon2PasswordHasher, "time_cost", 1)


@pytest.fixture
def prepares() -> Iterator[None]:
    """The test prepares its database, and is the only one that does meanwhile."""
    with database.preparing_alone():
        yield


@pytest.fixture
def now() -> datetime:
    """A fixed moment."""
    return NOW


@dataclass(frozen=True, slots=True)
class Person:
    """A customer with their password."""

    customer: Customer
    password: str

    @property
    def id(self) -> int:
        return int(self.customer.pk)

    @property
    def caller(self) -> Caller:
        """The customer as a caller without a session."""
        who = self.customer
        return queries.with_rights(Caller(self.id, who.public_id, who.is_staff, session=None))


@pytest.fixture
def books_agree(transactional_db: None) -> Iterator[None]:
    """The invariants hold after the test."""
    yield
    assert [finding.invariant.name for finding in invariants.check().violated] == []


CLERK = "clerk"
"""A role of the tests: staff who may use the API, but for payments and accounts of staff."""

CLERK_PERMISSIONS = (ROLES["catalogue"] | ROLES["warehouse"] | ROLES["support"]) - {
    *("catalog.view_product", "catalog.view_category"),
    *("inventory.view_adjustment", "orders.confirm_order"),
    *("orders.record_payment", "orders.view_refunddue"),
}


def group(role: str) -> Group:
    """Returns the group of a role, and makes that of CLERK."""
    if role != CLERK:
        return Group.objects.get(name=role)
    clerks, is_new = Group.objects.get_or_create(name=CLERK)
    if is_new:
        clerks.permissions.add(*permission_ids())
    return clerks


@cache
def permission_ids() -> list[int]:
    """Returns the ids of CLERK_PERMISSIONS, which migrations add and no test changes."""
    ids = {
        f"{app}.{codename}": id
        for id, app, codename in Permission.objects.values_list(
            "id", "content_type__app_label", "codename"
        )
    }
    return [ids[name] for name in CLERK_PERMISSIONS]


@pytest.fixture
def person(db: None) -> Callable[..., Person]:
    """Makes customers and staff: `person()`, `person(is_staff=True)`, which may use all of the API,
    `person(is_staff=True, role="viewer")`, `person(is_staff=True, role=None)`."""

    def make(
        username: str = "",
        password: str = "correct horse",
        role: str | None = CLERK,
        **fields: Any,
    ) -> Person:
        name = username or f"customer {next(_numbers)}"
        customer = Customer.objects.create_user(name, password, **fields)
        if customer.is_staff and not customer.is_superuser and role is not None:
            customer.groups.add(group(role))
        return Person(customer, password)

    return make


def add_products(number: int, *, now: datetime) -> list[int]:
    """Adds products without stock in a few statements. Returns their ids."""
    times = {"created_at": now, "updated_at": now}
    rows = [
        Product(sku=f"M-{n:04}", name=f"Product {n}", price=Decimal("1.25"), **times)
        for n in range(number)
    ]
    return [product.pk for product in Product.objects.bulk_create(rows)]


@pytest.fixture
def product(db: None, now: datetime) -> Callable[..., int]:
    """Makes products and returns their ids: `product(stock=5, price="2.20")`."""

    def make(*, stock: int = 10, price: str = "1.50", **fields: Any) -> int:
        number = next(_numbers)
        defaults = {"sku": f"SKU-{number}", "name": f"Product {number}", "price": Decimal(price)}
        product = create_product(defaults | fields, caller=None, now=now)
        open_stock({product: stock}, actor=SYSTEM_ACTOR, now=now)
        return product

    return make


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered."""

    status: int
    body: Any
    headers: dict[str, str]


class Api:
    """A client of v1 inside the test process."""

    def __init__(self, token: str | None = None) -> None:
        self._client = Client(raise_request_exception=False)
        self._token = token

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        **headers: str,
    ) -> Answer:
        if self._token:
            headers.setdefault("Authorization", f"Bearer {self._token}")
        data = body if isinstance(body, bytes | str) else json.dumps(body) if body else ""
        full = path if path.startswith("/") else f"/api/v1/{path}"
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self._client.generic(method, full, data, content_type, headers=names)
        # The parts of a stream come on an event loop.
        raw = b"" if getattr(response, "is_async", False) else response.getvalue()
        is_json = "json" in response.headers.get("Content-Type", "")
        parsed = json.loads(raw) if raw and is_json else raw or None
        return Answer(response.status_code, parsed, dict(response.headers))


@pytest.fixture
def api() -> Api:
    """v1 without a token."""
    return Api()


@pytest.fixture
def as_(db: None) -> Callable[[Person], Api]:
    """v1 as a person: `as_(person())("GET", "me")`."""

    def log_in(who: Person) -> Api:
        credentials = {"username": who.customer.username, "password": who.password}
        answer = Api()("POST", "auth/token", credentials)
        assert answer.status == 200, answer.body
        return Api(answer.body["access"])

    return log_in


@pytest.fixture
def customer(person: Callable[..., Person], as_: Callable[[Person], Api]) -> Api:
    """v1 as some customer."""
    return as_(person())


@pytest.fixture
def staff(person: Callable[..., Person], as_: Callable[[Person], Api]) -> Api:
    """v1 as a member of staff."""
    return as_(person(is_staff=True))


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    """A real server (two workers) on this test's database."""
    with Server(workers=2) as running:
        yield running
