"""Accounts: what the contracts have in common of tokens, registrations and changes.

Contract 1 has `username`, contract 3 has `name`, with the same answers. Contract 2 has its own
paths and token policy.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.answers import TAKEN, field_errors
from larder.compat.authentication import (
    REFUSED_TOKEN,
    BearerAuthentication,
    TokenNotValid,
    logging_in,
)
from larder.compat.fields import Password, Text
from larder.compat.views import OpenView, caller, read
from larder.core.clock import now
from larder.core.errors import AlreadyTaken, Fault, InvalidInput
from larder.http import throttling
from larder.http.authentication import signer
from larder.http.shop import former_address_notifier
from larder.identity import queries
from larder.identity.services import accounts, sessions
from larder.identity.services.accounts import NewCustomer
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
    policy: TokenPolicy = API
    body: type[serializers.Serializer[Any]] = LogIn

    def post(self, request: Request) -> Response:
        """Exchanges a password for an access token and a refresh token. Raises
        AuthenticationFailed, RateLimited."""
        body = read(request, self.body)
        name, client = body.get("username") or body["name"], request.META.get("HTTP_USER_AGENT", "")
        credentials = sessions.Credentials(name, body["password"], client)
        sentence = "No active account found with the given credentials"
        with logging_in(request, name, AuthenticationFailed(sentence)):
            pair = sessions.log_in(credentials, policy=self.policy, signer=signer(), now=now())
        return Response({"refresh": pair.refresh, "access": pair.access})


class RefreshView(TokenView):
    policy: TokenPolicy = API

    def post(self, request: Request) -> Response:
        """Returns a new access token for a refresh token. If the policy rotates, also a new refresh
        token, and the old one becomes invalid; otherwise it can be used again. Raises
        ValidationError, TokenNotValid, RateLimited."""
        token, policy = read(request, RefreshToken)["refresh"], self.policy
        try:
            with throttling.refresh(request, token, policy=policy):
                pair = sessions.refresh(token, policy=policy, signer=signer(), now=now())
        except REFUSED_TOKEN as error:
            raise TokenNotValid from error
        renewed = {"refresh": pair.refresh} if policy.rotates else {}
        return Response({"access": pair.access, **renewed})


class AccountBody(serializers.Serializer[Any]):
    """A body about an account. It is refused with all its faults: invalid fields and taken names.

    The database names the first that is taken, and other faults are found before any statement.
    """

    called = "username"
    """The field of the username."""
    taken: Mapping[str, str] = TAKEN

    def named(self) -> dict[str, str]:
        """Returns the valid ones of username and email, even if other fields have faults."""
        self.is_valid()
        body: Any = self.initial_data
        sent = {"username": self.called, "email": "email"}
        return {
            name: str(self.fields[field].run_validation(body[field]))
            for name, field in sent.items()
            if isinstance(body, Mapping) and field in body
            if field in self.fields and field not in self.errors
        }

    def valid(self) -> dict[str, Any]:
        """Returns the whole body. Raises InvalidInput, as limits of attempts count it."""
        if self.is_valid():
            return dict(self.validated_data)
        faults = [Fault(name, "", text) for name, texts in self.errors.items() for text in texts]
        raise InvalidInput(faults)

    def counted(self) -> Mapping[str, str]:
        """Returns the names that an attempt counts for. Raises InvalidInput if the body has faults
        and no valid name."""
        return {name: text for name, text in self.named().items() if text} or self.valid()

    @contextmanager
    def all_named(self, account: int = 0) -> Iterator[None]:
        """Names each of username and email that another account than `account` has, with the other
        faults. Raises ValidationError."""
        try:
            yield
        except (AlreadyTaken, InvalidInput) as error:
            names = queries.taken(**{"username": "", "email": ""} | self.named(), but=account)
            faults = field_errors(error) | {name: [self.taken[name]] for name in names}
            raise ValidationError(
                {self.called if name == "username" else name: faults[name] for name in faults}
            ) from error


def registered(request: Request, shape: type[AccountBody]) -> int:
    """Registers the customer of the body. Returns the id. Raises RegistrationClosed,
    ValidationError, RateLimited."""
    accounts.require_open(settings.REGISTRATION)
    body = shape(data=request.data)
    with (
        body.all_named(),
        throttling.attempted(request, "register", next(iter(body.counted().values()))),
    ):
        new = NewCustomer(**body.valid())
        return accounts.register(new, policy=settings.REGISTRATION, now=now()).id


def change(request: Request, account: int, body: AccountBody) -> Mapping[str, Any]:
    """Changes an account. Returns the fields of the body. Raises ValidationError, RateLimited."""
    who = caller(request)
    with (
        body.all_named(account),
        throttling.change_profile(request, who, account, body.counted()),
    ):
        fields, notify = body.valid(), former_address_notifier(now())
        accounts.change_profile(account, fields, caller=who, notify=notify)
        return fields


urlpatterns = [
    path("api/token/", LogInView.as_view()),
    path("api/token/refresh/", RefreshView.as_view()),
]
