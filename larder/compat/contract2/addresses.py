"""Builds the absolute addresses in bodies, with scheme and host of the request."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response


class Address(serializers.URLField):
    """The address of a row: `Address("/api/catalog/products/{0.id}/")`."""

    def __init__(self, path: str) -> None:
        super().__init__(source="*", read_only=True)
        self.path = path

    def to_representation(self, value: Any) -> str:
        return absolute(self.context["request"], self.path.format(value))


def absolute(request: Request, path: str) -> str:
    """Returns the absolute address of a path."""
    return str(request.build_absolute_uri(path))


def created(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Returns 201 with the address of the new object."""
    return Response(body, status=201, headers={"Location": body["url"]} | dict(headers or {}))
