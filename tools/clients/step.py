"""A step of the plan: one request, as a person would send it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ANONYMOUS = ""
CUSTOMER, STAFF, GUEST = "Bearer {{access}}", "Bearer {{staff_access}}", "Bearer {{guest_access}}"
KEY, STAFF_KEY = "Token {{key}}", "Token {{staff_key}}"
PASSWORD, STAFF_PASSWORD = "Basic {{username}}", "Basic {{staff_username}}"
"""Whose credentials a request carries: a token's or key's variable, or a name with its password.

A guest is a customer registered by the collection itself, to be deleted again.
"""

VARIABLES = {
    "base_url": "http://127.0.0.1:8000",
    "username": "demo",
    "password": "demo",
    "staff_username": "admin",
    "staff_password": "12345",
    "guest_password": "correct horse battery staple",
    "new_password": "another horse battery staple",
    "reset_token": "from the mail",
}
"""What is set before the first request: the users of `make run`."""

_NUMBER = re.compile(r'"#(\{\{\w+\}\})"')


@dataclass(frozen=True, slots=True)
class Shown:
    """The body that the operation's document shows as its example; `instead` is what is in
    the place of its members of these names, wherever they are, or of parts of its text."""

    instead: Mapping[str, str] = field(default_factory=dict)

    def of(self, example: Any) -> Any:
        """The example with what is in it instead."""
        if isinstance(example, dict):
            return {name: self.instead.get(name, self.of(one)) for name, one in example.items()}
        if isinstance(example, list):
            return [self.of(one) for one in example]
        for part, other in self.instead.items() if isinstance(example, str) else ():
            example = example.replace(part, other)
        return example


@dataclass(frozen=True, slots=True)
class Step:
    """`request` is "GET /api/v1/products?limit=2"; {{name}} in it and in the body is a variable.

    {{$guid}} is a new UUID. A body may be what the document shows (`Shown`). One that is text is
    sent as it is, as the Content-Type in `headers` says. In the body "#{{name}}" is a number.
    `keeps` says which members of the answer ("results.0.id"; -1 is the last) become which
    variables. `status` is expected in place of the operation's success.
    """

    request: str
    by: str = CUSTOMER
    body: Any = None
    keeps: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None

    @property
    def method(self) -> str:
        return self.request.partition(" ")[0]

    @property
    def target(self) -> str:
        """Path and query."""
        return self.request.partition(" ")[2]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def media_type(self) -> str:
        """What the body is."""
        return self.headers.get("Content-Type", "application/json")

    @property
    def text(self) -> str:
        """The body as it is typed; empty without one."""
        if self.body is None:
            return ""
        if isinstance(self.body, str):
            return self.body
        return _NUMBER.sub(r"\1", json.dumps(self.body, indent=2, ensure_ascii=False))
