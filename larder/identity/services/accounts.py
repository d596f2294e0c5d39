"""Accounts: made, changed, deleted."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Lower

from larder.core.errors import AlreadyTaken, Fault, InvalidInput, KeyReused, NotFound
from larder.core.limits import MAX_USERNAME_LENGTH
from larder.db import idempotency, versions
from larder.db.constraints import refusing_taken
from larder.db.idempotency import Claim, Made
from larder.identity import hashers, queries
from larder.identity.caller import Caller
from larder.identity.errors import RegistrationClosed, SessionEnded
from larder.identity.hashers import Lane
from larder.identity.models import Address, Customer
from larder.identity.services import repeats
from larder.identity.services.credentials import lock_account, password_faults
from larder.identity.services.email_changes import note_change
from larder.identity.services.sessions import forget_sessions

RegistrationPolicy = Literal["open", "approval", "closed"]

FORGOTTEN_AT_ONCE = 1_000
"""Sessions that are deleted in one transaction with their account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCustomer:
    """What somebody registers with. `password` is the plain text, never stored; with None the
    account has no password and nobody can log in to it, until staff set one."""

    username: str
    password: str | None
    email: str = ""
    first_name: str = ""
    last_name: str = ""


def require_open(policy: RegistrationPolicy) -> None:
    """Raises RegistrationClosed if customers cannot register."""
    if policy == "closed":
        raise RegistrationClosed


def require_active(who: Caller) -> None:
    """Raises SessionEnded if the caller's account is deactivated or deleted.

    A customer's access token outlives the account by seconds: it may read meanwhile. Staff are
    looked up with every request.
    """
    if who.is_staff:
        return
    account = queries.standing([who.id]).get(who.id)
    if account is None or not account.is_active:
        raise SessionEnded


def register(
    asked: NewCustomer,
    *,
    policy: RegistrationPolicy,
    now: datetime,
    claims: Sequence[Claim] = (),
    lane: Lane = "open",
) -> Made:
    """Makes a customer. With `approval` they may log in and look, but not order yet.

    `claims` are those of one key (repeats.py): the same again give the same customer again. What
    is known without hashing is answered without waiting for a hash, also while many wait.
    Raises RegistrationClosed, AlreadyTaken, InvalidInput (username, password), KeyReused,
    Overloaded.
    """
    require_open(policy)
    customer = _unsaved(asked)
    customer.may_order, customer.date_joined = policy == "open", now
    if found := _faults(customer, asked.password):
        raise InvalidInput(found)
    before = _decided(customer, claims)
    if before is not None or asked.password is None:
        return before or _registered(customer, None, claims, now)
    with hashers.place(lane), repeats.one_at_a_time(claims[0].scope if claims else None):
        return _decided(customer, claims) or _registered(customer, asked.password, claims, now)


def _decided(customer: Customer, claims: Sequence[Claim]) -> Made | None:
    """What this request made before, if it did. Raises AlreadyTaken, KeyReused.

    In this order: a name that this request took is seen with the claim that took it.
    """
    taken = queries.taken(username=customer.username, email=customer.email)
    before = repeats.earlier(claims)
    if before is not None:
        return _registered_before(before)
    if taken:
        raise AlreadyTaken(max(taken))
    return None


def _registered(
    customer: Customer, password: str | None, claims: Sequence[Claim], now: datetime
) -> Made:
    def save() -> int:
        customer.save(force_insert=True)
        return customer.pk

    customer.password = make_password(password)
    with refusing_taken(), transaction.atomic(durable=True):
        made = idempotency.once(claims[0] if claims else None, save, now=now)
        if made.replayed:
            return _registered_before(made.result)
    return Made(customer.pk, replayed=False)


def _registered_before(result: str) -> Made:
    if not Customer.objects.filter(pk=int(result), deleted_at=None).exists():
        raise KeyReused
    return Made(int(result), replayed=True)


def faults(asked: NewCustomer) -> list[Fault]:
    """What `register` would refuse of the username and the password as such."""
    return _faults(_unsaved(asked), asked.password)


def _unsaved(asked: NewCustomer) -> Customer:
    return Customer(
        username=Customer.normalize_username(asked.username),
        email=asked.email,
        first_name=asked.first_name,
        last_name=asked.last_name,
    )


def _faults(customer: Customer, password: str | None) -> list[Fault]:
    found = _username_faults(customer.username)
    return found if password is None else found + password_faults(password, customer)


def _username_faults(normalised: str) -> list[Fault]:
    """Normalising can make a name longer: U+FDFA becomes eighteen characters."""
    if len(normalised) > MAX_USERNAME_LENGTH:
        detail = f"At most {MAX_USERNAME_LENGTH} characters in Unicode's normal form KC."
        return [Fault("/username", "too_long", detail)]
    if any(unicodedata.category(one) in _UNSEEN for one in normalised if one not in _JOINERS):
        return [
            Fault(
                "/username", "invalid_format", "Control and invisible characters are not allowed."
            )
        ]
    return []


