"""Reads settings from the environment, or from files that it names (`NAME_FILE`)."""

import builtins
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from environ import FileAwareEnv
from environ.fileaware_mapping import FileAwareMapping

Value = TypeVar("Value")


class _Values(FileAwareMapping):  # type: ignore[misc]
    """Removes the newline at the end of a file, which editors and `echo` write. It is not part of
    the value: no token and no name of a database ends with it."""

    def __getitem__(self, key: str) -> str:
        return str(super().__getitem__(key)).rstrip("\r\n")


class Environment(FileAwareEnv):  # type: ignore[misc]
    """django-environ's class, with values without the newline at their end."""

    ENVIRON = _Values()

    def list(self, name: str, default: Any) -> builtins.list[str]:
        """Returns the texts between commas, without spaces around them. Drops empty ones: after
        `one, ` a space would be a secret too."""
        return [text.strip() for text in super().list(name, default=default) if text.strip()]

    def choice(self, name: str, default: str, *allowed: str) -> builtins.str:
        """Returns one of the allowed texts, or the default. Raises ImproperlyConfigured."""
        texts = {text: text for text in (*allowed, default)}
        return self._parsed(name, default, texts.__getitem__, " or ".join(filter(None, texts)))

    def choices(self, name: str, default: str, *allowed: str) -> frozenset[builtins.str]:
        """Returns texts between commas, each of the allowed ones. Raises ImproperlyConfigured."""
        names = [text.strip() for text in self.str(name, default=default).split(",")]
        chosen = frozenset(filter(None, names))
        if unknown := chosen - {*allowed}:
            wrong, known = ", ".join(sorted(unknown)), ", ".join(allowed)
            raise ImproperlyConfigured(f"{name} has {wrong}: expected some of {known}.")
        return chosen

    def between(self, name: str, default: int, least: int, most: int) -> builtins.int:
        """Returns a whole number. Raises ImproperlyConfigured."""
        numbers = range(least, most + 1)
        expected = f"a whole number from {least} to {most}"
        return self._parsed(
            name, str(default), lambda text: numbers[numbers.index(int(text))], expected
        )

    def amount(self, name: str, default: str) -> Decimal:
        """Returns an amount of money. Raises ImproperlyConfigured."""
        return self._parsed(name, default, _amount, "an amount such as 12.50")

    def time_zone(self, name: str, default: str) -> builtins.str:
        """Returns the name of a time zone. Raises ImproperlyConfigured."""
        expected = "UTC, or a name such as Europe/Berlin"
        return self._parsed(name, default, lambda text: ZoneInfo(text).key, expected)

    def _parsed(
        self, name: str, default: str, parse: Callable[[str], Value], expected: str
    ) -> Value:
        text = self.str(name, default="") or default
        try:
            return parse(text)
        except (ValueError, ArithmeticError, LookupError, OSError):
            raise ImproperlyConfigured(f"{name} is {text!r}: expected {expected}.") from None


def _amount(text: str) -> Decimal:
    amount = Decimal(text)
    if not 0 <= amount < Decimal("Infinity"):
        raise ValueError(text)
    return amount
