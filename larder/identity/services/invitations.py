"""Invites members of staff: an account with roles, whose password the person sets with a link."""

from collections.abc import Callable, Collection
from datetime import datetime

from django.db import transaction

from larder.db.constraints import refusing_taken
from larder.identity.caller import Caller
from larder.identity.services import accounts, rights
from larder.identity.services.accounts import ByStaff, NewCustomer
from larder.identity.services.resets import Invitation


def invite(
    actor: Caller,
    new: NewCustomer,
    roles: Collection[int],
    *,
    link: Callable[[int], Invitation],
    now: datetime,
) -> tuple[int, Invitation]:
    """Adds an account without a password, gives it the roles with these ids, and calls `link` with
    its id, in one transaction. Returns the id and the link.

    `link` is `resets.offer_within` for this actor. Raises AlreadyTaken, InvalidInput (username,
    email), NotStaff, PermissionMissing (also for a permission of a role that the caller does not
    have), SessionEnded.
    """
    with refusing_taken(), transaction.atomic(durable=True):
        account = accounts.add_within(new, by=actor.public_id, now=now)
        rights.require_manageable(actor, account, rights.ADD)
        change = ByStaff(actor=actor, columns={"is_staff": True}, groups=roles)
        accounts.update_within(account, change, now=now)
        return account, link(account)
