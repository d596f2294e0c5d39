"""Sets the stage: a run's own products and accounts, made through the API like any account's."""

from __future__ import annotations

import http.client
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from tools.errors import LauncherError
from tools.replay import demand
from tools.replay.clients import Account, Crew, expect, persist
from tools.replay.demand import Demand
from tools.replay.options import Options
from tools.replay.wire import Line, Request

Thing = TypeVar("Thing")


class Progress(Protocol):
    """Shows how far something is while it is iterated over."""

    def __call__(self, name: str, things: Iterable[Thing], total: int) -> Iterable[Thing]: ...


@dataclass(frozen=True)
class Product:
    """A product of this run."""

    id: int
    price: Decimal
    opening: int


@dataclass(frozen=True)
class Stage:
    """Everything a run made: products by real SKU, accounts by real customer."""

    run: str
    base_url: str
    staff: Account
    products: Mapping[str, Product]
    accounts: Mapping[str, Account]


def greet(line: Line) -> None:
    """Make sure that a shop answers; LauncherError says what to do when none does."""
    try:
        answer = line.call(Request("GET", "/readyz"))
    except (OSError, http.client.HTTPException) as error:
        raise LauncherError(
            f"No server answers at BASE_URL ({error}): start one with `make run`."
        ) from None
    if answer.status != 200:
        raise LauncherError(f"The server is not ready: {answer.body}")


def set_stage(options: Options, wanted: Demand, progress: Progress) -> Stage:
    """Add the products with their stock, register the accounts and log them in."""
    run = secrets.token_hex(3)
    staff = Account(options.staff_user, options.staff_password)
    with Line(options.base_url) as line:
        greet(line)
        staff.token(line)
    crew = Crew(options.base_url, options.customers)
    new = new_products(run, wanted, options.scarce)

    def add(line: Line, body: dict[str, Any]) -> Product:
        token = staff.token(line)
        request = Request("POST", "products", body, token, key=secrets.token_hex(8))
        answer = expect(persist(line, request), 201, f"adding product {body['sku']}")
        return Product(answer.body["id"], Decimal(body["price"]), body["quantity"])

    added = list(progress("Products", crew.each(add, list(new.values())), len(new)))
    people = wanted.customers
    fresh = [Account(f"{run} {one}", secrets.token_hex(12)) for one in people[: options.accounts]]
    opened = list(progress("Accounts", crew.each(register, fresh), len(fresh)))
    accounts = {one: opened[number % len(opened)] for number, one in enumerate(people)}
    return Stage(run, options.base_url, staff, dict(zip(new, added, strict=True)), accounts)


def new_products(run: str, wanted: Demand, scarce: float) -> dict[str, dict[str, Any]]:
    """Return what to send for each real SKU; the run's own SKUs begin with its name."""
    names = demand.names()
    return {
        sku: {
            "sku": f"{run}-{sku}",
            "name": names.get(sku, sku),
            "price": str(wanted.prices[sku]),
            "quantity": units,
        }
        for sku, units in wanted.stock(scarce).items()
    }


def register(line: Line, account: Account) -> Account:
    """Make an account and log in."""
    credentials = {"username": account.username, "password": account.password}
    request = Request("POST", "auth/register", credentials, key=secrets.token_hex(8))
    expect(persist(line, request), 201, f"registering {account.username}")
    account.token(line)
    return account


def clear_stage(stage: Stage, size: int, progress: Progress) -> None:
    """Take the run's products off sale; orders and accounts stay."""

    def archive(line: Line, product: Product) -> None:
        request = Request("DELETE", f"products/{product.id}", token=stage.staff.token(line))
        expect(persist(line, request), 204, "taking a product off sale")

    products = list(stage.products.values())
    list(progress("Off sale", Crew(stage.base_url, size).each(archive, products), len(products)))
