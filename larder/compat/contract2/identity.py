"""Registration, and tokens: issued, exchanged, verified."""

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.account_faults import account_body, all_named
from larder.compat.authentication import REFUSED_TOKEN, TokenNotValid
from larder.compat.fields import Password, Text
from larder.compat.operations import operation
from larder.compat.tokens import Credentials, RefreshToken, TokenView, both, log_in, renew
from larder.compat.views import OpenView, read
from larder.core.clock import now
from larder.core.limits import MAX_EMAIL_LENGTH, MAX_USERNAME_LENGTH
from larder.http import throttling
from larder.http.authentication import signer
from larder.identity import queries
from larder.identity.services import accounts, sessions
from larder.identity.services.accounts import NewCustomer
from larder.identity.tokens import IDENTITY


class Registration(serializers.Serializer[Any]):
    username = Text(max_length=MAX_USERNAME_LENGTH)
    email = serializers.EmailField(max_length=MAX_EMAIL_LENGTH)
    password = Password()
    password2 = Password()

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        if attrs["password"] != attrs.pop("password2"):
            raise serializers.ValidationError({"password": "Password fields didn't match."})
        return attrs


class AnyToken(serializers.Serializer[Any]):
    token = Text()


class Register(OpenView):
    """Create an account."""

    serializer_class = Registration

    @operation("register", responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Creates a customer's account."""
        accounts.require_open(settings.REGISTRATION)
        body = account_body(request, Registration)
        with all_named(body), throttling.register(request, body.account()):
            new = NewCustomer(**body.fields())
            customer = accounts.register(new, policy=settings.REGISTRATION, now=now())
        profile = queries.profile(customer.id)
        return Response({"username": profile.username, "email": profile.email}, status=201)


class Token(TokenView):
    """Log in."""

    serializer_class = Credentials

    @operation("log_in", responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Exchanges a username and a password for an access and a refresh token."""
        body = read(request, Credentials)
        named = sessions.Credentials(body["username"], body["password"])
        return log_in(request, named, policy=IDENTITY)


class Refresh(TokenView):
    """Renew a log-in."""

    serializer_class = RefreshToken

    @operation("refresh_token", responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Exchanges a refresh token for a new pair. The old token becomes invalid."""
        return both(renew(request, policy=IDENTITY))


class Verify(TokenView):
    """Verify a token."""

    serializer_class = AnyToken

    @operation("verify_token", responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Checks whether an access or refresh token is valid."""
        token = read(request, AnyToken)["token"]
        try:
            sessions.verify(token, signer=signer(), now=now())
        except REFUSED_TOKEN as error:
            raise TokenNotValid from error
        return Response({})
