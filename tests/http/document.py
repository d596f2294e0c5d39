"""Checks real answers against the OpenAPI document."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from jsonschema_rs import Draft202012Validator

from tests.conftest import Answer
from tools.openapi import PROBLEM
from tools.openapi_document import document
from tools.openapi_parts import kinds

SPELLINGS = {
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z",
    "date": r"\d{4}-\d\d-\d\d",
    "uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "uri": "https?://.+",
    "email": "(.+@.+)?",
}
"""How the API writes what JSON has no type for: times in UTC alone, ids in small letters."""


def _spelled(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


FORMATS = {name: _spelled(pattern) for name, pattern in SPELLINGS.items()}

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One method of one path, and the document it is in."""

    method: str
    path: str
    said: dict[str, Any]
    whole: dict[str, Any] = field(repr=False)
    _validators: dict[int, Draft202012Validator] = field(default_factory=dict, repr=False)
    """Of the answers with a status: made once."""

    @property
    def name(self) -> str:
        return str(self.said["operationId"])

    def is_of(self, method: str, path: str) -> bool:
        """Whether a request is one for this operation; HEAD goes where GET goes."""
        name = "get" if method == "HEAD" else method.lower()
        return self.method == name and self._pattern.fullmatch(path) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{\w+\}", "[^/]+", self.path))

    def judge(self, method: str, answer: Answer) -> None:
        """Raises AssertionError unless the document has this very answer."""
        said = self.said["responses"].get(str(answer.status))
        assert said, f"{self.name} does not say that it can answer {answer.status}"
        self._judge_headers(said, answer)
        if "content" not in said:
            assert answer.body is None
            return
        ((media_type, content),) = said["content"].items()
        assert answer.headers["Content-Type"] == media_type
        if method == "HEAD" or "json" not in media_type:
            return
        validator = self._validator(answer.status, content["schema"])
        faults = [fault.message for fault in validator.iter_errors(answer.body)]
        assert not faults, f"{self.name}, {answer.status}: {faults} in {answer.body}"
        if media_type == PROBLEM:
            codes = said["description"].split(", ")
            assert answer.body["code"] in codes, f"{self.name}: {answer.body['code']} is not said"

    def _judge_headers(self, said: dict[str, Any], answer: Answer) -> None:
        for name, header in said.get("headers", {}).items():
            assert not header.get("required") or name in answer.headers, f"{self.name}: no {name}"
            pattern = header["schema"].get("pattern")
            if pattern and name in answer.headers:
                assert re.fullmatch(pattern, answer.headers[name]), (name, answer.headers[name])

    def _validator(self, status: int, schema: dict[str, Any]) -> Draft202012Validator:
        if status not in self._validators:
            judged = {**schema, "components": self.whole["components"]}
            self._validators[status] = Draft202012Validator(
                judged, formats=FORMATS, validate_formats=True
            )
        return self._validators[status]


@cache
def whole() -> dict[str, Any]:
    """Returns the document with `additionalProperties` false for all objects."""
    said: dict[str, Any] = json.loads(json.dumps(document()))
    for shape in said["components"]["schemas"].values():
        shape.setdefault("additionalProperties", False)
    return said


@cache
def operations() -> tuple[Operation, ...]:
    """All operations of the document."""
    return tuple(_operations(whole()))


def _operations(said: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in said["paths"].items():
        for method in METHODS:
            if method in methods:
                yield Operation(method, path, methods[method], said)


def operation_of(method: str, path: str) -> Operation | None:
    """The operation that a request is one for. A path that is written out goes before one with
    a place for anything."""
    matching = [operation for operation in operations() if operation.is_of(method, path)]
    return min(matching, key=lambda match: match.path.count("{"), default=None)


def judge(method: str, path: str, answer: Answer) -> None:
    """Raises AssertionError unless the document has the answer; for a path outside of it, unless
    the answer follows the rule for all refusals."""
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["Correlation-ID"])
    assert answer.status < 500, answer.body
    operation = operation_of(method, path.partition("?")[0])
    if operation is not None:
        operation.judge(method, answer)
    elif answer.status >= 400:
        judge_problem(method, answer)


def judge_problem(method: str, answer: Answer) -> None:
    """Raises AssertionError unless the answer is a problem with a code of ours."""
    assert answer.headers["Content-Type"] == PROBLEM, answer
    if method == "HEAD":
        return
    said = answer.body
    assert said["code"] in kinds()
    assert (said["status"], kinds()[said["code"]].status) == (answer.status, answer.status)
    assert said["correlation_id"] == answer.headers["Correlation-ID"]
    assert said["type"].endswith(f"/api/v1/problems/{said['code']}")
    assert answer.status != 401 or answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.status != 405 or answer.headers["Allow"]


Document = dict[str, Any]


Change = Callable[[Document], Any]
