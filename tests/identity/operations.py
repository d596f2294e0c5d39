"""Lists the operations of all API versions with what they need, and sends them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver

from larder.compat.urls import TITLES, patterns
from larder.config import urls
from larder.db import database
from larder.v1.resources import Resource
from tests.conftest import Api
from tests.http.paths import path_of

COMPAT_METHODS = ("get", "post", "put", "patch", "delete")
OPEN, OWN = "no credentials", "any account"
EVERY: Sequence[Any] = (*urls.urlpatterns, *patterns(frozenset(TITLES)))


class Row(NamedTuple):
    """An operation, and what it needs: OPEN, OWN, or permissions. `for_key`: what a key that names
    permissions needs for what belongs to its owner."""

    operation: str
    needs: str
    for_others: str
    for_key: str


class Found(NamedTuple):
    """An operation of the URLs, with a path to send it to."""

    row: Row
    method: str
    path: str


def _walk(patterns: Any, route: str = "/", path: str = "/") -> Iterator[tuple[str, str, Any]]:
    for pattern in patterns:
        at, to = route + str(pattern.pattern), path + path_of(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, at, to)
        elif isinstance(pattern, URLPattern):
            yield at, to, pattern.callback


def _operations() -> Iterator[Found]:
    for route, path, view in _walk(EVERY):
        if isinstance(view, Resource):
            for method, operation in view.operations.items():
                if method != "HEAD":
                    declared = operation.declared
                    needs = ", ".join(declared.permissions) or (OWN if declared.token else OPEN)
                    row = Row(
                        f"{method} {route}", needs, declared.for_others, operation.key_permission
                    )
                    yield Found(row, method, path)
        elif hasattr(view, "cls"):
            shown = route.replace("^", "").replace("$", "").replace("\\Z", "")
            for method in COMPAT_METHODS:
                if hasattr(view.cls, method):
                    operation = getattr(view.cls, method)
                    needs = getattr(operation, "permission", "")
                    needs = needs or (OWN if view.cls.authentication_classes else OPEN)
                    name, for_key = method.upper(), getattr(operation, "key_permission", "")
                    yield Found(Row(f"{name} {shown}", needs, "", for_key), name, path)


FOUND = sorted(
    {operation.row.operation: operation for operation in reversed([*_operations()])}.values()
)
"""If two contracts have the same path, the lower answers."""


def _has(held: frozenset[str], needs: str) -> bool:
    return needs in {OPEN, OWN} or set(needs.split(", ")) <= held


Sender = Callable[[Found], int]


@pytest.fixture
def sender(db: None, settings: Any) -> Callable[..., Sender]:
    """Sends an operation as a caller and rolls it back: `sender(api)(found)` is the status."""
    settings.ROOT_URLCONF = EVERY
    settings.COMPAT = frozenset(TITLES)
    # The paths name the account 1: no caller is that one.
    database.rows("SELECT nextval('identity.customer_id_seq')", [])

    def of(api: Api, **headers: str) -> Sender:
        def send(operation: Found) -> int:
            point = transaction.savepoint()
            try:
                body = "{}" if operation.method in {"POST", "PUT", "PATCH"} else ""
                return api(operation.method, operation.path, body, **headers).status
            finally:
                transaction.savepoint_rollback(point)

        return send

    return of


def unexpected(send: Sender, expected: Callable[[str], set[int] | None]) -> list[tuple[str, int]]:
    """Returns the operations whose status is not one of those expected for what they need. For None
    any status is right, but a refusal of the caller."""
    wrong = []
    for operation in FOUND:
        status, allowed = send(operation), expected(operation.row.needs)
        fits = status not in {401, 403} if allowed is None else status in allowed
        if not fits and operation.row.operation != PASSWORD_ONLY:
            wrong.append((operation.row.operation, status))
    return wrong


PASSWORD_ONLY = "GET /token/"
"""It takes a name and a password, and no token or key."""


def staff_needs(held: frozenset[str]) -> Callable[[str], set[int] | None]:
    return lambda needs: None if _has(held, needs) else {403}


def own_account(held: frozenset[str]) -> list[tuple[str, int]]:
    """Returns the operations that need a permission for the own account of staff and not of
    customers, and those whose path names another account.
    """
    path, methods = "/api/identity/customers/<int:customer>/", ("DELETE", "GET", "PATCH", "PUT")
    named = (
        []
        if "identity.view_customer" in held
        else [(f"{method} {path}", 403) for method in methods]
    )
    own = [] if "identity.delete_customer" in held else [("DELETE /api/v1/me", 403)]
    return sorted(named + own)
