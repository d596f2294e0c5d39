"""Enrols, proves and removes second factors, with their recovery codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from larder.core.errors import NotFound
from larder.core.limits import MAX_PASSKEYS
from larder.identity import factors, queries
from larder.identity.caller import Caller
from larder.identity.errors import (
    LastSecondFactor,
    SecondFactorWrong,
    SessionEnded,
    TooManyPasskeys,
)
from larder.identity.models import Customer, RecoveryCode, SecondFactor
from larder.identity.queries.credentials import is_ongoing_session
from larder.identity.services import audit
from larder.identity.services.rights import MANAGE, require_manageable

TOTP, PASSKEY = "totp", "passkey"


@dataclass(frozen=True, slots=True)
class Account:
    """The account whose factor is meant, and the secrets of the installation, the present first.
    `session` is that of its own request, and `proven` the factor that was proven in it."""

    id: int
    public_id: UUID
    secrets: Sequence[str]
    session: UUID | None = None
    proven: UUID | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A new factor, and the recovery codes that were made with it."""

    factor: UUID
    recovery_codes: Sequence[str]


def prove(account: Account, typed: str, *, now: datetime) -> UUID:
    """Accepts a code of the account's app, or one of its recovery codes, once. Returns the id of
    what was proven, for the mark of the session. Raises SecondFactorWrong.

    The use is one conditional update: of two concurrent log-ins with one code, one succeeds.
    """
    code = factors.normalised(typed)
    with transaction.atomic(durable=True):
        if factors.is_app_code(code):
            return _prove_app(account, code, now)
        used = _use_recovery_code(account, code, now)
        _record(account, "use_recovery_code", {"left": _unused(account.id).count()})
        return used


def _prove_app(account: Account, code: str, now: datetime) -> UUID:
    factor = SecondFactor.objects.filter(customer=account.id, kind=TOTP).first()
    if factor is None:
        raise SecondFactorWrong
    secret = factors.unseal(bytes(factor.credential), account.public_id, account.secrets)
    step = None if secret is None else factors.step_of(code, secret, now=now)
    if secret is None or step is None:
        raise SecondFactorWrong
    # Sealed anew, so that a former SECRET_KEY is no longer needed for it.
    sealed = factors.seal(secret, account.public_id, account.secrets)
    unused = SecondFactor.objects.filter(pk=factor.pk, counter__lt=step)
    if not unused.update(counter=step, credential=sealed, last_used_at=now):
        raise SecondFactorWrong
    return factor.pk


def prove_passkey(account: Account, answer: factors.Answer, *, now: datetime) -> UUID:
    """Accepts a signature of one of the account's passkeys. Returns the id of what was proven.
    Raises SecondFactorWrong, also if the passkey has counted no more signatures than before: then
    a copy of it was used. Passkeys that several devices share do not count."""
    with transaction.atomic(durable=True):
        mine = _passkeys(account.id)
        known = {id: bytes(credential) for id, credential in mine.values_list("id", "credential")}
        factor, counter = factors.proven(answer, known)
        unused = mine.filter(counter__lt=counter) if counter else mine.filter(counter=0)
        if not unused.filter(pk=factor).update(counter=counter, last_used_at=now):
            raise SecondFactorWrong
    return factor


def _passkeys(customer: int) -> QuerySet[SecondFactor]:
    return SecondFactor.objects.filter(customer=customer, kind=PASSKEY)


def _use_recovery_code(account: Account, code: str, now: datetime) -> UUID:
    unused = _unused(account.id).filter(digest=factors.recovery_digest(code, account.public_id))
    used: UUID | None = unused.values_list("id", flat=True).first()
    if used is None or not unused.filter(pk=used).update(used_at=now):
        raise SecondFactorWrong
    return used


def _unused(customer: int) -> QuerySet[RecoveryCode]:
    return RecoveryCode.objects.filter(customer=customer, used_at=None)


def enrol_app(account: Account, secret: bytes, typed: str, *, now: datetime) -> Enrolled:
    """Enrols an app, in place of the one that the account had. `secret` was offered to it, and
    `typed` is its first code, which counts as used.

    Sessions that another factor opened have to prove the new one. Former recovery codes end: they
    may be lost with the former app.

    Raises SecondFactorWrong (the code, or a proof that is missing or was reset meanwhile), NotFound
    (the account is not active), SessionEnded (its sessions were ended).
    """
    code = factors.normalised(typed)
    step = factors.step_of(code, secret, now=now) if factors.is_app_code(code) else None
    if step is None:
        raise SecondFactorWrong
    with transaction.atomic(durable=True):
        _lock_own(account)
        SecondFactor.objects.filter(customer=account.id, kind=TOTP).delete()
        sealed = factors.seal(secret, account.public_id, account.secrets)
        factor = _add(account, TOTP, sealed, step, now)
        return Enrolled(factor, _new_recovery_codes(account, now))


