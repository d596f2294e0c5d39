"""Creates, derives and ends long-lived keys. Only their hashes are stored.

A random key is shown once. Two of the earlier contracts return the same key at each call. Such a
key is derived: it is an HMAC of the customer and a generation, and is valid while its hash is
stored as live.
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
from larder.identity import audit
from larder.identity.caller import Caller
from larder.identity.errors import TooManyKeys
from larder.identity.models import Key
from larder.identity.services.credentials import lock_account, lock_unchanged, verified
from larder.identity.tokens import derived_text, key_digest

PREFIX = "larder_"
"""Scanners for leaked secrets recognize keys by a prefix."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A created key. `text` is None if the request repeats an earlier one."""

    id: UUID
    text: str | None

    @property
    def replayed(self) -> bool:
        """Whether this repeats an earlier request."""
        return self.text is None


def create_key(caller: Caller, name: str, *, now: datetime, claim: Claim | None = None) -> NewKey:
    """Creates a random key. `name` (at most MAX_KEY_NAME_LENGTH) helps its owner to recognize it.

    Raises SessionEnded (the account is not active, or the caller's session or key has ended),
    TooManyKeys, KeyReused.
    """
    text, customer = PREFIX + randomness.token_urlsafe(30), caller.id

    def save() -> UUID:
        # Under the account's lock: no other transaction adds one meanwhile.
        if _live(customer).filter(generation=None).count() >= MAX_KEYS:
            raise TooManyKeys
        key = _insert(customer, text, now=now, name=name)
        audit.record(key_name(key), "create", after={"customer": caller.public_id})
        return key

    with transaction.atomic(durable=True):
        lock_account(caller)
        made = idempotency.once(claim, save, now=now)
    return NewKey(UUID(made.result), None if made.replayed else text)


def key_for_password(username: str, password: str, *, secrets: Sequence[str], now: datetime) -> str:
    """Returns the derived key of the account: 40 hex digits, the same at each call.

    Every failure takes the same time. Raises InvalidCredentials.
    """
    customer = verified(username, password)
    with transaction.atomic(durable=True):
        lock_unchanged(customer)
        return _derived(customer.pk, customer.public_id, secrets, now)


def _derived(customer: int, public_id: UUID, secrets: Sequence[str], now: datetime) -> str:
    """Returns the derived key, and creates it at the first call. Assumes the lock of the account,
    so that only one of several concurrent first calls creates it."""
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
    """Ends a key at once. Raises NotFound unless it is a live key of this customer."""
    with transaction.atomic():
        if not _live(customer).filter(pk=key).update(ended_at=now):
            raise NotFound
        audit.record(key_name(key), "end", before={"ended_at": None}, after={"ended_at": now})


def key_name(key: UUID) -> str:
    """Returns the name of a key in the audit trail."""
    return f"key:{key}"
