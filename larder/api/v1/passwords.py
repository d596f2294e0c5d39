"""Passwords: changed by whoever knows the present one, or set anew with what a mail says."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from larder.api import throttling
from larder.api.authentication import secrets
from larder.api.v1 import account_shapes as shapes
from larder.api.v1.bodies import read_body
from larder.api.v1.faults import faults as shape_faults
from larder.api.v1.http import Endpoint, Open, caller, no_content
from larder.api.v1.operations import operation
from larder.common.clock import now
from larder.common.errors import Fault
from larder.identity import queries
from larder.identity.services import passwords, resets
from larder.identity.services.credentials import password_faults
from larder.identity.services.passwords import Change
from larder.identity.tokens import reset_named
from larder.notifications.errors import MailOff
from larder.notifications.services import PASSWORD_RESET, queue_mail


class PasswordChange(Endpoint):
    is_short = True

    @operation(
        "change_password",
        tag="auth",
        body=shapes.PasswordChange,
        answers={204: None},
        problems=["wrong_password"],
    )
    def post(self, request: Request) -> HttpResponse:
        """Changes the caller's password; their other log-ins end."""
        who = caller(request)
        body = read_body(request, shapes.PasswordChange, also=partial(_faults, who.id))
        wanted = Change(current=body.current_password, new=body.new_password)
        with throttling.log_in(request, queries.profile(who.id).username, proof="caller"):
            passwords.change_password(who, wanted, now=now())
        return no_content()


class PasswordReset(Open):
    @operation(
        "reset_password",
        tag="auth",
        body=shapes.PasswordReset,
        answers={202: None},
        problems=["mail_off"],
        token=False,
    )
    def post(self, request: Request) -> HttpResponse:
        """Has a mail sent with which a new password can be set; says so whoever asks."""
        if not settings.EMAIL_URL:
            raise MailOff
        email, moment = read_body(request, shapes.PasswordReset).email, now()
        tell = partial(queue_mail, PASSWORD_RESET, now=moment)
        with throttling.reset(request, email):
            resets.ask(email, tell=tell, now=moment)
        return no_content(202)


class PasswordResetConfirmation(Open):
    @operation(
        "set_forgotten_password",
        tag="auth",
        body=shapes.NewPassword,
        answers={204: None},
        problems=["reset_token_invalid"],
        token=False,
    )
    def post(self, request: Request) -> HttpResponse:
        """Sets a new password with the token of a mail; every log-in and every key ends."""
        body = read_body(request, shapes.NewPassword, also=_general_faults)
        named = reset_named(body.reset_token)
        with throttling.confirm(request, None if named is None else str(named)):
            resets.set_forgotten(body.reset_token, body.new_password, secrets=secrets(), now=now())
        return no_content()


def _general_faults(body: dict[str, Any]) -> list[Fault]:
    """What is wrong with the new password whoever wants it."""
    wanted = body.get("new_password")
    if "new_password" not in body or shape_faults(wanted, shapes.Password):
        return []
    return password_faults(str(wanted), None, where=passwords.WHERE)


def _faults(customer: int, body: dict[str, Any]) -> list[Fault]:
    """What is wrong with the new password, beside what the declaration says."""
    wanted = body.get("new_password")
    if "new_password" not in body or shape_faults(wanted, shapes.Password):
        return []
    return passwords.faults(customer, str(wanted))
