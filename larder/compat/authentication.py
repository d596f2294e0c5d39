"""Finds the caller in the earlier contracts: by key, access token, password or the admin's cookie.

Unlike v1, these read the account in each request: a deactivated or deleted account is refused at
once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from rest_framework import authentication as framework
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from larder.http import admin_session, throttling
from larder.http.api_headers import SAFE
from larder.http.authentication import caller_of_key, proven_factor, signed_caller
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.errors import InvalidCredentials, SessionEnded, TokenExpired, TokenInvalid
from larder.identity.services.credentials import authenticate, renewed


@contextmanager
def logging_in(request: Request, username: str, refusal: APIException) -> Iterator[None]:
    """Counts the block as an attempt to log in. Raises the refusal for a wrong password, and
    RateLimited after too many attempts."""
    try:
        with throttling.attempted(request, "log in", username):
            yield
    except InvalidCredentials as error:
        raise refusal from error


REFUSED_TOKEN = (TokenInvalid, TokenExpired, SessionEnded)
"""The errors of a token. The contracts do not distinguish them."""


class TokenNotValid(AuthenticationFailed):
    """A token that is not valid, in the words of djangorestframework-simplejwt, which they know."""

    def __init__(self, **members: Any) -> None:
        APIException.__init__(self)
        body = {"detail": "Token is invalid or expired", "code": "token_not_valid"}
        self.detail = body | members


class KeyAuthentication(framework.TokenAuthentication):
    """`Authorization: Token <key>`: a long-lived key."""

    def authenticate_credentials(self, key: str) -> tuple[Caller, str]:
        try:
            return caller_of_key(key), key
        except TokenInvalid as error:
            raise AuthenticationFailed("Invalid token.") from error


class BearerAuthentication(framework.TokenAuthentication):
    """`Authorization: Bearer <access token>`, from any token endpoint."""

    keyword = "Bearer"

    def authenticate_credentials(self, key: str) -> tuple[Caller, str]:
        try:
            return renewed(signed_caller(key)), key
        except REFUSED_TOKEN as error:
            raise TokenNotValid(detail=_NOT_FOR_ACCESS, messages=_MESSAGES) from error

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


_NOT_FOR_ACCESS = "Given token not valid for any token type"
_MESSAGES = [
    {
        "token_class": "AccessToken",
        "token_type": "access",
        "message": "Token is invalid or expired",
    }
]


class PasswordAuthentication(framework.BasicAuthentication):
    """`Authorization: Basic`: username and password, hashed at each use.

    A browser that was once asked sends them by itself, with what other sites make it send too.
    """

    def authenticate(self, request: Request) -> Any:
        """Returns the caller, or None without credentials. Raises PermissionDenied for a write from
        another site, AuthenticationFailed for a wrong password."""
        credentials = super().authenticate(request)
        if credentials is not None and request.method not in SAFE and _from_elsewhere(request):
            raise PermissionDenied("CSRF Failed: this request comes from another site.")
        return credentials

    def authenticate_credentials(
        self, userid: str, password: str, request: Any = None
    ) -> tuple[Caller, None]:
        """Checks a password, which counts as an attempt to log in. Raises AuthenticationFailed, and
        RateLimited after too many attempts."""
        with logging_in(request, userid, AuthenticationFailed("Invalid username/password.")):
            return authenticate(userid, password), None


def _from_elsewhere(request: Request) -> bool:
    """Whether a browser says that a page of another site sent this (Fetch Metadata, Origin)."""
    origin = request.META.get("HTTP_ORIGIN")
    if origin in settings.CORS_ALLOWED_ORIGINS:
        return False
    here = f"{request.scheme}://{request.get_host()}"
    return request.META.get("HTTP_SEC_FETCH_SITE") == "cross-site" or origin not in {None, here}


class CookieAuthentication(framework.SessionAuthentication):
    """The admin's session cookie, with the CSRF token on writes."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """Returns the caller of the admin's session, with the present rights, or None. Raises
        PermissionDenied for a write without the CSRF token."""
        credentials = super().authenticate(request)
        if credentials is None:
            return None
        user = credentials[0]
        factor = proven_factor(request._request)
        session = admin_session.session_of(request._request)
        who = Caller(user.pk, user.public_id, user.is_staff, session, factor=factor)
        return queries.with_rights(who), None


def require_confirmation(request: Request) -> None:
    """Raises PermissionDenied if the admin's cookie is used, and the password was not given
    lately in its session."""
    if not isinstance(request.successful_authenticator, CookieAuthentication):
        return
    if not admin_session.is_confirmed(request._request):
        raise PermissionDenied(
            "Your password is needed again: log out of the admin, log in, and send this again."
        )
