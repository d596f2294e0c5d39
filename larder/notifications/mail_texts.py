"""The texts of mails: plain text, in English."""

from dataclasses import dataclass, field
from datetime import datetime

TOKEN = "{token}"
"""The placeholder of the token in PASSWORD_RESET_URL."""

ORDER = "{order}"
"""The placeholder of an order's id in APP_ORDER_URL."""

ORDER_MAILS = (
    *("placed", "held", "changed", "cancelled", "shipped", "returned", "refunded"),
    *("new_order", "refund_due", "low_stock"),
)
"""The kinds of mails about orders: those to customers, and those to the shop."""


@dataclass(frozen=True, slots=True)
class MailText:
    """A mail to be sent, as text and perhaps also as HTML. No log and no error report shows its
    content."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Reset:
    """A password reset: the address, the token, and when the token expires."""

    email: str = field(repr=False)
    token: str = field(repr=False)
    until: datetime


def password_reset(reset: Reset, *, link: str) -> MailText:
    """Returns the mail that says how to set a new password: with `link`, which contains the token,
    or without a link with the token itself, to be entered in the app."""
    how = _how(reset, link, "in the app")
    text = (
        f"A new password was requested for your account.\n"
        f"To set it, {how}\n\n"
        f"This works once, until {reset.until:%H:%M} UTC. All log-ins of the account end then.\n\n"
        f"If you did not request it, ignore this mail. Your password stays the same.\n"
    )
    return MailText(reset.email, "A new password", text)


def invitation(reset: Reset, username: str, *, page: str, link: str) -> MailText:
    """Returns the mail to a new member of staff, who sets a password at `page` of the shop: with
    `link`, which contains the token, or without a link with the token itself."""
    text = (
        f"You have an account in the admin of the shop. Your username is {username}.\n"
        f"To set a password, {_how(reset, link, f'at {page} of the shop')}\n\n"
        f"This works once, until {reset.until:%H:%M} UTC. After that, ask for another link.\n"
    )
    return MailText(reset.email, "Your account", text)


def email_changed(former: str, *, at: datetime) -> MailText:
    """Returns the mail to the former address of an account about its change at `at`."""
    text = (
        f"The email address of your account was changed or removed at {at:%H:%M} UTC on"
        f" {at:%Y-%m-%d}.\nThis address will receive no more mails about the account.\n\n"
        f"If you made this change, or asked the shop to make it, ignore this mail.\n\n"
        f"If not, another person is using your account. Log in with your password and:\n"
        f"1. Change the password, which ends all other log-ins.\n"
        f"2. Delete the keys that you did not create.\n"
        f"3. Set your email address again.\n"
        f"If you cannot log in, contact the shop at once.\n"
    )
    return MailText(former, "Your email address was changed", text)


def webhook_disabled(to: str, name: str) -> MailText:
    """Returns the mail to the owner of an endpoint that is told nothing any more."""
    text = (
        f"The webhook {name} did not accept events for five days, or answered that it is gone.\n"
        f"It is disabled. What waits for it is kept for 30 days.\n\n"
        f"Mend the receiver, send a test, and enable the webhook again: in the admin of the shop,"
        f" or with PATCH webhooks/ID.\n"
    )
    return MailText(to, "A webhook is disabled", text)


def _how(reset: Reset, link: str, place: str) -> str:
    if link:
        return f"open this link:\n\n{link.replace(TOKEN, reset.token)}"
    return f"enter this code {place}:\n\n{reset.token}"
