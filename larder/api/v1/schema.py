"""OpenAPI 3.1 from the code: shows msgspec structs to drf-spectacular (docs/adr/0001)."""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema


class StructSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A msgspec struct is a component; the structs it refers to are components too."""

    target_class = "msgspec.Struct"
    match_subclasses = True

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        own, components = _described(self.target)
        alternatives = getattr(self.target, "REFERS_TO", ())
        for kind in (*_structs_in(self.target, components), *alternatives):
            if kind is not self.target:
                auto_schema.resolve_serializer(kind, direction)
        return own


def _described(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A struct's schema, and those of all components it is made of, by name."""
    reference = "#/components/schemas/{name}"
    (own,), components = msgspec.json.schema_components([kind], ref_template=reference)
    portable: dict[str, Any] = _in_ecma(components)
    for component in portable.values():
        component["description"] = cleandoc(component["description"])
        for schema in component["properties"].values():
            _say_default(schema)
    return portable[own["$ref"].rpartition("/")[2]], portable


def _say_default(schema: dict[str, Any]) -> None:
    """Puts the value of a field that was left out into words. Generators of typed clients take
    one with a `default` for one that is always there, also in what is sent."""
    default = schema.pop("default", None)
    if default is not None and default != "":
        said = f"Left out: {msgspec.json.encode(default).decode()}."
        schema["description"] = f"{schema.get('description', '')} {said}".lstrip()


def _in_ecma(schema: Any) -> Any:
    r"""Patterns in the dialect of JSON Schema, where $ is what \Z is in Python."""
    return msgspec.json.decode(msgspec.json.encode(schema).replace(rb"\\Z", b"$"))


def _structs_in(kind: Any, names: Iterable[str]) -> list[Any]:
    """The struct classes below `kind` that became components."""
    found: dict[str, Any] = {}
    waiting = [msgspec.inspect.type_info(kind)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, msgspec.inspect.StructType) and one.cls.__name__ not in found:
            found[one.cls.__name__] = one.cls
            waiting += [field.type for field in one.fields]
        waiting += getattr(one, "types", ())
        waiting += [inner for inner in [getattr(one, "item_type", None)] if inner]
    return [found[name] for name in names if name in found]


def query_parameters(kind: type[msgspec.Struct]) -> list[tuple[str, bool, dict[str, Any]]]:
    """Name, whether it is required, and schema of each parameter that `kind` declares."""
    own, _ = _described(kind)
    required = own.get("required", ())
    return [(name, name in required, _plain(schema)) for name, schema in own["properties"].items()]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter that is not given is not there: it is never null."""
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    plain = {name: value for name, value in schema.items() if name != "anyOf"}
    return (options[0] if options else {}) | plain


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How clients authenticate."""

    target_class = "larder.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        said = (
            "An access token from `auth/token`, or a key from `auth/keys`. "
            "The word Token does in place of Bearer."
        )
        return {"type": "http", "scheme": "bearer", "description": said}


class OperationSchema(AutoSchema):
    """Takes everything from `operation`; guesses nothing."""

    def get_filter_backends(self) -> list[Any]:
        return []

    def _get_request_body(self, direction: Any = "request") -> dict[str, Any] | None:
        body: dict[str, Any] | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body and not any("json" in media_type for media_type in body["content"]):
            body["required"] = True  # a file; an empty JSON body counts as {}
        return body

    def _resolve_path_parameters(self, variables: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super()._resolve_path_parameters(  # type: ignore[no-untyped-call]
            variables
        )
        for parameter in found:
            if parameter["schema"] == {"type": "integer"}:
                parameter["schema"] = {"type": "integer", "format": "int64"}
        return found
