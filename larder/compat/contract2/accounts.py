"""Accounts: registration, tokens, and customers: staff read and change all, customers their own."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.accounts import AccountBody, TokenView, change, registered
from larder.compat.authentication import REFUSED_TOKEN, TokenNotValid, require_confirmation
from larder.compat.fields import Address, Password, Text, created
from larder.compat.pages import ByOffset, Rows
from larder.compat.views import BrowsableView, OpenView, caller, needs, read
from larder.core.clock import now
from larder.core.errors import NotFound
from larder.core.limits import MAX_EMAIL_LENGTH, MAX_PERSON_NAME_LENGTH, MAX_USERNAME_LENGTH
from larder.http.authentication import signer
from larder.identity import queries
from larder.identity.queries import Profile
from larder.identity.services import accounts, sessions
from larder.identity.services.accounts import NewCustomer


class Registration(AccountBody):
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

    def post(self, request: Request) -> Response:
        profile = queries.profile(registered(request, Registration))
        return Response({"username": profile.username, "email": profile.email}, status=201)


class Verify(TokenView):
    """Verify a token."""

    def post(self, request: Request) -> Response:
        token = read(request, AnyToken)["token"]
        try:
            sessions.verify(token, signer=signer(), now=now())
        except REFUSED_TOKEN as error:
            raise TokenNotValid from error
        return Response({})


class CustomerBody(AccountBody):
    id = serializers.IntegerField(read_only=True)
    username = Text(max_length=MAX_USERNAME_LENGTH)
    first_name = Text(max_length=MAX_PERSON_NAME_LENGTH, required=False, allow_blank=True)
    last_name = Text(max_length=MAX_PERSON_NAME_LENGTH, required=False, allow_blank=True)
    email = serializers.EmailField(max_length=MAX_EMAIL_LENGTH, required=False, allow_blank=True)
    url = Address("/api/identity/customers/{0.id}/")
    public_id = serializers.UUIDField(read_only=True)


class NewByStaff(CustomerBody):
    password = Password(required=False)


class Customers(BrowsableView):
    """All accounts for staff, the own account for customers."""

    serializer_class, pagination_class = CustomerBody, ByOffset

    @needs(key="identity.view_customer")
    def get(self, request: Request) -> Response:
        return Response(self.page(_visible(request)))

    @needs("identity.add_customer")
    def post(self, request: Request) -> Response:
        """Creates an account. Without a password a log-in is impossible until one is set."""
        body = NewByStaff(data=request.data)
        with body.all_named():
            new = NewCustomer(**{"password": None} | body.valid())
            by = caller(request).public_id
            # Whether customers may register themselves is not staff's concern.
            customer = accounts.register(new, policy="open", now=now(), by=by)
        return created(self.shown(queries.profile(customer.id)))


def _visible(request: Request) -> Rows[Profile]:
    who = caller(request)
    if not who.may("identity.view_customer"):
        own = [queries.profile(who.id)]
        return Rows(lambda: 1, lambda offset, limit: own[offset : offset + limit])
    return Rows(
        queries.count_profiles,
        lambda offset, limit: queries.profiles(offset=offset, limit=limit),
    )


class Customer(BrowsableView):
    """An account."""

    serializer_class = CustomerBody

    @needs(key="identity.view_customer")
    def get(self, request: Request, customer: int) -> Response:
        return Response(self.shown(_account(request, customer)))

    @needs(key="identity.change_customer")
    def put(self, request: Request, customer: int) -> Response:
        """Changes a customer. The username is required; other omitted fields stay unchanged."""
        return self._changed(customer, partial=False)

    @needs(key="identity.change_customer")
    def patch(self, request: Request, customer: int) -> Response:
        return self._changed(customer, partial=True)

    @needs(key="identity.delete_customer")
    def delete(self, request: Request, customer: int) -> Response:
        """Deletes an account. Its orders stay."""
        _account(request, customer)
        require_confirmation(request)
        accounts.delete_account(customer, caller=caller(request), now=now())
        return Response(status=204)

    def _changed(self, customer: int, *, partial: bool) -> Response:
        request = self.request
        _account(request, customer)
        require_confirmation(request)
        change(request, customer, CustomerBody(data=request.data, partial=partial))
        return Response(self.shown(queries.profile(customer)))


def _account(request: Request, customer: int) -> Profile:
    """Returns the account. Raises NotFound; for the account of another, to customers the same, and
    to staff what `require` raises."""
    who = caller(request)
    if who.id != customer:
        if not who.is_staff:
            raise NotFound
        who.require("identity.view_customer")
    return queries.profile(customer)
