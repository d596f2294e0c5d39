"""The plan's steps, merged with what the OpenAPI documents say of their operations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tools.clients.step import Shown, Step
from tools.openapi import inlined

Json = dict[str, Any]


class PlanError(Exception):
    """The plan and a document do not fit; the text says where."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document."""

    method: str
    path: str
    said: Json

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def example(self) -> Any:
        """The body that the document shows."""
        content = next(iter(self.said["requestBody"]["content"].values()))
        (example,) = content["examples"].values()
        return example["value"]

    @property
    def status(self) -> int:
        """The documented success; where several are, the first time's (201 before 200)."""
        return max(int(status) for status in self.said["responses"] if status.startswith("2"))


@dataclass(frozen=True, slots=True)
class Request:
    """A step with its operation: what a collection shows, and what it expects."""

    step: Step
    operation: Operation

    @property
    def name(self) -> str:
        return str(self.operation.said["summary"])

    @property
    def about(self) -> str:
        return str(self.operation.said.get("description", ""))

    @property
    def status(self) -> int:
        return self.step.status or self.operation.status

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All but the credentials."""
        typed = {"Content-Type": self.step.media_type} if self.step.text else {}
        return list((typed | dict(self.step.headers)).items())


@dataclass(frozen=True, slots=True)
class Folder:
    """The requests of one document, in order."""

    name: str
    about: str
    requests: Sequence[Request]


def folders(documents: Mapping[str, Json], plans: Mapping[str, Sequence[Step]]) -> list[Folder]:
    """One folder for each document. Raises PlanError unless the plan names all its operations."""
    return [_folder(document, plans[name]) for name, document in documents.items()]


def _folder(document: Json, plan: Sequence[Step]) -> Folder:
    operations = list(_operations(document))
    requests = [_request(step, operations) for step in plan]
    forgotten = {one.label for one in operations} - {one.operation.label for one in requests}
    if forgotten:
        raise PlanError(f"Not in the plan of tools/clients: {', '.join(sorted(forgotten))}")
    info = document["info"]
    return Folder(info["title"], info.get("description", ""), requests)


def _request(step: Step, operations: Sequence[Operation]) -> Request:
    operation = _operation_of(step, operations)
    if isinstance(step.body, Shown):
        step = replace(step, body=step.body.of(operation.example))
    return Request(step, operation)


def _operations(document: Json) -> Iterator[Operation]:
    for path, methods in inlined(document)["paths"].items():
        for method, said in methods.items():
            yield Operation(method.upper(), path, said)


def _operation_of(step: Step, operations: Sequence[Operation]) -> Operation:
    """A path that is spelled out goes before one with parameters: orders/current, orders/{id}."""
    fitting = [
        one
        for one in sorted(operations, key=lambda one: one.path.count("{"))
        if one.method == step.method
        and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(one.path)), step.path)
    ]
    if not fitting:
        raise PlanError(f"In the plan of tools/clients, but in no document: {step.request}")
    return fitting[0]


def member(keep: str, *, of: str) -> str:
    """The JavaScript for a member of an answer: "results.0.id", "users.-1.id"."""
    for part in keep.split("."):
        index = f"[{part}]" if part.isdigit() else f".{part}"
        of += ".slice(-1)[0]" if part == "-1" else index
    return of
