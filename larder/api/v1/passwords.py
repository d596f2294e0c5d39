"""Passwords: changed by whoever knows the present one."""

from functools import partial
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from larder.api import throttling
from larder.api.v1 import account_shapes as shapes
from larder.api.v1.bodies import read_body
from larder.api.v1.faults import faults as shape_faults
from larder.api.v1.http import Endpoint, caller, no_content
from larder.api.v1.operations import operation
from larder.common.clock import now
from larder.common.errors import Fault
from larder.identity import queries
from larder.identity.services import passwords
from larder.identity.services.passwords import Change


class PasswordChange(Endpoint):
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
        with throttling.log_in(request, queries.profile(who.id).username):
            passwords.change_password(who, wanted, now=now())
        return no_content()


def _faults(customer: int, body: dict[str, Any]) -> list[Fault]:
    """What is wrong with the new password, beside what the declaration says."""
    wanted = body.get("new_password")
    if "new_password" not in body or shape_faults(wanted, shapes.Password):
        return []
    return passwords.faults(customer, str(wanted))
