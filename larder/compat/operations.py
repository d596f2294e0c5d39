"""Guards the methods of views with permissions, and names them for the OpenAPI document."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from drf_spectacular.utils import extend_schema

from larder.http.documents import first_sentence

View = TypeVar("View", bound=Callable[..., Any])


def operation(
    name: str, *, permission: str = "", key_permission: str = "", **documented: Any
) -> Callable[[View], View]:
    """Refuses callers without `permission`, and keys that name permissions without
    `key_permission`. `documented` is what drf-spectacular does not see in the view: the `request`
    and the `responses`, where they are not of its `serializer_class`."""

    def decorated(view: View) -> View:
        @wraps(view)
        def guarded(self: Any, request: Any, **path: Any) -> Any:
            if permission:
                request.user.require(permission)
            if permission or key_permission:
                request.user.require_named(key_permission)
            return view(self, request, **path)

        document = extend_schema(operation_id=name, summary=first_sentence(view), **documented)
        method: Any = document(guarded)
        method.permission, method.key_permission = permission, key_permission
        return cast(View, method)

    return decorated
