"""Errors that use cases raise. An error contains data, never HTTP status numbers. Its only
sentences are the details of faults, for developers; programs use the codes.

Only `larder/http/problems.py` turns them into HTTP responses. The documentation explains every
code to the developers of apps.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from random import uniform
from typing import Any, ClassVar

IDEMPOTENCY_KEY, CHOSEN_ID = "key", "id"
"""The two ways in which a request is recognized as a repeat."""


class DomainError(Exception):
    """Base class of all refusals. The first sentence of a subclass is the title of its problem.

    `code` is part of the public contract and never changes. `declared` has the class that declares
    each code.

    >>> str(DomainError())
    'domain_error {}'
    """

    code: ClassVar[str] = "domain_error"
    declared: ClassVar[dict[str, "type[DomainError]"]] = {}

    others: "Sequence[DomainError]" = ()
    """Further refusals of the same request, as far as they are known."""

    def __init_subclass__(cls) -> None:
        if isinstance(code := vars(cls).get("code"), str):
            cls.declared.setdefault(code, cls)

    @property
    def extensions(self) -> dict[str, Any]:
        """Members of the problem object that help the client to correct the request."""
        return {}

    @property
    def all(self) -> "list[DomainError]":
        """This refusal, and all others of the request."""
        return [self, *(refusal for other in self.others for refusal in other.all)]

    def __str__(self) -> str:
        return f"{self.code} {self.extensions}"


class Invalid(DomainError):
    """Kind: the request is wrong, whatever the shop has."""


class Unauthenticated(DomainError):
    """Kind: it is not known who sends the request."""


class Forbidden(DomainError):
    """Kind: the sender may not do this."""


class Missing(DomainError):
    """Kind: there is no such object."""


class Conflict(DomainError):
    """Kind: the state of an object does not allow this."""


class Unusable(DomainError):
    """Kind: the request names something that cannot be used."""


class Limited(DomainError):
    """Kind: the sender has done this too often."""


class Unavailable(DomainError):
    """Kind: the same request may succeed later."""


@dataclass
class Telling(DomainError):
    """A refusal whose fields are members of the problem object."""

    @property
    def extensions(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class NotFound(Missing):
    """The object does not exist, or you have no access to it. One answer for both."""

    code = "not_found"


@dataclass
class NotStaff(Forbidden):
    """This operation is for staff. It needs the `permission`."""

    permission: str
    code = "not_staff"


@dataclass
class PermissionMissing(Telling, Forbidden):
    """Your account or key does not have the permission. `permission`: such as
    `orders.pack_order`."""

    permission: str
    code = "permission_missing"


class SecondFactorRequired(PermissionMissing):
    """A password alone does not give the rights of staff: use the admin, or an API key that names
    its permissions. Staff need a second factor (larder/identity/factors.py)."""

    code = "second_factor_required"


@dataclass
class Fault:
    """One fault of a request. `where` is a JSON pointer or the name of a parameter."""

    where: str
    code: str
    detail: str


@dataclass
class InvalidInput(Invalid):
    """The request is invalid; errors lists every fault."""

    faults: list[Fault]
    code = "validation_error"


@dataclass
class FieldRefused(DomainError):
    """The shop cannot take the value of a field: of `name`."""

    name: str
    others: Sequence[DomainError] = ()


class AlreadyTaken(FieldRefused, Conflict):
    """A value that must be unique is in use: of username, email, sku."""

    @property
    def code(self) -> str:  # type: ignore[override]
        return f"{self.name}_taken"


@dataclass
class TooMany(Telling, Conflict):
    """There are as many of something as there can be: `limit`."""

    limit: int


@dataclass
class StaleVersion(Telling):
    """The object has changed since it was read. `version`: the one that it has."""

    version: int
    code = "precondition_failed"


class PreconditionRequired(DomainError):
    """This was undone before: send If-Match or an Idempotency-Key. The request may be a late
    repeat."""

    code = "precondition_required"


@dataclass
class KeyReused(Unusable):
    """The key or id was used for a different request; send a new one. `what` has IDEMPOTENCY_KEY,
    CHOSEN_ID, or both."""

    what: Sequence[str] = (IDEMPOTENCY_KEY,)
    code = "idempotency_key_reused"


@dataclass
class UnknownProducts(Telling, Unusable):
    """Some products do not exist or are no longer sold. `lines`: all of them, in the order of the
    request."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    code = "unknown_product"


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


def with_faults(refusal: DomainError, faults: Sequence[Fault]) -> DomainError:
    """Returns the refusal of a request, with the faults of its input in it."""
    return together([refusal, *([InvalidInput([*faults])] if faults else [])])


class Overloaded(Unavailable):
    """The server is busy; try again shortly. The same request may succeed after `wait` seconds; by
    default up to three, so that those who are refused at once do not come back at once."""

    code = "overloaded"

    def __init__(self, wait: float | None = None) -> None:
        super().__init__()
        self.wait = uniform(0, 3) if wait is None else wait  # noqa: S311 - it is no secret

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil(self.wait))
