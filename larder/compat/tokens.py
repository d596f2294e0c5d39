"""The token endpoints of contracts 1 and 3: a pair for a password, access for a refresh.

Contract 1 has `username`, contract 3 has `name`. The answers are the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.authentication import REFUSED_TOKEN, BearerAuthentication, TokenNotValid
from larder.compat.fields import Password, Text
from larder.compat.views import OpenView, read
from larder.core.clock import now
from larder.http import throttling
from larder.http.authentication import signer
from larder.identity.errors import InvalidCredentials
from larder.identity.services import sessions
from larder.identity.tokens import API, TokenPolicy


class LogIn(serializers.Serializer[Any]):
    """A password with `username` or `name`. If both are sent, `username` is used."""

    username = Text(required=False)
    name = Text(required=False)
    password = Password()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Requires one of the two names. Returns the fields. Raises ValidationError."""
        names = ("username", "name")
        named = [name for name in names if isinstance(data, Mapping) and name in data]
        for name in named[:1] or names:
            self.fields[name].required = True
        for name in named[1:]:
            del self.fields[name]
        read: dict[str, Any] = super().to_internal_value(data)
        return read


class Credentials(serializers.Serializer[Any]):
    """A username and a password."""

    username = Text()
    password = Password()


class RefreshToken(serializers.Serializer[Any]):
    """A refresh token of these endpoints."""

    refresh = Text()


class TokenView(OpenView):
    """A path without authentication that refuses credentials: 401, with their scheme."""

    def get_authenticate_header(self, request: Request) -> str:
        return BearerAuthentication().authenticate_header(request)


class LogInView(TokenView):
    def post(self, request: Request) -> Response:
        """Exchanges a password for an access token (5 minutes) and a refresh token (1 day)."""
        body = read(request, LogIn)
        name = body.get("username") or body["name"]
        return log_in(request, sessions.Credentials(name, body["password"]), policy=API)


def log_in(request: Request, credentials: sessions.Credentials, *, policy: TokenPolicy) -> Response:
    """Returns the tokens of a new session. Raises AuthenticationFailed, RateLimited."""
    credentials = replace(credentials, client=request.META.get("HTTP_USER_AGENT", ""))
    try:
        with throttling.attempted(request, "log in", credentials.username):
            pair = sessions.log_in(credentials, policy=policy, signer=signer(), now=now())
    except InvalidCredentials as error:
        detail = "No active account found with the given credentials"
        raise AuthenticationFailed(detail) from error
    return both(pair)


def both(pair: sessions.Pair) -> Response:
    """Returns the tokens of a session."""
    return Response({"refresh": pair.refresh, "access": pair.access})


def renew(request: Request, *, policy: TokenPolicy) -> sessions.Pair:
    """Returns the tokens for the refresh token in the body.

    Raises ValidationError, TokenNotValid, RateLimited.
    """
    token = read(request, RefreshToken)["refresh"]
    try:
        with throttling.refresh(request, token, policy=policy):
            return sessions.refresh(token, policy=policy, signer=signer(), now=now())
    except REFUSED_TOKEN as error:
        raise TokenNotValid from error


class RefreshView(TokenView):
    def post(self, request: Request) -> Response:
        """Returns a new access token for a refresh token, which can be used again."""
        return Response({"access": renew(request, policy=API).access})


urlpatterns = [
    path("api/token/", LogInView.as_view()),
    path("api/token/refresh/", RefreshView.as_view()),
]
