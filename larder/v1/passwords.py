"""Passwords: changed with the current password, or reset with the token of a mail."""

from functools import partial
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from msgspec import Meta

from larder.core.clock import now
from larder.core.errors import Fault
from larder.core.limits import MAX_EMAIL_LENGTH, MAX_PASSWORD_LENGTH, MAX_RESET_TOKEN_LENGTH
from larder.http import throttling
from larder.http.authentication import secrets
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.services import passwords, resets
from larder.identity.services.credentials import password_faults
from larder.identity.services.passwords import Change
from larder.notifications.errors import MailOff
from larder.notifications.services import PASSWORD_RESET, queue_mail
from larder.v1.faults import faults as shape_faults
from larder.v1.http import no_content
from larder.v1.operations import Received, operation
from larder.v1.shapes import Request

Password = Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD_LENGTH)]


class PasswordChange(Request):
    """The current password and the new one."""

    current_password: Annotated[str, Meta(max_length=MAX_PASSWORD_LENGTH)]
    new_password: Password


class PasswordReset(Request):
    """The email address of the account, to which the mail is sent."""

    email: Annotated[
        str,
        Meta(
            max_length=MAX_EMAIL_LENGTH,
            pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+\Z",
            extra={"form": "Expected an address such as ada@example.com."},
        ),
    ]


class NewPassword(Request):
    """The token of the mail and the new password."""

    reset_token: Annotated[str, Meta(max_length=MAX_RESET_TOKEN_LENGTH)]
    new_password: Password


def _faults(kind: type[Request], body: dict[str, Any], received: Received) -> list[Fault]:
    """Returns the faults of the new password that its struct cannot declare: for the caller's
    account, or for any account. The service finds those of a body without other faults, with a
    wrong current password or token."""
    wanted = body.get("new_password")
    if shape_faults(wanted, Password) or not shape_faults(body, kind):
        return []
    if received.caller is None:
        return password_faults(str(wanted), None, where=passwords.WHERE)
    return passwords.faults(received.caller.id, str(wanted))


def _require_mail() -> None:
    """Raises MailOff if the shop sends no mail."""
    if not settings.EMAIL_URL:
        raise MailOff


@operation(
    tag="auth",
    key_permission="identity.change_customer",
    answers={204: None},
    problems=["wrong_password", "second_factor_required"],
    is_short=True,
    also=partial(_faults, PasswordChange),
    example={
        "current_password": "correct horse battery staple",
        "new_password": "a horse of another colour",
    },
)
def change_password(request: HttpRequest, caller: Caller, body: PasswordChange) -> HttpResponse:
    """Changes the caller's password; the caller's other log-ins end."""
    wanted = Change(current=body.current_password, new=body.new_password)
    username = queries.profile(caller.id).username
    with throttling.log_in(request, username, is_proven=True):
        passwords.change_password(caller, wanted, now=now())
    return no_content()


@operation(
    tag="auth",
    answers={202: None},
    problems=["mail_off"],
    token=False,
    first=_require_mail,
    example={"email": "ada@example.com"},
)
def reset_password(request: HttpRequest, body: PasswordReset) -> HttpResponse:
    """Sends a mail with which a new password can be set. The answer is the same for unknown
    addresses."""
    email, moment = body.email, now()
    notify = partial(queue_mail, PASSWORD_RESET, now=moment)
    with throttling.reset(request, email):
        resets.request_reset(email, notify=notify, now=moment)
    return no_content(202)


@operation(
    tag="auth",
    answers={204: None},
    problems=["reset_token_invalid"],
    token=False,
    also=partial(_faults, NewPassword),
    example={
        "reset_token": "the token in the mail",
        "new_password": "a horse of another colour",
    },
)
def set_forgotten_password(request: HttpRequest, body: NewPassword) -> HttpResponse:
    """Sets a new password with the token of a mail; all log-ins and all keys end."""
    with throttling.confirm(request):
        resets.set_forgotten(body.reset_token, body.new_password, secrets=secrets(), now=now())
    return no_content()
