"""Whether an account may order. Pure: asked with its standing as the transaction reads it."""

from uuid import UUID

from larder.core.errors import DomainError, NotFound
from larder.identity.errors import OrderingNotAllowed, SessionEnded
from larder.identity.queries import Standing


def why_not_order(account: Standing | None, *, actor: UUID) -> DomainError | None:
    """What forbids that `actor` (a public id) has units put on this account's order, if anything.

    NotFound: there is no such account. SessionEnded: it was deactivated, and is the actor's own.
    OrderingNotAllowed: it was deactivated, or may not order.
    """
    if account is None:
        return NotFound()
    if not account.is_active and account.public_id == actor:
        return SessionEnded()
    return None if account.is_active and account.may_order else OrderingNotAllowed()
