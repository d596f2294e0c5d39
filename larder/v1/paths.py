"""What stands for something in a path of v1."""

from django.urls.converters import UUIDConverter


class IdInAnyCase(UUIDConverter):
    """A UUID in upper or lower case: both name the same (RFC 9562, section 4), and half of all
    phones write them in upper case."""

    regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
