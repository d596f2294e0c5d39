"""Plays a document's plan: before each valid request its variants, then the request itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import UUID

from tools.behaviour import normal, variants
from tools.behaviour.call import Answer, Call, send
from tools.clients.requests import Folder, Request
from tools.clients.step import VARIABLES

SEED = 1


@dataclass
class Player:
    """One run against the server at this port; variables live as long as it does."""

    port: int
    variables: dict[str, str] = field(default_factory=lambda: dict(VARIABLES))
    sent: set[str] = field(default_factory=set)
    """Ids that we made ourselves: they are the same in each run."""
    _varied: set[str] = field(default_factory=set)
    _random: Random = field(default_factory=lambda: Random(SEED))  # noqa: S311

    def play(self, folder: Folder) -> Iterator[str]:
        """Yield each request with its answer, as text."""
        documented = _methods(folder)
        for request in folder.requests:
            for name, call in self._variants(request, documented):
                yield self.shown(f"{request.operation.label}, {name}", call)
            yield from self._valid(request, self.call(request))

    def _variants(
        self, request: Request, documented: Mapping[str, frozenset[str]]
    ) -> Iterator[tuple[str, Call]]:
        """Yield the variants of each path, and of each operation, once."""
        valid, operation = self.call(request), request.operation
        if operation.path not in self._varied:
            self._varied.add(operation.path)
            yield from variants.of_path(valid, documented[operation.path])
        if operation.label not in self._varied:
            self._varied.add(operation.label)
            yield from variants.of(valid, operation.said.get("parameters", []), operation.path)

    def _valid(self, request: Request, call: Call) -> Iterator[str]:
        """Send the request, again, and again on condition that its answer is still the same."""
        label = request.operation.label
        answer = send(self.port, call)
        yield self.written(label, call, answer)
        self._keep(request, answer)
        yield self.shown(f"{label}, again", call)
        if etag := answer.header("etag"):
            for header in ("If-None-Match", "If-Match"):
                yield self.shown(f"{label}, {header} its ETag", call.with_header(header, etag))

    def shown(self, label: str, call: Call) -> str:
        """Send a request; return it with its answer, as text."""
        return self.written(label, call, send(self.port, call))

    def written(self, label: str, call: Call, answer: Answer) -> str:
        """Return a request with its answer, as text."""
        kept = frozenset(self.sent)
        body = "" if call.body is None else f"> {normal.text(call.body, kept)[:300]}\n"
        request = f"> {call.method} {normal.text(call.target, kept)}\n{body}"
        return f"## {normal.text(label, kept)}\n{request}{normal.answer(answer, kept)}\n"

    def call(self, request: Request) -> Call:
        """Return the request of a step with the variables of now."""
        step = request.step
        headers = {name: self.filled(value) for name, value in request.headers}
        if step.by:
            headers["Authorization"] = self._credentials(self.filled(step.by))
        target = quote(self.filled(step.target), safe="/?&=%-")
        return Call(step.method, target, headers, self.filled(step.text) if step.text else None)

    def _credentials(self, said: str) -> str:
        scheme, _, name = said.partition(" ")
        if scheme != "Basic":
            return said
        password = {"demo": "password", "admin": "staff_password"}[name]
        pair = f"{name}:{self.variables[password]}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def filled(self, text: str) -> str:
        """Return the text with the values of its variables; an unknown one has no value."""
        text = re.sub(r"\{\{\$guid\}\}", lambda _: self._new_id(), text)
        return re.sub(r"\{\{(\w+)\}\}", lambda found: self.variables.get(found[1], "none"), text)

    def _new_id(self) -> str:
        made = str(UUID(int=self._random.getrandbits(128), version=4))
        self.sent.add(made)
        return made

    def _keep(self, request: Request, answer: Answer) -> None:
        for name, path in request.step.keeps.items():
            if (value := _member(answer.parsed, path)) is not None:
                self.variables[name] = str(value)


def _methods(folder: Folder) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for request in folder.requests:
        found.setdefault(request.operation.path, set()).add(request.operation.method)
    return {path: frozenset(methods) for path, methods in found.items()}


def _member(body: Any, path: str) -> Any:
    """Return the member of an answer that `results.0.id` names; None if there is none."""
    for part in path.split("."):
        try:
            body = body[int(part)] if isinstance(body, list) else body[part]
        except (LookupError, TypeError):
            return None
    return body
