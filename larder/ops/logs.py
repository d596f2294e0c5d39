"""What every line of the log says beside its message."""

import re
from collections.abc import MutableMapping
from typing import Any

from django_guid import get_guid


def with_correlation_id(
    logger: Any, method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The id of the request or job that it was written in, null outside of any."""
    line.setdefault("correlation_id", get_guid())
    return line


def without_values(
    logger: Any, method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Removes from errors of the database what has the values of rows: names, hashes."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = _VALUES.sub("", value)
    return line


_VALUES = re.compile(
    r"\n(?:DETAIL|CONTEXT):.*?(?=\n\n(?:The above exception was|During handling of)|\Z)", re.DOTALL
)
"""Up to the next exception of a traceback: a value may have several lines."""
