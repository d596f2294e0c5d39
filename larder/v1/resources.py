"""The paths of v1: methods, credentials, and all checks before an operation runs."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from larder.core.errors import NotFound
from larder.core.limits import MAX_ID
from larder.http import authentication, problems
from larder.http.bodies import raw_body, require_at_most
from larder.http.negotiation import require_acceptable
from larder.http.refusals import MethodNotAllowed, NotAuthenticated
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.v1.http import no_content
from larder.v1.operations import Operation

EARLIER_ERROR = "larder.earlier_error"
"""The key of the environ for an error on the event loop (larder/front). It is raised in place of
the operation, before all other checks: an order may have been placed, and the token may have
expired since."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose body is read."""


class Resource:
    """The view of a path: `Resource(GET=list_orders, POST=place_order)`.

    HEAD is answered as GET, OPTIONS with the methods of the path. All answers have these methods in
    the Allow header.
    """

    csrf_exempt = True

    def __init__(self, **operations: Operation) -> None:
        self.operations = {name: operations[name] for name in METHODS if name in operations}
        if "GET" in operations:
            self.operations["HEAD"] = operations["GET"]
        self.allowed = ", ".join([*self.operations, "OPTIONS"])
        self._needs_token = any(operation.declared.token for operation in operations.values())
        self._most_bytes = min(operation.most_bytes for operation in operations.values())

    def __call__(self, request: HttpRequest, **path: Any) -> HttpResponseBase:
        response: HttpResponseBase | None
        try:
            response = self._answer(request, path)
        except Exception as error:
            response = problems.handle(request, error)
            if response is None:
                raise
        response.headers["Allow"] = self.allowed
        return response

    def _answer(self, request: HttpRequest, path: Mapping[str, Any]) -> HttpResponseBase:
        operation = self.operations.get(str(request.method))
        try:
            who = self._begin(request, operation, path)
        finally:
            if EARLIER_ERROR in request.META:
                raise request.META[EARLIER_ERROR]
        with _acting(who):
            return no_content() if operation is None else operation.answer(request, who, path)

    def _begin(
        self, request: HttpRequest, operation: Operation | None, path: Mapping[str, Any]
    ) -> Caller | None:
        """Returns the caller, with the body read. Checks the method first, before the credentials.

        Raises the refusal.
        """
        if operation is None and request.method != "OPTIONS":
            raise MethodNotAllowed(f"This path takes {self.allowed}.")
        if request.method in WITH_BODY:
            require_at_most(self._most_bytes, request.META)
        who = None
        if operation is not None:
            require_acceptable(request, operation.media_type)
            who = _admitted(request, operation)
        # An id in the path that is too large for a row is answered with 404.
        if any(isinstance(value, int) and value > MAX_ID for value in path.values()):
            raise NotFound
        if request.method in WITH_BODY:
            raw_body(request)
        if operation is None and self._needs_token:
            who = _identified(request)
        return who


def _acting(who: Caller | None) -> AbstractContextManager[None]:
    """Returns a context in which the services record the actions of a member of staff."""
    return audit.acting(who.public_id, "v1") if who and who.is_staff else nullcontext()


def _admitted(request: HttpRequest, operation: Operation) -> Caller | None:
    """Returns the caller; None where no token is needed.

    Raises NotAuthenticated, NotStaff, PermissionMissing.
    """
    if not operation.declared.token:
        return None
    who = _identified(request)
    if who is None:
        raise NotAuthenticated
    who.require(*operation.declared.permissions)
    who.require_named(operation.key_permission)
    return who


def _identified(request: HttpRequest) -> Caller | None:
    """Returns the caller, and sets `request.user` for the middleware that counts requests."""
    who = authentication.authenticate(request)
    request.user = who  # type: ignore[assignment]
    return who
