"""What every line of the log says beside its message."""

from collections.abc import MutableMapping
from typing import Any

from django_guid import get_guid


def with_correlation_id(
    logger: Any, method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The id of the request or job that it was written in, null outside of any."""
    line.setdefault("correlation_id", get_guid())
    return line
