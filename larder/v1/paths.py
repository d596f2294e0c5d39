"""Converters of the variable parts of a path of v1."""

from django.urls.converters import UUIDConverter


class IdInAnyCase(UUIDConverter):
    """A UUID in upper or lower case. Both are equal (RFC 9562, section 4), and iOS writes UUIDs in
    upper case."""

    regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
