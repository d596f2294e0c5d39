"""The sender of the requests: a new account, and what it has."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import django

PASSWORD = "a password for fuzzing"
FRESH_SECONDS = 200.0
"""Access tokens live 300 seconds."""
WAIT_SECONDS = 20.0
STOCK = 1_000_000
UNITS = 3
"""In an order, for returns and shortages in part."""
TOKEN_PATHS = {
    "contract1": "/api/token/",
    "contract2": "/api/identity/token/",
    "contract3": "/api/token/",
}
"""Where tokens come from, for each document that is not v1: they are refreshed only there."""


@dataclass
class Person:
    """A customer or a member of staff; `real` is what stand-ins (stand_ins.NAMES) stand for."""

    base_url: str
    document: str
    username: str
    real: dict[str, Any] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    @property
    def fresh(self) -> bool:
        """Whether the tokens are good for a while yet."""
        return time.monotonic() - self._since < FRESH_SECONDS

    def authorization(self, *, by_password: bool) -> str:
        """The header's value: a password where nothing else will do, or else a live token."""
        if by_password:
            pair = f"{self.username}:{PASSWORD}".encode()
            return f"Basic {base64.b64encode(pair).decode()}"
        return f"Bearer {self.real['token']}"

    def completed(self, body: Any) -> Any:
        """A body with this person's name gets their password too: half of it opens nothing."""
        if not isinstance(body, dict) or "password" not in body:
            return body
        if "password2" in body and body["password"] == PASSWORD:
            return body | {"password2": PASSWORD}
        named = self.username in {str(body.get("username")), str(body.get("name"))}
        return body | {"password": PASSWORD} if named else body

    def settle(self, *, staff: bool) -> None:
        """Log in, and get orders, a cart, a key and an address."""
        credentials = {"username": self.username, "password": PASSWORD}
        token_path = TOKEN_PATHS.get(self.document, "/api/v1/auth/token")
        pair = self._call("POST", token_path, credentials)
        self.real |= credentials | {"token": pair["access"], "refresh": pair["refresh"]}
        me = self._call("GET", "/api/v1/me")
        self.real |= {"customer-number": me["id"], "customer-uuid": me["public_id"]}
        self.real["key-uuid"] = self._call("POST", "/api/v1/auth/keys", {})["id"]
        self.real["session-uuid"] = self._call("GET", "/api/v1/me/sessions")["results"][-1]["id"]
        self.real["address-uuid"] = self._call("POST", "/api/v1/me/addresses", {})["id"]
        self._order()
        draft = self._call("POST", f"/products/{self.real['product-number']}/add_to_order/")
        self.real["draft-number"] = draft["order_id"]
        self._forget_password()
        if staff:
            self._move_orders()

    def _forget_password(self) -> None:
        """What a mail would say, made in the database: none is read here."""
        from django.conf import settings

        from larder.identity.services import resets

        email, now = f"{secrets.token_hex(8)}@example.com", datetime.now(UTC)
        self._call("PATCH", "/api/v1/me", {"email": email})
        made: list[UUID] = []
        resets.request_reset(email, notify=made.append, now=now)
        invited = resets.invitation(made[0], secret=settings.SECRET_KEY, now=now)
        self.real["reset_token"] = invited.token if invited else ""

    def _order(self, *moves: str) -> str:
        """The id of an order of the product that is this person's own, moved so far."""
        line = {"product": self.real["product-number"], "quantity": UNITS}
        order = self._call("POST", "/api/v1/orders", {"lines": [line]})
        self.real |= {"order-number": order["number"], "order-uuid": order["id"]}
        for move in moves:
            self._call("POST", f"/api/v1/orders/{order['id']}/{move}")
        return str(order["id"])

    def _move_orders(self) -> None:
        """Only staff move orders on. Leaves the last one placed, for requests about any order."""
        self.real["packed-uuid"] = self._order("pack")
        self.real["shipped-uuid"] = self._order("pack", "ship")
        self._order()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's body. An overload (503) is waited for, any other refusal ends the run."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            status, said = self._ask(method, path, body)
            if status < HTTPStatus.BAD_REQUEST:
                return said
            if status != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                raise RuntimeError(f"{method} {path} was refused: {status} {said}")
            time.sleep(0.5)

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        where = urlsplit(self.base_url)
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
        headers = {"Content-Type": "application/json"}
        if "token" in self.real:
            headers["Authorization"] = f"Bearer {self.real['token']}"
        try:
            connection.request(method, path, json.dumps(body or {}), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def new_person(base_url: str, document: str, *, staff: bool) -> Person:
    """Another account and a product for no other request, made in the database (no API
    makes staff): what others do to the shop's products must not end a run."""
    django.setup()
    from larder.identity.services.accounts import ensure_account

    person = Person(base_url, document, f"fuzz {secrets.token_hex(4)}")
    ensure_account(person.username, PASSWORD, superuser=staff)
    person.real |= _new_product(person.username)
    person.settle(staff=staff)
    return person


def _new_product(name: str) -> dict[str, Any]:
    from larder.catalog.queries import public_ids
    from larder.inventory.services.authors import Author
    from larder.inventory.services.products import create_stocked_product

    fields = {"name": name, "price": Decimal("2.55")}
    now = datetime.now(UTC)
    made = create_stocked_product(fields, quantity=STOCK, author=Author(None, now))
    return {"product-number": made.id, "product-uuid": str(public_ids([made.id])[made.id])}