def enrol_passkey(
    account: Account, answer: factors.Answer, name: str, *, now: datetime
) -> Enrolled:
    """Enrols a passkey beside the factors that the account has. With its first factor an account
    gets recovery codes. Raises as `enrol_app` does, and TooManyPasskeys."""
    credential, counter = factors.created(answer)
    with transaction.atomic(durable=True):
        _lock_own(account)
        is_first = not SecondFactor.objects.filter(customer=account.id).exists()
        if _passkeys(account.id).count() >= MAX_PASSKEYS:
            raise TooManyPasskeys(MAX_PASSKEYS)
        factor = _add(account, PASSKEY, credential, counter, now, name=name)
        return Enrolled(factor, _new_recovery_codes(account, now) if is_first else ())


def _add(
    account: Account, kind: str, credential: bytes, counter: int, now: datetime, **name: str
) -> UUID:
    factor = SecondFactor.objects.create(
        customer_id=account.id,
        kind=kind,
        credential=credential,
        counter=counter,
        created_at=now,
        last_used_at=now,
        **name,
    )
    _record(account, "enrol_second_factor", {"factor": factor.pk, "kind": kind})
    return factor.pk


def renew_recovery_codes(account: Account, *, now: datetime) -> Sequence[str]:
    """Replaces the recovery codes. Other sessions that a used one opened have to prove a factor
    again.

    Raises NotFound (no factor is enrolled), SecondFactorWrong (a proof that was reset meanwhile),
    SessionEnded.
    """
    with transaction.atomic(durable=True):
        _lock_own(account)
        if not SecondFactor.objects.filter(customer=account.id).exists():
            raise NotFound
        return _new_recovery_codes(account, now, but=account.proven)


def _new_recovery_codes(account: Account, now: datetime, but: UUID | None = None) -> Sequence[str]:
    """Replaces the codes, except a used one that proves the session."""
    former = RecoveryCode.objects.filter(customer=account.id)
    (former.exclude(pk=but) if but else former).delete()
    recovery = [factors.new_recovery_code() for _ in range(factors.RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(
            customer_id=account.id,
            digest=factors.recovery_digest(factors.normalised(code), account.public_id),
            created_at=now,
        )
        for code in recovery
    )
    _record(account, "make_recovery_codes", {"left": len(recovery)})
    return recovery


def remove(account: Account, factor: UUID) -> None:
    """Removes a factor, for the owner of the account. With the last one the recovery codes end.
    Sessions that have proven this one have to prove another.

    Raises NotFound, SessionEnded, SecondFactorWrong (a proof that was reset meanwhile),
    LastSecondFactor (staff need one in this shop).
    """
    with transaction.atomic(durable=True):
        _lock_own(account)
        own = SecondFactor.objects.filter(customer=account.id)
        row = own.filter(pk=factor).first()
        if row is None:
            raise NotFound
        if own.count() > 1:
            row.delete()
        elif factors.is_demanded():
            raise LastSecondFactor
        else:
            forget(account.id)
        _record(account, "remove_second_factor", {"factor": factor, "kind": row.kind})


def reset(actor: Caller | None, account: Account) -> None:
    """Removes all factors and recovery codes of an account, for a member of staff who has lost
    them. `actor` is None for a command.

    Raises NotFound, SessionEnded, and NotStaff or PermissionMissing unless the caller may manage
    the account.
    """
    with transaction.atomic(durable=True):
        if actor is not None:
            require_manageable(actor, account.id, MANAGE)
        _lock(account)
        forget(account.id)
        _record(account, "reset_second_factor", {})


def forget(customer: int) -> None:
    """Deletes all factors and recovery codes of an account. Assumes an open transaction."""
    SecondFactor.objects.filter(customer=customer).delete()
    RecoveryCode.objects.filter(customer=customer).delete()


def _lock(account: Account) -> None:
    """Locks the account. Raises NotFound unless it is active, and SessionEnded if the sessions of
    the account were ended since the request read it."""
    rows = Customer.objects.select_for_update(no_key=True).filter(pk=account.id, is_active=True)
    if not rows:
        raise NotFound
    if account.session is not None and not is_ongoing_session(account.session):
        raise SessionEnded


def _lock_own(account: Account) -> None:
    """Locks the account. Raises as `_lock` does, and SecondFactorWrong if the account has a factor
    and none that it has was proven. The first factor needs the password alone."""
    _lock(account)
    rights = queries.rights(account.id, account.proven)
    if rights.has_factor and rights.needs_factor:
        raise SecondFactorWrong


def _record(account: Account, action: str, after: dict[str, object]) -> None:
    """Records the change. At a log-in, when no actor is set yet, the actor is the account."""
    by = audit.current() or audit.Acting(account.public_id, "admin")
    entry = audit.Entry(audit.customer_name(account.public_id), action, after=after)
    audit.record_all([entry], by)
