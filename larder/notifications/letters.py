"""What mails say: plain text, in English."""

from dataclasses import dataclass, field
from datetime import datetime

TOKEN = "{token}"
"""What the token takes the place of in PASSWORD_RESET_URL."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to be handed over. What it says is shown by no log and no error report."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reset:
    """Who may set a new password, with which token and until when."""

    email: str = field(repr=False)
    token: str = field(repr=False)
    until: datetime


def password_reset(reset: Reset, *, link: str) -> Letter:
    """Tells how to set a new password: by `link` with the token in it, or, where there is no
    link, with the token itself, to be put into the app."""
    how = f"open this link:\n\n{link.replace(TOKEN, reset.token)}" if link else _code(reset.token)
    text = (
        f"Somebody, most likely you, asked for a new password for your account.\n"
        f"To set one, {how}\n\n"
        f"This works once, until {reset.until:%H:%M} UTC. All log-ins of the account end then.\n\n"
        f"If it was not you, there is nothing to do: the password stays as it is.\n"
    )
    return Letter(reset.email, "A new password", text)


def email_changed(former: str, *, at: datetime) -> Letter:
    """Tells whoever has the former address of an account that it is the former one since `at`."""
    text = (
        f"The email address of your account was changed or taken out at {at:%H:%M} UTC on"
        f" {at:%Y-%m-%d}.\nMails of this shop about the account do not come here any more.\n\n"
        f"If it was you, or the shop because you asked it to, there is nothing to do.\n\n"
        f"If not, somebody else is using your account. Log in with your password and:\n"
        f"1. Change the password, which ends all other log-ins.\n"
        f"2. Delete the keys that you did not make.\n"
        f"3. Put your email address back.\n"
        f"If you cannot log in, turn to the shop at once.\n"
    )
    return Letter(former, "Your email address was changed", text)


def _code(token: str) -> str:
    return f"put this code into the app:\n\n{token}"
