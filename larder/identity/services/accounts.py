"""Creates, changes and deletes accounts."""

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Now

from larder.core.errors import AlreadyTaken, Fault, InvalidInput, KeyReused, NotFound
from larder.core.mailboxes import canonical, sent_to
from larder.db import idempotency, versions
from larder.db.constraints import refusing_taken
from larder.db.idempotency import Claim, Outcome
from larder.identity import hashers, queries
from larder.identity.caller import Caller
from larder.identity.errors import RegistrationClosed
from larder.identity.models import Address, Customer, Key, Note, Session
from larder.identity.services import audit, rights, second_factors
from larder.identity.services.attempts import take_mail
from larder.identity.services.credentials import (
    email_faults,
    normalize,
    password_faults,
    username_faults,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCustomer:
    """The data of a registration. `password` is the plain text, which is never stored. With None no
    log-in is possible until one is set."""

    username: str
    password: str | None
    email: str = ""
    first_name: str = ""
    last_name: str = ""


def require_open(policy: str) -> None:
    """Raises RegistrationClosed if customers cannot register."""
    if policy == "closed":
        raise RegistrationClosed


def register(
    new: NewCustomer,
    *,
    policy: str,
    now: datetime,
    claim: Claim | None = None,
    by: UUID | None = None,
) -> Outcome:
    """Creates a customer. With the policy `approval` they may log in and read, but not order yet.
    `by` is the member of staff who creates it; None: a stranger.

    A repeated request with the claim and the password returns the same customer. The claim has no
    password, so that none can be guessed from it. Faults are refused alone: callers find them
    before they count the attempt, and only counted attempts learn which names are taken.
    Raises RegistrationClosed, AlreadyTaken, InvalidInput (username, email, password), KeyReused,
    Overloaded.
    """
    require_open(policy)
    customer = _faultless(new, by=by, now=now)
    customer.may_order = policy == "open"
    earlier = _earlier(customer, claim, new.password)
    if earlier is not None:
        return earlier
    customer.password = hashers.hashed(new.password, "others" if by is None else "staff")
    with transaction.atomic(durable=True):
        outcome = idempotency.once(claim, partial(_insert, customer), now=now)
    return _registered_before(outcome.result, new.password) if outcome.replayed else outcome


def _earlier(customer: Customer, claim: Claim | None, password: str | None) -> Outcome | None:
    """Returns the account that an earlier identical request created, if any. Raises AlreadyTaken,
    KeyReused."""
    # In this order: if an identical request has taken the name, its claim is visible too.
    taken = queries.taken(username=customer.username, email=customer.email)
    if claim is not None:
        earlier = idempotency.find([claim.scope]).get(claim.scope)
        if earlier is not None:
            return _registered_before(earlier.result_for(claim), password)
    if taken:
        raise _already(taken)
    return None


def _already(taken: set[str]) -> AlreadyTaken:
    """Returns the refusal: its code is that of the username, if that is taken."""
    first, *others = sorted(taken, reverse=True)
    return AlreadyTaken(first, [AlreadyTaken(name) for name in others])


def _insert(customer: Customer) -> int:
    Customer.objects.insert(customer)
    personal = [name for name in CHANGEABLE if getattr(customer, name)]
    audit.record(
        audit.customer_name(customer.public_id), "create", after={audit.PERSONAL: personal}
    )
    return customer.pk


def add_within(new: NewCustomer, *, by: UUID, now: datetime) -> int:
    """Creates an account without a password, for the member of staff `by`, in a transaction that is
    open. Returns its id.

    Raises AlreadyTaken, InvalidInput (username, email); not KeyReused, because it claims no key.
    """
    customer = _faultless(new, by=by, now=now)
    _earlier(customer, None, None)
    customer.password = make_password(None)
    return _insert(customer)


def _faultless(new: NewCustomer, *, by: UUID | None, now: datetime) -> Customer:
    """Returns the account, not saved. Raises InvalidInput."""
    if faulty := faults(new):
        raise InvalidInput(faulty)
    customer = _unsaved(new)
    customer.date_joined, customer.password_by, customer.email_by = now, by, by
    return customer


def _registered_before(result: str, password: str | None) -> Outcome:
    account = _undeleted(int(result)).first()
    if account is None or not (password is None or account.check_password(password)):
        raise KeyReused
    return Outcome(result, replayed=True)


def faults(new: NewCustomer) -> list[Fault]:
    """Returns the faults that `register` would find in the username, the email address and
    the password."""
    customer = _unsaved(new)
    faulty = username_faults(customer.username) + email_faults(customer.email)
    return faulty + ([] if new.password is None else password_faults(new.password, customer))


def _unsaved(new: NewCustomer) -> Customer:
    return Customer(
        username=Customer.normalize_username(new.username),
        email=canonical(new.email),
        first_name=new.first_name,
        last_name=new.last_name,
    )


CHANGEABLE = ("username", "email", "first_name", "last_name")
"""The fields of their accounts that customers can change. They are personal data."""

RIGHTS = ("is_active", "is_staff", "is_superuser", "may_order")


Notify = Callable[[UUID, str], None]
"""Queues the mail about a change of the email address, to the former one, of an account by its
public id. A mail needs the worker, which identity does not know."""


def change_profile(
    customer: int,
    fields: Mapping[str, str],
    *,
    caller: Caller | None = None,
    version: int | None = None,
    notify: Notify | None = None,
) -> None:
    """Changes the CHANGEABLE fields that `fields` contains, and ignores the others; with `version`,
    only if that is the current one. Services have no `caller`.

    For some time a new email address cannot be used to reset the password (passwords.py: SETTLED).
    `notify` is called in the same transaction, so that the former address gets a mail; with None it
    gets none. Tokens stay valid.

    Raises SessionEnded, NotFound (also for a deleted account), StaleVersion, AlreadyTaken,
    InvalidInput (username, email), NotStaff, PermissionMissing and SecondFactorRequired (of another
    account, of staff, and of a key that names other permissions).
    """
    columns: dict[str, Any] = {name: fields[name] for name in CHANGEABLE if name in fields}
    normalize(columns)
    if "email" in columns:
        is_same = Q(email=columns["email"])
        columns["email_since"] = Case(When(is_same, then=F("email_since")), default=Now())
        setter = _setter_of_email(caller, customer)
        columns["email_by"] = Case(When(is_same, then=F("email_by")), default=setter)
    with refusing_taken(), transaction.atomic(durable=True):
        if caller is not None:
            of_staff = not rights.OF_STAFF.isdisjoint(columns)
            rights.lock_manageable(caller, customer, rights.CHANGE, of_staff=of_staff)
        _change(customer, columns, version, notify)


def update_account(
    customer: int,
    columns: Mapping[str, Any],
    *,
    actor: Caller,
    now: datetime,
    notify: Notify | None = None,
) -> None:
    """Writes columns of an account that is not deleted, for staff, and with `groups` the ids of all
    its roles.

    Notifies the former email address as `change_profile` does. An address that staff set can be
    used to reset the password at once. Raises NotFound, AlreadyTaken, and as
    `rights.checking_change` does.
    """
    with refusing_taken(), transaction.atomic(durable=True):
        update_within(customer, columns, actor=actor, now=now, notify=notify)


def update_within(
    customer: int,
    changed: Mapping[str, Any],
    *,
    actor: Caller,
    now: datetime,
    notify: Notify | None = None,
) -> None:
    """As `update_account`, in a transaction that is open."""
    columns = dict(changed)
    groups: Collection[int] | None = columns.pop("groups", None)
    normalize(columns)
    if "email" in columns:
        columns |= {"email_since": None, "email_by": _setter_of_email(actor, customer)}
    if columns.get("is_staff") is False:
        columns["is_superuser"], groups = False, ()
    with rights.checking_change(actor, customer, columns, groups, now=now):
        _change(customer, columns, None, notify)
        if groups is not None:
            rights.set_roles(customer, groups)
        if columns.get("is_staff") is False:
            Customer.user_permissions.through.objects.filter(customer=customer).delete()


def _setter_of_email(actor: Caller | None, customer: int) -> Value | F:
    """Returns who sets an email address: whoever knows the password, if the account itself does."""
    setter = rights.setter_of(actor, customer)
    return F("password_by") if setter is None else Value(setter)


def _change(
    customer: int, columns: Mapping[str, Any], version: int | None, notify: Notify | None
) -> None:
    """Changes the account. Raises AlreadyTaken before the update would fail: PostgreSQL could log
    its values. Raises what the update raises first: NotFound, StaleVersion."""
    names = {"username": columns.get("username", ""), "email": columns.get("email", "")}
    if any(names.values()) and (taken := queries.taken(**names, but=customer)):
        versions.require(_undeleted(customer), version)
        raise _already(taken)
    _note_change(customer, columns, notify)
    _update(customer, columns, version)


def _note_change(customer: int, columns: Mapping[str, Any], notify: Notify | None) -> None:
    """Calls `notify` with the former address, if it changes and gets mails. Locks the account
    first, so that it is the address that this change replaces."""
    if notify is None or "email" not in columns:
        return
    rows = _undeleted(customer).select_for_update(no_key=True)
    for former, public_id in rows.values_list("email", "public_id"):
        # An address that gets no mail has no limit, and uses up none of one that is spelled like
        # it.
        is_mailed = former != columns["email"] and sent_to(former)
        if is_mailed and take_mail(former, account=customer):
            notify(public_id, former)


def _update(
    customer: int, columns: Mapping[str, object], version: int | None, *, action: str = "change"
) -> None:
    """Writes the columns. Records rights with their values, and of personal fields the names. Other
    columns are not in the audit trail."""
    row = _undeleted(customer)
    shown = {name: value for name, value in columns.items() if name in (*CHANGEABLE, *RIGHTS)}
    with ExitStack() as recorded:
        for public_id in row.values_list("public_id", flat=True) if audit.current() else ():
            name = audit.customer_name(public_id)
            change = audit.changing(name, row, shown, action=action, personal=CHANGEABLE)
            recorded.enter_context(change)
        versions.update(row, version, **columns)


def _undeleted(customer: int) -> QuerySet[Customer]:
    return Customer.objects.filter(pk=customer, deleted_at=None)


def delete_account(
    customer: int, *, caller: Caller | None = None, version: int | None = None, now: datetime
) -> None:
    """Anonymizes an account: its name becomes free, its personal data is removed, its orders stay.

    Deletes its addresses, notes about it and second factors, and the names of its keys. None can be
    added later, because that needs the lock of an active account. A trigger ends its sessions and
    keys, as with any deactivation. A second deletion is no error.

    Raises SessionEnded, StaleVersion, LastOwner, NotStaff, PermissionMissing and
    SecondFactorRequired (of another account, of staff, and of a key that names other permissions).
    """
    with transaction.atomic(durable=True), suppress(NotFound):
        if caller is not None:
            rights.lock_manageable(caller, customer, rights.DELETE, of_staff=True)
        with rights.keeping_an_owner(customer):
            _update(customer, _anonymous() | {"deleted_at": now}, version, action="delete")
            Address.objects.filter(customer=customer).delete()
            public_id = Customer.objects.values_list("public_id", flat=True).get(pk=customer)
            Note.objects.filter(object=audit.customer_name(public_id)).delete()
            Key.objects.filter(customer=customer).exclude(name="").update(name="")
            second_factors.forget(customer)
            Session.objects.filter(customer=customer).update(client="")
            Customer.groups.through.objects.filter(customer=customer).delete()
            Customer.user_permissions.through.objects.filter(customer=customer).delete()


def _anonymous() -> dict[str, object]:
    return {
        **dict.fromkeys(("email", "first_name", "last_name"), ""),
        **dict.fromkeys(RIGHTS, False),
        "username": f"deleted-{uuid4().hex}",
        "password": make_password(None),
        **dict.fromkeys(("last_login", "email_since", "email_by", "password_by")),
    }


def ensure_account(username: str, password: str, *, email: str = "", superuser: bool) -> None:
    """Creates an account unless one of this name exists. The password rules do not apply."""
    make = Customer.objects.create_superuser if superuser else Customer.objects.create_user
    with suppress(AlreadyTaken):
        make(username, password, email=email)
