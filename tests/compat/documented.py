"""Checks real answers against the OpenAPI document of an earlier contract."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from larder.compat import documents
from tests.compat.conftest import ApiClient
from tests.conftest import Answer
from tests.http.document import METHODS, Operation
from tests.server import Reply


@cache
def operations(contract: str) -> Sequence[Operation]:
    """The operations of a contract; those without a parameter in their path come first."""
    whole: dict[str, Any] = json.loads(json.dumps(documents.document(contract)))
    found = [
        Operation(method, path, methods[method], whole)
        for path, methods in whole["paths"].items()
        for method in METHODS
        if method in methods
    ]
    return sorted(found, key=lambda one: one.path.count("{"))


@dataclass(frozen=True, slots=True)
class Documented:
    """A client that fails for an answer that the document does not have."""

    contract: str
    client: ApiClient

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        reply = self.client(method, path, body, **options)
        bare = path.partition("?")[0]
        one = next((one for one in operations(self.contract) if one.is_of(method, bare)), None)
        if one is not None:
            shown = {"Content-Type": "content-type", "Correlation-ID": "correlation-id"}
            headers = {name: reply.headers.get(key, "") for name, key in shown.items()}
            one.judge(method, Answer(reply.status, reply.body or _empty(reply.body), headers))
        return reply


def _empty(body: Any) -> Any:
    """An empty list is a body; no bytes are none."""
    return None if body == b"" else body
