"""Creates, derives and ends long-lived keys. Only their hashes are stored.

A random key is shown once. Two of the earlier contracts return the same key at each call. Such a
key is derived: it is an HMAC of the customer and a generation, and is valid while its hash is
stored as live.
"""

import secrets as randomness
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import Error, transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext

from larder.core.errors import Fault, InvalidInput, NotFound, Overloaded, SecondFactorRequired
from larder.core.texts import has_invisible
from larder.db import database, idempotency
from larder.db.idempotency import Claim
from larder.identity import sql
from larder.identity.caller import Caller
from larder.identity.errors import TooManyKeys
from larder.identity.models import Key
from larder.identity.permissions import ALL
from larder.identity.services import audit, quotas
from larder.identity.services.credentials import (
    lock_account,
    lock_unchanged,
    require_permitted,
    verified,
)
from larder.identity.tokens import derived_text, key_digest

MAX_KEYS = 50
"""Live keys of an account, without the derived one."""

MAX_KEY_DAYS = 3_660
"""Days from the creation of a key to its expiry, if it has one."""

PREFIX = "larder_"
"""Scanners for leaked secrets recognize keys by a prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a key gives, and how long: the permissions of staff that it names (None: all that its
    owner has), and its expiry (None: it has none)."""

    permissions: Sequence[str] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A created key. `text` is None if the request repeats an earlier one."""

    id: UUID
    text: str | None

    @property
    def replayed(self) -> bool:
        """Whether this repeats an earlier request."""
        return self.text is None


def create_key(
    caller: Caller,
    name: str,
    *,
    now: datetime,
    claim: Claim | None = None,
    limits: Limits = Limits(),
) -> NewKey:
    """Creates a random key. `name` (at most MAX_KEY_NAME_LENGTH) helps its owner to recognize it.

    A key that is created with a key gives no more than that one, and not longer.

    Raises SessionEnded (the account is not active, or the caller's session or key has ended),
    NotStaff, PermissionMissing and SecondFactorRequired (a permission that the caller does not
    have), InvalidInput (the name, the expiry, a permission that does not exist), TooManyKeys,
    KeyReused, QuotaExceeded.
    """
    text, customer = PREFIX + randomness.token_urlsafe(30), caller.id

    def save() -> UUID:
        # Under the lock: a second factor may have been enrolled since the request began.
        present = lock_account(caller)
        if faults := [*_faults(name, limits, now)]:
            raise InvalidInput(faults)
        present.require(*(limits.permissions or ()))
        # Under the account's lock: no other transaction adds one meanwhile.
        if _live(customer).filter(generation=None).count() >= MAX_KEYS:
            raise TooManyKeys(MAX_KEYS)
        quotas.take("keys", customer)
        columns = _within_own_key(present, limits)
        key = _insert(customer, text, now=now, name=name, **columns)
        with_key = {} if caller.key is None else {"made_with": key_name(caller.key)}
        after = {"customer": caller.public_id, **columns, **with_key}
        audit.record(key_name(key), "create", after=after)
        return key

    with transaction.atomic(durable=True):
        outcome = idempotency.once(claim, save, now=now)
    return NewKey(UUID(outcome.result), None if outcome.replayed else text)


def _faults(name: str, limits: Limits, now: datetime) -> Iterator[Fault]:
    """Yields the faults of a new key: a name with invisible characters, an expiry that has passed
    or is too late, and each permission that does not exist."""
    if has_invisible(name):
        # The names of all accounts' keys are shown to their owner and to staff.
        detail = gettext("Control and invisible characters are not allowed.")
        yield Fault("/name", "invalid_format", detail)
    until, expires_at = now + timedelta(days=MAX_KEY_DAYS), limits.expires_at
    if expires_at is not None and not now < expires_at <= until:
        text = gettext("Expected a time in the next {} days.")
        yield Fault("/expires_at", "out_of_range", text.format(f"{MAX_KEY_DAYS:,}"))
    for position, permission in enumerate(limits.permissions or ()):
        if permission not in ALL:
            detail = gettext("There is no such permission of staff.")
            yield Fault(f"/permissions/{position}", "unknown_value", detail)


def _within_own_key(caller: Caller, limits: Limits) -> dict[str, Any]:
    """Returns the columns of a new key: the limits, within those of the caller's key, if the caller
    uses one. The permissions of `limits` are known to be the caller's. A caller without a required
    second factor creates a key without permissions, which gains none later."""
    named, expires_at = limits.permissions, limits.expires_at
    if caller.is_restricted:
        named = ()
    if caller.key is not None:
        own = Key.objects.values_list("permissions", "expires_at").get(pk=caller.key)
        named = own[0] if named is None else named
        expires_at = min((end for end in (expires_at, own[1]) if end is not None), default=None)
    return {
        "permissions": None if named is None else sorted(set(named)),
        "expires_at": expires_at,
    }


def note_use(caller: Caller) -> None:
    """Notes that the caller's key is used now. Assumes that no transaction is open. If the database
    is away or busy, its next use is noted."""
    with suppress(Error, Overloaded):
        database.execute(sql.NOTE_USE, [caller.key])


def key_for_password(
    username: str, password: str, *, channel: str, secrets: Sequence[str], now: datetime
) -> str:
    """Returns the derived key of the account: 40 hex digits, the same at each call. For staff, the
    audit trail has its creation, through `channel`. Raises InvalidCredentials; QuotaExceeded if it
    creates one."""
    customer = verified(username, password)
    with transaction.atomic(durable=True):
        lock_unchanged(customer)
        with audit.acting(customer.public_id, channel) if customer.is_staff else nullcontext():
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
        _end(_live(customer), live.pk, now)
    last = Key.objects.filter(customer=customer).aggregate(last=Max("generation"))["last"]
    generation = 0 if last is None else last + 1
    quotas.take("keys", customer)
    text = derived_text(secrets[0], public_id, generation)
    key = _insert(customer, text, now=now, generation=generation)
    audit.record(key_name(key), "create", after={"customer": public_id, "derived": True})
    return text


def _insert(customer: int, text: str, *, now: datetime, **fields: object) -> UUID:
    key = Key(customer_id=customer, digest=key_digest(text), created_at=now, **fields)
    key.save(force_insert=True)
    return key.id


def _live(customer: int) -> QuerySet[Key]:
    return Key.objects.live().filter(customer=customer)


DELETE = "identity.delete_key"
"""The permission to end keys of other accounts."""


def delete_key(key: UUID, *, caller: Caller, of_any: bool, now: datetime) -> None:
    """Ends a key of the caller at once; with `of_any` that of any account. A caller
    without a required second factor does not end keys with permissions of staff.

    Raises NotFound unless it is such a live key. Raises SecondFactorRequired, and what
    `require_permitted` raises: to staff also for a live key of another account.
    """
    live = Key.objects.live() if of_any else _live(caller.id)
    with transaction.atomic(durable=True):
        if caller.is_restricted and live.filter(pk=key, permissions__len__gt=0).exists():
            raise SecondFactorRequired(DELETE)
        if not _end(live, key, now):
            if caller.is_staff and Key.objects.live().filter(pk=key).exists():
                # The key of another account: of staff, the refusal names the permission.
                require_permitted(caller, DELETE)
            raise NotFound
        if of_any:
            require_permitted(caller, DELETE)


def _end(live: QuerySet[Key], key: UUID, now: datetime) -> bool:
    """Ends a key if it is one of these. Returns whether it was."""
    if not live.filter(pk=key).update(ended_at=now):
        return False
    audit.record(key_name(key), "end", before={"ended_at": None}, after={"ended_at": now})
    return True


def key_name(key: UUID) -> str:
    """Returns the name of a key in the audit trail."""
    return f"key:{key}"
