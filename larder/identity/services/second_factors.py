"""Enrols, proves and removes second factors, with their recovery codes. The caller is the owner of
the account, in the admin; `secrets` are those of the installation, the present first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from larder.core.errors import NotFound
from larder.core.limits import MAX_PASSKEYS
from larder.identity import factors
from larder.identity.caller import Caller
from larder.identity.errors import LastSecondFactor, SecondFactorWrong, TooManyPasskeys
from larder.identity.models import Customer, RecoveryCode, SecondFactor
from larder.identity.services import audit
from larder.identity.services.credentials import lock_account
from larder.identity.services.rights import MANAGE, require_manageable

TOTP, PASSKEY = "totp", "passkey"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A new factor, and the recovery codes that were made with it."""

    factor: UUID
    recovery_codes: Sequence[str]


def prove(caller: Caller, typed: str, *, secrets: Sequence[str], now: datetime) -> UUID:
    """Accepts a code of the account's app, or one of its recovery codes, once. Returns the id of
    what was proven, for the mark of the session. Raises SecondFactorWrong.

    The use is one conditional update: of two concurrent log-ins with one code, one succeeds.
    """
    code = factors.normalised(typed)
    with transaction.atomic(durable=True):
        if factors.is_app_code(code):
            return _prove_app(caller, code, secrets, now)
        used = _use_recovery_code(caller, code, now)
        _record(caller.public_id, "use_recovery_code", {"left": _unused(caller.id).count()})
        return used


def _prove_app(caller: Caller, code: str, secrets: Sequence[str], now: datetime) -> UUID:
    factor = SecondFactor.objects.filter(customer=caller.id, kind=TOTP).first()
    if factor is None:
        raise SecondFactorWrong
    secret = factors.unseal(bytes(factor.credential), caller.public_id, secrets)
    step = None if secret is None else factors.step_of(code, secret, now=now)
    if secret is None or step is None:
        raise SecondFactorWrong
    # Sealed anew, so that a former SECRET_KEY is no longer needed for it.
    sealed = factors.seal(secret, caller.public_id, secrets)
    unused = SecondFactor.objects.filter(pk=factor.pk, counter__lt=step)
    if not unused.update(counter=step, credential=sealed, last_used_at=now):
        raise SecondFactorWrong
    return factor.pk


def prove_passkey(caller: Caller, answer: factors.Answer, *, now: datetime) -> UUID:
    """Accepts a signature of one of the account's passkeys. Returns the id of what was proven.
    Raises SecondFactorWrong, also if the passkey has counted no more signatures than before: then
    a copy of it was used. Passkeys that several devices share do not count."""
    with transaction.atomic(durable=True):
        mine = _passkeys(caller.id)
        known = {id: bytes(credential) for id, credential in mine.values_list("id", "credential")}
        factor, counter = factors.proven(answer, known)
        unused = mine.filter(counter__lt=counter) if counter else mine.filter(counter=0)
        if not unused.filter(pk=factor).update(counter=counter, last_used_at=now):
            raise SecondFactorWrong
    return factor


def _passkeys(customer: int) -> QuerySet[SecondFactor]:
    return SecondFactor.objects.filter(customer=customer, kind=PASSKEY)


def _use_recovery_code(caller: Caller, code: str, now: datetime) -> UUID:
    unused = _unused(caller.id).filter(digest=factors.recovery_digest(code, caller.public_id))
    used: UUID | None = unused.values_list("id", flat=True).first()
    if used is None or not unused.filter(pk=used).update(used_at=now):
        raise SecondFactorWrong
    return used


def _unused(customer: int) -> QuerySet[RecoveryCode]:
    return RecoveryCode.objects.filter(customer=customer, used_at=None)


def enrol_app(
    caller: Caller, secret: bytes, typed: str, *, secrets: Sequence[str], now: datetime
) -> Enrolled:
    """Enrols an app, in place of the one that the account had. `secret` was offered to it, and
    `typed` is its first code, which counts as used.

    Sessions that another factor opened have to prove the new one. Former recovery codes end: they
    may be lost with the former app.

    Raises SecondFactorWrong (the code, or a proof that is missing or was reset meanwhile),
    SessionEnded (also if the account is not active).
    """
    code = factors.normalised(typed)
    step = factors.step_of(code, secret, now=now) if factors.is_app_code(code) else None
    if step is None:
        raise SecondFactorWrong
    with transaction.atomic(durable=True):
        _lock_own(caller)
        SecondFactor.objects.filter(customer=caller.id, kind=TOTP).delete()
        sealed = factors.seal(secret, caller.public_id, secrets)
        factor = _add(caller, TOTP, sealed, step, now)
        return Enrolled(factor, _new_recovery_codes(caller, now))


