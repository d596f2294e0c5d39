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


@dataclass(frozen=True, slots=True)
class AccountBody:
    """A body about an account: its name and address, if they are valid, and what the serializer
    made of it."""

    read: serializers.Serializer[Any]
    username: str
    email: str

    def fields(self) -> Mapping[str, Any]:
        """Returns the whole body. Raises ValidationError: field → sentences."""
        if self.read.errors:
            raise ValidationError(self.read.errors)
        valid: Mapping[str, Any] = self.read.validated_data
        return valid

    def names(self) -> Mapping[str, str]:
        """Those of username and email that are given and valid. Raises ValidationError if the body
        has faults and neither of them."""
        found = {"username": self.username, "email": self.email}
        given = {name: value for name, value in found.items() if value}
        return given or self.fields()

    def account(self) -> str:
        """What tries to register are counted for: the username, or else the address. Raises
        ValidationError if the body has faults and neither of them."""
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


@dataclass
class _Faulty(DomainError):
    """The faults that a serializer found, as a refusal: attempts count it."""

    detail: Any
    code = InvalidInput.code


@contextmanager
def faults_as_refusals() -> Iterator[None]:
    """Turns the faults of a serializer into a refusal, so that a limit around the block counts
    them: the answer says all the same which names are taken."""
    try:
        yield
    except ValidationError as error:
        raise _Faulty(error.detail) from error


@contextmanager
def all_named(
    body: AccountBody, *, account: int = 0, taken: Mapping[str, str] = TAKEN
) -> Iterator[None]:
    """Names each of username and email that another account has, in the sentences of `taken`, with
    the other faults.

    The database names the first that is taken, and other faults are found before any statement.
    Raises ValidationError.
    """
    try:
        with faults_as_refusals():
            yield
    except (AlreadyTaken, InvalidInput, _Faulty) as error:
        found: Any = error.detail if isinstance(error, _Faulty) else field_errors(error)
        names = queries.taken(username=body.username, email=body.email, but=account)
        raise ValidationError(found | {name: [taken[name]] for name in sorted(names)}) from error
