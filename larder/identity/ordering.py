"""Decides whether an account may order. Pure: gets the standing that the transaction has read."""

from uuid import UUID

from larder.core.errors import DomainError, NotFound
from larder.identity.errors import OrderingNotAllowed, SessionEnded
from larder.identity.queries import Standing


def ordering_refusal(account: Standing | None, *, actor: UUID) -> DomainError | None:
    """Returns the error if `actor` (a public id) may not order for this account; None if allowed.

    NotFound: the account does not exist. SessionEnded: the actor's own account is deactivated.
    OrderingNotAllowed: another account is deactivated, or the account may not order.
    """
    if account is None:
        return NotFound()
    if not account.is_active and account.public_id == actor:
        return SessionEnded()
    return None if account.is_active and account.may_order else OrderingNotAllowed()
