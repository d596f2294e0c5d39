"""Adds, changes and deletes the addresses of a customer."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from larder.core.limits import MAX_ADDRESSES
from larder.db import idempotency, versions
from larder.db.idempotency import Claim, Outcome
from larder.identity.caller import Caller
from larder.identity.errors import TooManyAddresses
from larder.identity.models import Address
from larder.identity.queries import ADDRESS_FIELDS
from larder.identity.services import quotas
from larder.identity.services.credentials import lock_account


def add_address(
    caller: Caller, fields: Mapping[str, str], *, now: datetime, claim: Claim | None = None
) -> Outcome:
    """Adds an address with the ADDRESS_FIELDS in `fields`. Returns its id.

    Raises SessionEnded (the account is not active, or the caller's session or key has ended),
    TooManyAddresses, KeyReused, QuotaExceeded.
    """
    columns, customer = _known(fields), caller.id

    def save() -> UUID:
        lock_account(caller)
        # Under the account's lock: no other transaction adds one meanwhile.
        if Address.objects.filter(customer=customer).count() >= MAX_ADDRESSES:
            raise TooManyAddresses(MAX_ADDRESSES)
        quotas.take("addresses", customer)
        return Address.objects.create(customer_id=customer, created_at=now, **columns).id

    with transaction.atomic(durable=True):
        return idempotency.once(claim, save, now=now)


def change_address(
    caller: Caller, address: UUID, fields: Mapping[str, str], *, version: int | None = None
) -> None:
    """Changes the ADDRESS_FIELDS in `fields`; with `version`, only if that is the current one.

    Raises SessionEnded, NotFound (also for another customer's address), StaleVersion.
    """
    with transaction.atomic(durable=True):
        lock_account(caller)
        versions.update(_one(caller.id, address), version, **_known(fields))


def delete_address(caller: Caller, address: UUID, *, version: int | None = None) -> None:
    """Deletes an address; with `version`, only if that is the current one. Orders keep their copy.

    Raises SessionEnded, NotFound (also for another customer's address), StaleVersion.
    """
    with transaction.atomic(durable=True):
        lock_account(caller)
        row = _one(caller.id, address)
        versions.lock(row, version)
        row.delete()


def _known(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields[name] for name in ADDRESS_FIELDS if name in fields}


def _one(customer: int, address: UUID) -> QuerySet[Address]:
    return Address.objects.filter(id=address, customer=customer)
