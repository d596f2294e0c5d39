"""Stores deliveries of mails about accounts, in the transaction of what they are about."""

from datetime import datetime
from uuid import UUID

from larder.core.ids import CORRELATION_ID, new_id
from larder.db import database
from larder.relay import sql
from larder.relay.channels import Event
from larder.relay.services import deliveries

CHANNEL, ACCOUNT = "mail", "account"

PASSWORD_RESET = "password_reset"
"""The kind of a mail with a link that sets a password."""

EMAIL_CHANGED = "email_changed"
"""The kind of a mail to the former email address of an account."""

WEBHOOK_DISABLED = "webhook_disabled"
"""The kind of a mail to the owner of an endpoint, which is what it is about."""


def queue_mail(kind: str, about: UUID, recipient: str = "", *, now: datetime) -> None:
    """Queues a mail about an account (by its public id) or an endpoint, if the current transaction
    commits. `recipient` is empty if it is an address that the account has. It is deleted with the
    last attempt; a secret is not stored, but made when the mail is sent."""
    data = {"recipient": recipient, "correlation_id": CORRELATION_ID.get()}
    mail = Event(new_id(), kind, str(about), now, None, data)
    deliveries.store(CHANNEL, [(mail, ACCOUNT)])


def take_former() -> None:
    """Takes the mails that servers of release 0.2.0 have stored."""
    database.execute(sql.TAKE_MAILS)
