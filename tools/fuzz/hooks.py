"""Hooks of schemathesis (SCHEMATHESIS_HOOKS): who sends the requests, and what exists.

A random product id is an unknown product. So before three of four requests, ids and names in the
path and the body are replaced by those of what the sender has. A request may end its sender's
account, archive their product, or use up their token: then another account goes on.

FUZZ_ROLE and FUZZ_BASE_URL say as whom the requests are sent, and where.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from random import Random
from typing import Any

import django
import schemathesis
from schemathesis import HookContext, Response

from tools.http_client import Client

ROLE = os.environ["FUZZ_ROLE"]
USED_UP = ("/submit", "/cancel", "/pack", "/refresh", "/revoke", "/change", "/confirm")
PASSWORD = "a password for fuzzing"
FRESH_SECONDS = 200.0
"""Access tokens live 300 seconds."""
STOCK = 1_000_000
KINDS = ("product", "order", "customer", "user", "key", "address", "session")

Case = schemathesis.Case[Any]
client = Client(0, url=os.environ["FUZZ_BASE_URL"])
chance = Random(1)  # noqa: S311


@dataclass
class Person:
    """A new account, and the ids of what it has: numbers and UUIDs by kind."""

    username: str
    numbers: dict[str, int] = field(default_factory=dict)
    uuids: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that has to succeed; return the answer's body."""
        reply = client.insist(method, path, body, token=self.texts.get("token"), seconds=20)
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{method} {path} was refused: {reply.status} {reply.body}")
        return reply.body

    def settle(self) -> None:
        """Log in, and get orders, a cart, a key and an address."""
        self.texts = {"username": self.username, "password": PASSWORD}
        pair = self.ask("POST", "auth/token", dict(self.texts))
        self.texts |= {"token": pair["access"], "refresh": pair["refresh"]}
        me = self.ask("GET", "me")
        self.numbers["customer"], self.uuids["customer"] = me["id"], me["public_id"]
        self.uuids["key"] = self.ask("POST", "auth/keys", {})["id"]
        self.uuids["session"] = self.ask("GET", "me/sessions")["results"][-1]["id"]
        self.uuids["address"] = self.ask("POST", "me/addresses", {})["id"]
        product = self.numbers["product"]
        order = self.ask("POST", "orders", {"lines": [{"product": product, "quantity": 3}]})
        self.numbers["order"], self.uuids["order"] = order["number"], order["id"]
        draft = self.ask("POST", f"/products/{product}/add_to_order/", {})
        self.numbers["draft"] = draft["order_id"]

    def in_path(self, path: str, value: Any) -> Any:
        """Return what a path leads to in place of a random number or UUID."""
        kind = next((kind for kind in KINDS if kind in path), "")
        kind = {"user": "customer"}.get(kind, kind)
        if isinstance(value, int):
            kind = "draft" if kind == "order" and path.startswith("/orders/") else kind
            return self.numbers.get(kind, value)
        return self.uuids.get(kind, value)

    def in_body(self, node: Any) -> Any:
        """Return a body with the person's name, password, tokens and product in it."""
        if isinstance(node, list):
            return [self.in_body(each) for each in node]
        if not isinstance(node, dict):
            return node
        return {name: self._member(name, value) for name, value in node.items()}

    def _member(self, name: str, value: Any) -> Any:
        if name in {"id", "product"}:
            if isinstance(value, int):
                return self.numbers["product"]
            return self.uuids["product"] if isinstance(value, str) else self.in_body(value)
        name = {"current_password": "password", "password2": "password"}.get(name, name)
        return self.texts.get(name, value) if isinstance(value, str) else self.in_body(value)


def somebody_new() -> Person:
    """Return another account with a product of its own, made in the database: no API makes
    staff, and what others do to the shop's products must not end a run."""
    django.setup()
    from larder.catalog.queries import public_ids
    from larder.identity.services.accounts import ensure_account
    from larder.inventory.services.products import Author, create_stocked_product

    person = Person(f"fuzz {secrets.token_hex(4)}")
    ensure_account(person.username, PASSWORD, superuser=ROLE == "staff")
    fields, author = (
        {"name": person.username, "price": Decimal("2.55")},
        Author(None, datetime.now(UTC)),
    )
    product = create_stocked_product(fields, quantity=STOCK, author=author).id
    person.numbers["product"] = product
    person.uuids["product"] = str(public_ids([product])[product])
    person.settle()
    return person


_present = [somebody_new()]


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Put what the sender has into the request, and say who is asking."""
    if time.monotonic() - _present[0].since > FRESH_SECONDS:
        _present[0] = somebody_new()
    person = _present[0]
    if chance.random() < 0.75:
        path = case.operation.path
        case.path_parameters = {
            name: person.in_path(path, value)
            for name, value in (case.path_parameters or {}).items()
        }
        case.body = person.in_body(case.body)
    pair = base64.b64encode(f"{person.username}:{PASSWORD}".encode()).decode()
    by_password = case.operation.path == "/token/"
    token = f"Bearer {person.texts['token']}"
    case.headers["Authorization"] = f"Basic {pair}" if by_password else token


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Response) -> None:
    """Go on as another client where something is gone."""
    is_refused = response.status_code == HTTPStatus.UNAUTHORIZED
    is_used_up = response.status_code < HTTPStatus.BAD_REQUEST and (
        case.method == "DELETE" or case.operation.path.rstrip("/").endswith(USED_UP)
    )
    if is_used_up or (is_refused and case.operation.definition.raw.get("security")):
        _present[0] = somebody_new()
