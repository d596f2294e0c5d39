"""The server, where nothing works of what it does between the commit of an order and its answer."""

from types import SimpleNamespace
from typing import Any, NoReturn

from larder.config.asgi import application
from larder.db import replicas
from larder.http import answered_requests, api_headers

__all__ = ["application"]


def _fail(*_args: object, **_more: object) -> NoReturn:
    raise RuntimeError("a part that is only beside the order")


PARTS: tuple[tuple[Any, str, Any], ...] = (
    (api_headers, "replicas", SimpleNamespace(present=_fail, replicas=replicas.replicas)),
    (answered_requests, "answered", SimpleNamespace(append=_fail, popleft=_fail)),
)
for owner, name, replacement in PARTS:
    setattr(owner, name, replacement)
