"""Values that are added to, or removed from, each line of the log."""

import re
from collections.abc import MutableMapping
from typing import Any

from django_guid import get_guid


def with_correlation_id(
    logger: Any, method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Adds the id of the request or job; null outside of one."""
    line.setdefault("correlation_id", get_guid())
    return line


def without_values(
    logger: Any, method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Removes the values of rows, such as names and hashes, from errors of the database."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = _VALUES.sub("", value)
    return line


_VALUES = re.compile(
    r"\n(?:DETAIL|CONTEXT):.*?(?=\n\n(?:The above exception was|During handling of)|\Z)", re.DOTALL
)
"""Matches up to the next exception of a traceback, because a value may have several lines."""
