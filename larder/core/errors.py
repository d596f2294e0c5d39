"""The ways a use case refuses: an error carries data, never sentences or status numbers.

`larder/http/problems.py` is the one place that turns them into HTTP; docs/reference/problems.md
explains every code to the people who build apps.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


class DomainError(Exception):
    """Base of all refusals. `code` is part of the public contract and never changes.

    >>> str(DomainError())
    'domain_error {}'
    """

    code: ClassVar[str] = "domain_error"

    @property
    def extensions(self) -> dict[str, Any]:
        """What the client needs to mend the request, as members of the problem object."""
        return {}

    def __str__(self) -> str:
        return f"{self.code} {self.extensions}"


class NotFound(DomainError):
    """The object does not exist, or belongs to somebody else: the same answer for both."""

    code = "not_found"


class NotStaff(DomainError):
    """The operation is for staff."""

    code = "not_staff"


@dataclass
class Fault:
    """One fault of a request: where (a JSON pointer, or the name of a parameter) and what."""

    where: str
    code: str
    detail: str


@dataclass
class InvalidInput(DomainError):
    """The request can never succeed as it is. `faults` names everything wrong with it."""

    faults: list[Fault]
    code = "validation_error"


@dataclass
class AlreadyTaken(DomainError):
    """A name that must be unique is in use. `name` is the field: username, email, sku."""

    name: str

    @property
    def code(self) -> str:  # type: ignore[override]
        return f"{self.name}_taken"


@dataclass
class StaleVersion(DomainError):
    """`If-Match` named another version than the present one."""

    present: int
    code = "precondition_failed"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"version": self.present}


class KeyReused(DomainError):
    """The idempotency key, or the id the client chose, was used for something else."""

    code = "idempotency_key_reused"


@dataclass
class UnknownProducts(DomainError):
    """Products that do not exist or were archived; all of them, in the order asked for."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    code = "unknown_product"

    @property
    def extensions(self) -> dict[str, Any]:
        return {"lines": self.lines}


def refusal(
    lines: list[dict[str, Any]], precedence: Sequence[Callable[[list[dict[str, Any]]], DomainError]]
) -> DomainError:
    """The error for faulty lines, of the first kind in `precedence` that one of them has."""
    codes = {line["code"] for line in lines}
    kind = next(kind for kind in precedence if getattr(kind, "code", None) in codes)
    return kind(lines)


class Overloaded(DomainError):
    """The server has as much to do as it can. The same request may succeed after `wait` seconds."""

    code = "overloaded"

    def __init__(self, wait: float = 1) -> None:
        super().__init__()
        self.wait = wait

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil(self.wait))
