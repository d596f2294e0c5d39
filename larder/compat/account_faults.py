"""Reports all faults of a request about an account: invalid fields and taken names."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from larder.compat.answers import TAKEN, field_errors
from larder.core.errors import AlreadyTaken, DomainError, InvalidInput
from larder.identity import queries


@dataclass
class _Faulty(DomainError):
    """The faults that a serializer found, as a refusal: limits of attempts count it."""

    detail: Any
    code = InvalidInput.code


@dataclass(frozen=True, slots=True)
class AccountBody:
    """A body about an account."""

    read: serializers.Serializer[Any]
    """What the serializer made of it."""
    username: str
    """The valid username, or an empty text."""
    email: str
    """The valid address, or an empty text."""

    def fields(self) -> Mapping[str, Any]:
        """Returns the whole body. Raises _Faulty, which `all_named` answers."""
        if self.read.errors:
            raise _Faulty(self.read.errors)
        valid: Mapping[str, Any] = self.read.validated_data
        return valid

    def names(self) -> Mapping[str, str]:
        """Returns the valid ones of username and email. Raises _Faulty if the body has faults and
        neither of them."""
        valid = {"username": self.username, "email": self.email}
        return {name: value for name, value in valid.items() if value} or self.fields()

    def account(self) -> str:
        """Returns what tries to register are counted for: the username, or else the address. Raises
        what `names` raises."""
        return next(iter(self.names().values()))


def account_body(
    request: Request, shape: type[serializers.Serializer[Any]], **options: Any
) -> AccountBody:
    """Returns the body as the serializer reads it. A `name` in it is the username."""
    read = shape(data=request.data, **options)
    read.is_valid()
    return AccountBody(
        read, _valid(read, "username") or _valid(read, "name"), _valid(read, "email")
    )


def _valid(read: serializers.Serializer[Any], name: str) -> str:
    """Returns the valid value of a field, even if others have faults; else an empty text."""
    body: Any = read.initial_data
    if name not in read.fields or name in read.errors or not isinstance(body, Mapping):
        return ""
    field = read.fields[name]
    try:
        return str(field.run_validation(field.get_value(body)))
    except serializers.SkipField:
        return ""


@contextmanager
def all_named(
    body: AccountBody,
    *,
    account: int = 0,
    called: str = "username",
    taken: Mapping[str, str] = TAKEN,
) -> Iterator[None]:
    """Names each of username and email that another account has, in the sentences of `taken`, with
    the other faults. `called` is the field of the username.

    The database names the first that is taken, and other faults are found before any statement.
    Raises ValidationError.
    """
    try:
        yield
    except (AlreadyTaken, InvalidInput, _Faulty) as error:
        faults: Any = error.detail if isinstance(error, _Faulty) else field_errors(error)
        names = queries.taken(username=body.username, email=body.email, but=account)
        faults = {**faults, **{name: [taken[name]] for name in sorted(names)}}
        shown = {called if name == "username" else name: faults[name] for name in faults}
        raise ValidationError(shown) from error
