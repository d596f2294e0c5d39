"""Fields of the earlier contracts' bodies. Some are stricter than the framework's."""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.core.limits import MAX_LINES, MAX_PASSWORD_LENGTH, MAX_UNITS
from larder.core.texts import text_fault


def _refuse_directions(text: str) -> None:
    # The framework's field refuses U+0000.
    fault = text_fault(text.replace("\0", ""))
    if fault is not None:
        raise serializers.ValidationError(fault.detail)


class AnyText(serializers.CharField):
    """A text. The framework's field accepts numbers too."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Text(AnyText):
    """A text without characters that change its direction."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators.append(_refuse_directions)


class Password(AnyText):
    """A password, of any characters. Its spaces are kept."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            trim_whitespace=False,
            write_only=True,
            max_length=MAX_PASSWORD_LENGTH,
            style={"input_type": "password"},
            **options,
        )


class Units(serializers.IntegerField):
    """A number of units, at least 1: a JSON integer, neither a text nor 2.0."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": MAX_UNITS} | options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Price(serializers.DecimalField):
    """A price: a number or text of limited digits in a body, text in an answer."""

    def __init__(self, digits: int | None = None, places: int = 2, **options: Any) -> None:
        super().__init__(max_digits=digits, decimal_places=places, min_value=Decimal(0), **options)

    def quantize(self, value: Decimal) -> Decimal:
        """Rounds half up. Digits are not limited: another contract may have set the price."""
        return value.quantize(Decimal(1).scaleb(-(self.decimal_places or 0)), ROUND_HALF_UP)


def amount(exact: Decimal) -> str:
    """Returns two decimals, rounded half up, as Price does.

    >>> amount(Decimal("2.205")), amount(Decimal("0"))
    ('2.21', '0.00')
    """
    return f"{exact.quantize(_CENT, ROUND_HALF_UP):f}"


_CENT = Decimal("0.01")


class Moment(serializers.DateTimeField):
    """A time in an answer: ISO 8601 in UTC, with microseconds and Z."""

    def to_representation(self, value: datetime) -> str:
        return moment(value)


def moment(at: datetime) -> str:
    """Returns ISO 8601 in UTC, with microseconds and Z.

    >>> from datetime import UTC
    >>> moment(datetime(2024, 3, 1, 12, tzinfo=UTC))
    '2024-03-01T12:00:00.000000Z'
    """
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Lines(serializers.ListField):
    """The lines of an order. Their faults are a list too, with an entry for each line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_empty=False, max_length=MAX_LINES, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Checks the number of lines first, so that no answer lists 100,000 faults."""
        if isinstance(data, list) and len(data) > MAX_LINES:
            message = f"Ensure this field has no more than {MAX_LINES} elements."
            raise serializers.ValidationError([message])
        return list(super().to_internal_value(data))

    def run_child_validation(self, data: Any) -> list[Any]:
        try:
            return super().run_child_validation(data)
        except serializers.ValidationError as error:
            faults: Any = error.detail
            # A new error would copy the sentences of all lines.
            error.detail = [faults.get(index, {}) for index in range(len(data))]
            raise


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
