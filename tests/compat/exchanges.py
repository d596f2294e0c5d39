"""Plays recorded exchanges of the earlier contracts: requests, and the answers that they must get.

An exchange is a list of steps: a person or a product that the shop has, or a request. A file of
`exchanges/` holds those of one subject, each under a sentence about it. Values that differ in each
run (ids, tokens, times) are names in braces, by the order in which they appeared.

`RECORD=1 pytest tests/compat/test_exchanges.py` writes the answers anew: look at the difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from django.test import Client

from larder.catalog import queries
from tests.conftest import Person
from tests.http.conftest import token_for

FOLDER = Path(__file__).with_name("exchanges")
HEADERS = ("WWW-Authenticate", "Location", "Allow", "Idempotency-Replayed")
"""The headers of an answer that belong to a contract."""
VARIABLE = re.compile(
    r"(?P<token>eyJ[\w-]+\.[\w-]+\.[\w-]+)"
    r"|(?P<uuid>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{32}\b)"
    r"|(?P<key>\b[0-9a-f]{40}\b)"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"
)

Step = dict[str, Any]


@cache
def exchanges(file: Path) -> dict[str, list[Step]]:
    """Return the exchanges of a file by their sentences."""
    read: dict[str, list[Step]] = json.loads(file.read_text("utf-8"))
    return read


@dataclass
class Player:
    """Plays one exchange in a shop of its own."""

    person: Callable[..., Person]
    product: Callable[..., int]
    client: Client = field(default_factory=partial(Client, raise_request_exception=False))
    people: list[Person] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """The names of variable values."""
    sent: set[str] = field(default_factory=set)
    """Values that a client chose: they are the same in each run."""

    def play(self, step: Step) -> Step:
        """Carry out a step; return it with the answer that came."""
        if "person" in step:
            self.people.append(self.person(**step["person"]))
            self._note(str(self.people[-1].customer.public_id), "person")
            return step
        if "product" in step:
            product = self.product(**step["product"])
            self._note(str(queries.public_ids([product])[product]), "product")
            return step
        return {**step, "answer": self._answer(step)}

    def _answer(self, step: Step) -> Step:
        method, path = self._filled(step["send"]).split(" ", 1)
        body, headers = step.get("body", {}), dict(step.get("headers", {}))
        content_type = headers.pop("Content-Type", "application/json")
        data = body.get("raw", json.dumps(body["json"]) if "json" in body else "")
        if "authorization" in step:
            headers["Authorization"] = self._filled(step["authorization"])
        if "as" in step:
            (who,) = [person for person in self.people if person.id == step["as"]]
            headers["Authorization"] = f"Bearer {token_for(who)}"
        headers = {name: self._filled(value) for name, value in headers.items()}
        self.client.cookies.clear()
        response = self.client.generic(
            method, path, self._filled(data), content_type, headers=headers
        )
        answer: Step = {"status": response.status_code}
        answer |= {name: response[name] for name in HEADERS if name in response}
        raw = response.getvalue().decode()
        if "json" in response.get("Content-Type", ""):
            answer["body"] = json.loads(raw)
        elif raw and "html" not in response.get("Content-Type", ""):
            answer["text"] = raw
        named: Step = self._named(answer)
        return named

    def _note(self, value: str, kind: str) -> str:
        plain = value.replace("-", "")
        if plain not in self.names:
            count = sum(name.startswith(f"{{{kind} ") for name in self.names.values())
            self.names[plain] = f"{{{kind} {count + 1}}}"
        return self.names[plain]

    def _filled(self, text: str) -> str:
        """Return a text with the values of this run in place of their names."""
        values = {name: plain for plain, name in self.names.items()}
        for name, plain in values.items():
            if f"{name[:-1]} hex}}" in text:
                text = text.replace(f"{name[:-1]} hex}}", plain)
            value = plain
            if name.startswith(("{uuid", "{person", "{product")) and len(plain) == 32:
                value = f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"
            text = text.replace(name, value)
        self.sent |= {match[0].replace("-", "") for match in VARIABLE.finditer(text)}
        return text

    def _named(self, answer: Any) -> Any:
        """Return an answer with names in place of the values that differ in each run."""
        text = json.dumps(answer, ensure_ascii=False).replace("http://testserver", "{shop}")

        def name(match: re.Match[str]) -> str:
            kind, value = str(match.lastgroup), match[0]
            if kind == "time":
                return "{time}"
            plain = value.replace("-", "")
            if plain in self.sent and plain not in self.names:
                return value
            noted = self._note(value, kind)
            return noted if "-" in value or kind != "uuid" else f"{noted[:-1]} hex}}"

        return json.loads(VARIABLE.sub(name, text))


def write(file: Path, exchanges: dict[str, list[Step]]) -> None:
    """Write a file of exchanges, a line for each step."""
    parts = []
    for sentence, steps in exchanges.items():
        lines = ",\n".join(json.dumps(step, ensure_ascii=False) for step in steps)
        parts.append(f"{json.dumps(sentence)}: [\n{lines}\n]")
    file.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")
