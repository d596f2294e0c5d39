"""Fields of the earlier contracts' bodies, stricter than the framework's own where they say so."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

MOST_UNITS = 1_000_000
MOST_LINES = 1_000


class Text(serializers.CharField):
    """Text alone: the framework's own takes numbers too."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Password(Text):
    """A password, with its blanks."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            trim_whitespace=False, write_only=True, style={"input_type": "password"}, **options
        )


class Units(serializers.IntegerField):
    """A number of units from 1: a JSON integer, neither text nor 2.0."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": MOST_UNITS} | options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Amount(serializers.DecimalField):
    """Money in an answer: text with two decimals, rounded half up."""

    def __init__(self, *, places: int = 2, **options: Any) -> None:
        super().__init__(
            max_digits=None, decimal_places=places, rounding="ROUND_HALF_UP", **options
        )


class Moment(serializers.DateTimeField):
    """A time in an answer: ISO 8601 in UTC, with microseconds and Z."""

    def to_representation(self, value: datetime) -> str:
        return moment(value)


def moment(at: datetime) -> str:
    """ISO 8601 in UTC, with microseconds and Z.

    >>> from datetime import UTC
    >>> moment(datetime(2024, 3, 1, 12, tzinfo=UTC))
    '2024-03-01T12:00:00.000000Z'
    """
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
