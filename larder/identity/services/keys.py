"""Long-lived keys: made, derived, ended. Only their hashes are stored.

A random key is shown once. A derived one can be handed out again and again, for two of the
earlier contracts want the same key at each call: it is an HMAC of the customer and a generation,
and its stored hash says whether it still counts.
"""

import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet

from larder.core.errors import NotFound
from larder.core.limits import MAX_KEYS
from larder.db import idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.errors import TooManyKeys
from larder.identity.models import Key
from larder.identity.services.credentials import lock_account, still_so, verified
from larder.identity.tokens import derived_text, key_digest

PREFIX = "larder_"
"""Scanners for leaked secrets know keys by a prefix."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made. `text` is there once, and not when the request is a repeat."""

    id: UUID
    text: str | None

    @property
    def replayed(self) -> bool:
        """Whether this repeats an earlier request."""
        return self.text is None


def create_key(caller: Caller, name: str, *, now: datetime, claim: Claim | None = None) -> NewKey:
    """Makes a random key. `name` (at most MAX_KEY_NAME_LENGTH) is for its owner to know it by.

    Raises SessionEnded (the account, or what the caller uses), TooManyKeys, KeyReused.
    """
    text, customer = PREFIX + randomness.token_urlsafe(30), caller.id

    def save() -> UUID:
        # Under the account's lock: nobody else adds one meanwhile.
        if _live(customer).filter(generation=None).count() >= MAX_KEYS:
            raise TooManyKeys
        return _insert(customer, text, now=now, name=name)

    with transaction.atomic(durable=True):
        lock_account(caller)
        made = idempotency.once(claim, save, now=now)
    return NewKey(UUID(made.result), None if made.replayed else text)


def key_for_password(username: str, password: str, *, secrets: Sequence[str], now: datetime) -> str:
    """The derived key of whoever has this password: 40 hex digits, the same at each call.

    Takes the same time for every way of being wrong. Raises InvalidCredentials.
    """
    customer = verified(username, password)
    with transaction.atomic(durable=True):
        still_so(customer)
        return _derived(customer.pk, customer.public_id, secrets, now)


def _derived(customer: int, public_id: UUID, secrets: Sequence[str], now: datetime) -> str:
    """Must run under the lock of the account: of simultaneous first calls one makes the key."""
    live = _live(customer).filter(generation__isnull=False).first()
    if live is not None and live.generation is not None:
        for secret in secrets:
            text = derived_text(secret, public_id, live.generation)
            if key_digest(text) == bytes(live.digest):
                return text
        _live(customer).filter(pk=live.pk).update(ended_at=now)
    generation = _next_generation(customer)
    text = derived_text(secrets[0], public_id, generation)
    _insert(customer, text, now=now, generation=generation)
    return text


def _next_generation(customer: int) -> int:
    last = Key.objects.filter(customer=customer).aggregate(last=Max("generation"))["last"]
    return 0 if last is None else last + 1


def _insert(customer: int, text: str, *, now: datetime, **fields: object) -> UUID:
    key = Key(customer_id=customer, digest=key_digest(text), created_at=now, **fields)
    key.save(force_insert=True)
    return key.id


def _live(customer: int) -> QuerySet[Key]:
    return Key.objects.filter(customer=customer, ended_at=None)


def delete_key(customer: int, key: UUID, *, now: datetime) -> None:
    """Ends a key at once. Raises NotFound unless it is a live one of this customer."""
    if not _live(customer).filter(pk=key).update(ended_at=now):
        raise NotFound
