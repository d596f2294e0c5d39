"""Invites members of staff: an account with roles, whose password the person sets with a link."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from larder.db import idempotency
from larder.db.constraints import refusing_taken
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.services import accounts, rights
from larder.identity.services.accounts import ByStaff, NewCustomer
from larder.identity.services.resets import Invitation


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """The account, and its link; None for a repeated request, because links are not stored."""

    account: int
    invitation: Invitation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStaff:
    """A person who becomes a member of staff: the account, and the ids of its roles."""

    account: NewCustomer
    roles: Collection[int]


def invite(
    actor: Caller,
    person: NewStaff,
    *,
    claim: Claim,
    link: Callable[[int], Invitation],
    now: datetime,
) -> Invited:
    """Adds the account without a password, gives it its roles, and calls `link` with its id, in one
    transaction. All of it is done, or nothing.

    `link` is `resets.offer_within` for this actor. Raises AlreadyTaken, InvalidInput (username,
    email), KeyReused, NotStaff, PermissionMissing (also for a permission of a role that the caller
    does not have), SessionEnded.
    """
    links: list[Invitation] = []

    def save() -> int:
        account = accounts.add_within(person.account, by=actor.public_id, now=now)
        rights.require_manageable(actor, account, rights.ADD)
        change = ByStaff(actor=actor, columns={"is_staff": True}, groups=person.roles)
        accounts.update_within(account, change, now=now)
        links.append(link(account))
        return account

    with refusing_taken(), transaction.atomic(durable=True):
        made = idempotency.once(claim, save, now=now)
    return Invited(account=int(made.result), invitation=links[0] if links else None)
