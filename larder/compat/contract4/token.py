"""Contract 4: returns a long-lived key for a username and password."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.authentication import KeyAuthentication, PasswordAuthentication
from larder.compat.operations import operation
from larder.compat.views import Kinds, PasswordView
from larder.core.clock import now
from larder.http import throttling
from larder.http.authentication import secrets
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials
from larder.identity.services.keys import key_for_password


class KeyByPassword(PasswordAuthentication):
    """HTTP Basic that opens the key in the step that looks at the password.

    In a second step the password could have been changed in between, which ends all keys: the
    old one would open a key that outlives it.
    """

    def authenticate_credentials(  # type: ignore[override]
        self, userid: str, password: str, request: Any = None
    ) -> tuple[Caller, str]:
        try:
            with throttling.log_in(request, userid):
                key = key_for_password(
                    userid, password, channel="contract4", secrets=secrets(), now=now()
                )
        except InvalidCredentials as error:
            raise AuthenticationFailed("Invalid username/password.") from error
        return KeyAuthentication().authenticate_credentials(key)


class Token(PasswordView):
    """The caller's key."""

    authentication_classes: Kinds = (KeyByPassword,)

    @operation("get_token", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Returns the caller's long-lived key, the same at each call."""
        return Response({"token": request.auth})