_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""What nobody sees makes two names look alike, or turns the text around them. Persian and Indic
names are written with the joiners."""


CHANGEABLE = ("username", "email", "first_name", "last_name")
"""What customers change of their accounts themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Conditions of a change: the session or key of `caller` is live, and `version` is the present
    version. None is no condition: services and the admin have no caller."""

    caller: Caller | None = None
    version: int | None = None


ANY_TERMS = Terms()


def change_profile(
    customer: int,
    fields: Mapping[str, str],
    *,
    now: datetime,
    terms: Terms = ANY_TERMS,
    tell: Callable[[UUID], None] | None = None,
) -> None:
    """Changes those of CHANGEABLE that `fields` has; nothing else in it is looked at.

    A new email address is no way back into the account for a while (resets.py: SETTLED), and
    `tell` is called in the same transaction with the id of the change, of which whoever has the
    former one is to be told (email_changes.py); with None nobody can be.
    Tokens stay valid.
    Raises SessionEnded, NotFound (deleted, too), StaleVersion, AlreadyTaken, InvalidInput
    (username).
    """
    wanted: dict[str, Any] = {name: fields[name] for name in CHANGEABLE if name in fields}
    if "username" in wanted:
        wanted["username"] = Customer.normalize_username(wanted["username"])
        if found := _username_faults(wanted["username"]):
            raise InvalidInput(found)
    if "email" in wanted:
        as_it_is = When(email=wanted["email"], then=F("email_since"))
        wanted["email_since"] = Case(as_it_is, default=Value(now))
    with refusing_taken(), transaction.atomic(durable=True):
        if terms.caller is not None:
            _lock_undeleted(terms.caller, customer)
        _note_change(customer, wanted, tell, now)
        _update(customer, wanted, terms.version)


def update_account(
    customer: int,
    columns: Mapping[str, Any],
    *,
    now: datetime,
    tell: Callable[[UUID], None] | None = None,
) -> None:
    """Writes columns of an account that was not deleted, as staff do.

    Whoever has the former email address is told as by `change_profile`. One that staff wrote is
    a way back into the account at once, whatever its customer changed before.
    Raises NotFound, AlreadyTaken.
    """
    wanted = {**columns, "email_since": None} if "email" in columns else columns
    with refusing_taken(), transaction.atomic(durable=True):
        _note_change(customer, columns, tell, now)
        _update(customer, wanted, None)


def _note_change(
    customer: int,
    wanted: Mapping[str, Any],
    tell: Callable[[UUID], None] | None,
    now: datetime,
) -> None:
    if tell is not None and "email" in wanted:
        note_change(customer, wanted["email"], tell=tell, now=now)


def _update(customer: int, columns: Mapping[str, object], version: int | None) -> None:
    versions.update(Customer.objects.filter(pk=customer, deleted_at=None), version, **columns)


def delete_account(customer: int, *, now: datetime, terms: Terms = ANY_TERMS) -> None:
    """Makes an account nobody's: its name is free, its person forgotten, its books stay.

    Its addresses are deleted: none is added later, for that takes the lock of an active account.
    Sessions and keys end by the triggers of the migrations, as with any deactivation: the row's
    lock makes a log-in at the same moment come before it or find no account. The sessions are
    deleted, those beyond FORGOTTEN_AT_ONCE by the worker
    (sessions.py: delete_sessions_of_former_epochs).
    Deleting twice is no error.
    Raises SessionEnded, StaleVersion.
    """
    with transaction.atomic(durable=True), suppress(NotFound):
        if terms.caller is not None:
            _lock_undeleted(terms.caller, customer)
        _update(customer, _anonymous() | {"deleted_at": now}, terms.version)
        Address.objects.filter(customer=customer).delete()
        forget_sessions(customer, limit=FORGOTTEN_AT_ONCE)
        Customer.groups.through.objects.filter(customer=customer).delete()
        Customer.user_permissions.through.objects.filter(customer=customer).delete()


def _lock_undeleted(caller: Caller, customer: int) -> None:
    """Raises NotFound if it is deleted, also where that ended the caller's own session."""
    try:
        lock_account(caller, customer)
    except SessionEnded:
        if not Customer.objects.filter(pk=customer, deleted_at=None).exists():
            raise NotFound from None
        raise


def _anonymous() -> dict[str, object]:
    rights = ("is_active", "is_staff", "is_superuser", "may_order")
    return {
        **dict.fromkeys(("email", "first_name", "last_name"), ""),
        **dict.fromkeys(rights, False),
        "username": f"deleted-{uuid4().hex}",
        "password": make_password(None),
        "password_change": "",
        "last_login": None,
        "email_since": None,
    }


def ensure_account(username: str, password: str, *, superuser: bool) -> None:
    """Makes an account unless one of this name exists, or another transaction makes it at the same
    time; the password is not judged."""
    if Customer.objects.annotate(folded=Lower("username")).filter(folded=username.lower()).exists():
        return
    make = Customer.objects.create_superuser if superuser else Customer.objects.create_user
    with suppress(AlreadyTaken), refusing_taken():
        make(username, password)
