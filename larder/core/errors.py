"""Errors that use cases raise. An error contains data, never HTTP status numbers. Its only
sentences are the details of faults, for developers; programs use the codes.

Only `larder/http/problems.py` turns them into HTTP responses. The documentation explains every
code to the developers of apps.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import uniform
from typing import Any, ClassVar

IDEMPOTENCY_KEY, CHOSEN_ID = "key", "id"
"""The two ways in which a request is recognized as a repeat."""


class DomainError(Exception):
    """Base class of all refusals. `code` is part of the public contract and never changes.

    >>> str(DomainError())
    'domain_error {}'
    """

    code: ClassVar[str] = "domain_error"

    others: "Sequence[DomainError]" = ()
    """Further refusals of the same request, as far as they are known."""

    @property
    def extensions(self) -> dict[str, Any]:
        """Members of the problem object that help the client to correct the request."""
        return {}

    @property
    def all(self) -> "list[DomainError]":
        """This refusal, and all others of the request."""
        return [self, *(one for other in self.others for one in other.all)]

    def __str__(self) -> str:
        return f"{self.code} {self.extensions}"


class NotFound(DomainError):
    """The object does not exist, or belongs to another customer: the same answer for both."""

    code = "not_found"


@dataclass
class NotStaff(DomainError):
    """The operation is for staff only: for those with the permission."""

    permission: str
    code = "not_staff"


@dataclass
class PermissionMissing(DomainError):
    """The caller is staff, but does not have the permission, such as `orders.pack_order`."""

    permission: str
    code = "permission_missing"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"permission": self.permission}


class SecondFactorRequired(PermissionMissing):
    """The account has the permission, but what the caller showed is a password alone, and staff
    need a second factor (larder/identity/factors/codes.py)."""

    code = "second_factor_required"


@dataclass
class Fault:
    """One fault of a request. `where` is a JSON pointer or the name of a parameter."""

    where: str
    code: str
    detail: str


@dataclass
class InvalidInput(DomainError):
    """The request cannot succeed in this form. `faults` lists everything that is wrong with it."""

    faults: list[Fault]
    code = "validation_error"


@dataclass
class FieldRefused(DomainError):
    """The shop cannot take the value of a field: of `name`."""

    name: str
    others: Sequence[DomainError] = ()


class AlreadyTaken(FieldRefused):
    """A value that must be unique is in use: of username, email, sku."""

    @property
    def code(self) -> str:  # type: ignore[override]
        return f"{self.name}_taken"


@dataclass
class TooMany(DomainError):
    """There are as many of something as there can be: `limit`."""

    limit: int

    @property
    def extensions(self) -> dict[str, Any]:
        return {"limit": self.limit}


@dataclass
class StaleVersion(DomainError):
    """`If-Match` names another version than the current one."""

    present: int
    code = "precondition_failed"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"version": self.present}


class PreconditionRequired(DomainError):
    """The move was undone before, so the request may be a late repeat: it has to name the version
    of the object, or have an idempotency key."""

    code = "precondition_required"


@dataclass
class KeyReused(DomainError):
    """The idempotency key, or the id that the client chose, was used for another request. `what`
    has IDEMPOTENCY_KEY, CHOSEN_ID, or both."""

    what: Sequence[str] = (IDEMPOTENCY_KEY,)
    code = "idempotency_key_reused"


@dataclass
class UnknownProducts(DomainError):
    """Products that do not exist or are archived: all of them, in the order of the request."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    code = "unknown_product"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"lines": self.lines}


def refusal(
    lines: list[dict[str, Any]], precedence: Sequence[Callable[[list[dict[str, Any]]], DomainError]]
) -> DomainError:
    """Returns the error for faulty lines: the first class in `precedence` whose code one of the
    lines has."""
    codes = {line["code"] for line in lines}
    kind = next(kind for kind in precedence if getattr(kind, "code", None) in codes)
    return kind(lines)


def together(refusals: Sequence[DomainError]) -> DomainError:
    """Returns the first refusal of a request, with the others in it."""
    first, *others = refusals
    first.others = (*first.others, *others)
    return first


def with_faults(refusal: DomainError, found: Sequence[Fault]) -> DomainError:
    """Returns the refusal of a request, with the faults of its input in it."""
    return together([refusal, *([InvalidInput([*found])] if found else [])])


class Overloaded(DomainError):
    """The server has reached its capacity. The same request may succeed after `wait` seconds; by
    default up to three, so that those who are refused at once do not come back at once."""

    code = "overloaded"

    def __init__(self, wait: float | None = None) -> None:
        super().__init__()
        self.wait = uniform(0, 3) if wait is None else wait  # noqa: S311 - it is no secret

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil(self.wait))
