"""A client of the fast path, in the process of the tests."""

import json
import re
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from larder.http.content_type import Application

Headers = dict[str, str]
Answered = tuple[str, Headers, bytes]
Layer = Callable[[Application, Callable[..., None]], Application]

USUAL: list[Headers] = [
    {},
    {"Accept": "application/json"},
    {"Accept_Encoding": "gzip"},
    {"Host": "localhost"},
    {"X_Forwarded_Proto": "https"},
    {"User_Agent": "an app", "Accept_Language": "de"},
]
"""Headers that apps send."""

JSON = {"Content_Type": "application/json"}


class FastPath:
    """Sends requests to one layer of the fast path, and counts those that reach Django.

    `kind` is ResponseCache or OrderFastPath.
    """

    def __init__(self, kind: Layer) -> None:
        self.reached = 0
        self.logged: list[tuple[Any, ...]] = []
        self._django = WSGIHandler()
        self._kind = kind
        self.forget()

    def forget(self) -> None:
        """Empties the caches of the fast path."""
        self.application: Any = self._kind(self._counted, lambda *given: self.logged.append(given))

    def _counted(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.reached += 1
        return self._django(environ, start_response)

    def __call__(
        self, token: str, path: str = "products", method: str = "GET", **headers: str
    ) -> Answered:
        """Status, headers and body; `Accept_Encoding="gzip"` is a header."""
        return self.send(b"", token, path, method, **headers)

    def send(
        self, body: bytes, token: str, path: str, method: str = "POST", **headers: str
    ) -> Answered:
        """Sends a request with a body; otherwise as a call."""
        if token:
            headers.setdefault("Authorization", f"Bearer {token}")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        environ = RequestFactory().generic(method, f"/api/v1/{path}", body, headers=names).environ
        environ["CONTENT_TYPE"] = headers.get("Content_Type", "")
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = headers.get("Content_Length", str(len(body) or ""))
        began: list[Any] = []
        content = self.application(environ, lambda *given: began.extend(given))
        sent = b"".join(content)
        if isinstance(content, list) is False:
            content.close()
        assert len(dict(began[1])) == len(began[1]), "a header twice"
        return began[0], dict(began[1]), sent


def without_id(answer: Answered) -> Answered:
    """Returns the answer without its correlation id."""
    status, headers, body = answer
    return status, {name: one for name, one in headers.items() if name != "Correlation-ID"}, body


def without_correlation(answer: Answered) -> Any:
    """Returns the answer as JSON, without its correlation id."""
    status, headers, body = without_id(answer)
    return status, headers, json.loads(body) | {"correlation_id": ""}


OF_ONE = re.compile(rb'"(id|number|placed_at|updated_at)":("[^"]+"|\d+)')


def alike(answer: Answered) -> Answered:
    """Returns the answer without what differs between orders. Checks its ETag and Location."""
    status, headers, body = without_id(answer)
    if status.startswith("201"):
        order = json.loads(body)
        assert headers.pop("Location") == f"/api/v1/orders/{order['id']}"
        assert re.fullmatch(r'"1-[0-9a-f]{24}"', headers.pop("ETag"))
        assert headers.pop("Content-Length") == str(len(body))
        left = headers.pop("RateLimit", '"orders";r=0;t=0')
        assert re.fullmatch(r'"orders";r=[0-9]+;t=[0-9]+', left)
    return status, headers, OF_ONE.sub(rb'"\1":""', body)


class Ordering:
    """Orders of one customer: `ordering(lines=[...])`, with headers by name."""

    def __init__(self, fast_path: FastPath, token: str, jam: int) -> None:
        self.fast_path, self.token, self._lines = (
            fast_path,
            token,
            [{"product": jam, "quantity": 2}],
        )

    def __call__(self, *, headers: Headers | None = None, **body: Any) -> Answered:
        return self.raw(json.dumps({"lines": self._lines} | body).encode(), headers or {})

    def raw(self, body: bytes, headers: Headers) -> Answered:
        """Sends these bytes."""
        return self.fast_path.send(body, self.token, "orders", **(JSON | headers))


STOCK = 1000
"""Units of the product that is ordered, two at a time."""

UNKNOWN = {"product": 9**9, "quantity": 1}
"""A line with a product that does not exist."""


def body_of(body: dict[str, Any], jam: int) -> bytes:
    """The request for an order of two jars, with these members."""
    return json.dumps({"lines": [{"product": jam, "quantity": 2}]} | body).encode()