def enrol_passkey(caller: Caller, answer: factors.Answer, name: str, *, now: datetime) -> Enrolled:
    """Enrols a passkey beside the factors that the account has. With its first factor an account
    gets recovery codes. Raises as `enrol_app` does, and TooManyPasskeys."""
    credential, counter = factors.created(answer)
    with transaction.atomic(durable=True):
        _lock_own(caller)
        is_first = not SecondFactor.objects.filter(customer=caller.id).exists()
        if _passkeys(caller.id).count() >= MAX_PASSKEYS:
            raise TooManyPasskeys(MAX_PASSKEYS)
        factor = _add(caller, PASSKEY, credential, counter, now, name=name)
        return Enrolled(factor, _new_recovery_codes(caller, now) if is_first else ())


def _add(
    caller: Caller, kind: str, credential: bytes, counter: int, now: datetime, **name: str
) -> UUID:
    factor = SecondFactor.objects.create(
        customer_id=caller.id,
        kind=kind,
        credential=credential,
        counter=counter,
        created_at=now,
        last_used_at=now,
        **name,
    )
    _record(caller.public_id, "enrol_second_factor", {"factor": factor.pk, "kind": kind})
    return factor.pk


def renew_recovery_codes(caller: Caller, *, now: datetime) -> Sequence[str]:
    """Replaces the recovery codes. Other sessions that a used one opened have to prove a factor
    again.

    Raises NotFound (no factor is enrolled), SecondFactorWrong (a proof that was reset meanwhile),
    SessionEnded.
    """
    with transaction.atomic(durable=True):
        _lock_own(caller)
        if not SecondFactor.objects.filter(customer=caller.id).exists():
            raise NotFound
        return _new_recovery_codes(caller, now, but=caller.factor)


def _new_recovery_codes(caller: Caller, now: datetime, but: UUID | None = None) -> Sequence[str]:
    """Replaces the codes, except a used one that proves the session."""
    former = RecoveryCode.objects.filter(customer=caller.id)
    (former.exclude(pk=but) if but else former).delete()
    recovery = [factors.new_recovery_code() for _ in range(factors.RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(
            customer_id=caller.id,
            digest=factors.recovery_digest(factors.normalised(code), caller.public_id),
            created_at=now,
        )
        for code in recovery
    )
    _record(caller.public_id, "make_recovery_codes", {"left": len(recovery)})
    return recovery


def remove(caller: Caller, factor: UUID) -> None:
    """Removes a factor, for the owner of the account. With the last one the recovery codes end.
    Sessions that have proven this one have to prove another.

    Raises NotFound, SessionEnded, SecondFactorWrong (a proof that was reset meanwhile),
    LastSecondFactor (staff need one in this shop).
    """
    with transaction.atomic(durable=True):
        _lock_own(caller)
        own = SecondFactor.objects.filter(customer=caller.id)
        row = own.filter(pk=factor).first()
        if row is None:
            raise NotFound
        if own.count() > 1:
            row.delete()
        elif factors.is_demanded():
            raise LastSecondFactor
        else:
            forget(caller.id)
        _record(caller.public_id, "remove_second_factor", {"factor": factor, "kind": row.kind})


def reset(actor: Caller | None, customer: int) -> None:
    """Removes all factors and recovery codes of an account, for a member of staff who has lost
    them. `actor` is None for a command.

    Raises NotFound (the account is not active), SessionEnded, and NotStaff or PermissionMissing
    unless the caller may manage the account.
    """
    with transaction.atomic(durable=True):
        if actor is not None:
            require_manageable(actor, customer, MANAGE)
        rows = Customer.objects.select_for_update(no_key=True).filter(pk=customer, is_active=True)
        public_id = rows.values_list("public_id", flat=True).first()
        if public_id is None:
            raise NotFound
        forget(customer)
        _record(public_id, "reset_second_factor", {})


def forget(customer: int) -> None:
    """Deletes all factors and recovery codes of an account. Assumes an open transaction."""
    SecondFactor.objects.filter(customer=customer).delete()
    RecoveryCode.objects.filter(customer=customer).delete()


def _lock_own(caller: Caller) -> None:
    """Locks the account. Raises SessionEnded, and SecondFactorWrong if the account has a factor and
    none that it has was proven. The first factor needs the password alone."""
    is_restricted = lock_account(caller).is_restricted
    if is_restricted and SecondFactor.objects.filter(customer=caller.id).exists():
        raise SecondFactorWrong


def _record(public_id: UUID, action: str, after: dict[str, object]) -> None:
    """Records the change. At a log-in, when no actor is set yet, the actor is the account."""
    by = audit.current() or audit.Acting(public_id, "admin")
    entry = audit.Entry(audit.customer_name(public_id), action, after=after)
    audit.record_all([entry], by)
