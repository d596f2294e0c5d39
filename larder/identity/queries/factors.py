"""Reads of the second factors of an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from larder.core.limits import MAX_PASSKEYS
from larder.identity.models import SecondFactor


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor, without its secret. `name` is empty for an app."""

    id: UUID
    kind: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


def factors(customer: int) -> Sequence[Factor]:
    """Returns the second factors of an account by time: an app, and passkeys up to MAX_PASSKEYS."""
    rows = SecondFactor.objects.filter(customer=customer).order_by("created_at", "id")
    named = rows.values_list("id", "kind", "name", "created_at", "last_used_at")
    return [Factor(*row) for row in named[: MAX_PASSKEYS + 1]]


def passkeys(customer: int) -> Sequence[bytes]:
    """Returns what is stored of the passkeys of an account (factors/passkeys.py: made)."""
    rows = SecondFactor.objects.filter(customer=customer, kind="passkey").order_by(
        "created_at", "id"
    )
    return [bytes(one) for one in rows.values_list("credential", flat=True)[:MAX_PASSKEYS]]
