"""Users of contract 3: registration, and accounts by their UUID.

A `name` is the username of other contracts. Spaces around it are removed.
"""

import re
import unicodedata
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.account_faults import account_body, all_named
from larder.compat.authentication import require_confirmation
from larder.compat.fields import AnyText, Password
from larder.compat.operations import operation
from larder.compat.views import CompatView, OpenView, caller
from larder.core.clock import now
from larder.core.errors import NotFound
from larder.http import throttling
from larder.identity import queries
from larder.identity.queries import Profile
from larder.identity.services import accounts
from larder.identity.services.accounts import NewCustomer

NAME_LENGTH = 100
"""Characters of a user's name in this contract."""


class Name(AnyText):
    """A user's name. It is measured as it will be kept: Unicode's normal form KC can be longer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=NAME_LENGTH, **options)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, str) and len(data) <= NAME_LENGTH:
            data = unicodedata.normalize("NFKC", data)
        return super().to_internal_value(data)


class Registration(serializers.Serializer[Any]):
    """A new user."""

    name = Name()
    password = Password()


class NewName(serializers.Serializer[Any]):
    """The new name of a user."""

    name = Name()


class RegisterView(OpenView):
    serializer_class = Registration

    @operation("register", responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Creates a customer's account."""
        accounts.require_open(settings.REGISTRATION)
        registration = account_body(request, Registration)
        with _all_named(registration), throttling.register(request, registration.account()):
            body = registration.fields()
            new = NewCustomer(username=body["name"], password=body["password"])
            accounts.register(new, policy=settings.REGISTRATION, now=now())
        return Response({}, status=201)


class UsersView(CompatView):
    @operation("list_users", permission="identity.view_customer", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Staff: lists all users."""
        return Response({"users": self.whole(queries.all_profiles(), _rows)})


def _rows(profiles: list[Profile]) -> list[dict[str, str]]:
    """Shapes users in plain Python: there may be many."""
    return [{"id": profile.public_id.hex, "name": profile.username} for profile in profiles]


class UserView(CompatView):
    serializer_class = NewName

    @operation("get_user", key_permission="identity.view_customer", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, user: str) -> Response:
        """Shows a user's name, to the user and to staff."""
        return Response({"user is": _addressed(request, user).username})

    @operation(
        "rename_user", key_permission="identity.change_customer", responses=OpenApiTypes.OBJECT
    )
    def put(self, request: Request, user: str) -> Response:
        """Changes the caller's name. Tokens stay valid."""
        before = _oneself(request, user)
        name = _rename(request, before)
        return Response({f"user {before.username} has been updated": name})

    @operation(
        "change_user", key_permission="identity.change_customer", responses=OpenApiTypes.OBJECT
    )
    def patch(self, request: Request, user: str) -> Response:
        """Changes the caller's name. The answer has no body."""
        _rename(request, _oneself(request, user))
        return Response({})

    @operation("delete_user", key_permission="identity.delete_customer", responses=OpenApiTypes.STR)
    def delete(self, request: Request, user: str) -> Response:
        """Deletes the caller's account; staff can delete a customer's. Orders stay."""
        profile = _addressed(request, user)
        require_confirmation(request)
        accounts.delete_account(profile.id, now=now(), terms=accounts.Terms(caller=caller(request)))
        return Response(f"User {profile.username} has been deleted")


def _oneself(request: Request, user: str) -> Profile:
    """Raises PermissionDenied for another id; for staff NotFound if it does not exist."""
    profile = _addressed(request, user)
    if profile.id != caller(request).id:
        raise PermissionDenied
    return profile


def _addressed(request: Request, user: str) -> Profile:
    """Returns the user of an id. Customers do not learn whether another id exists.

    Raises NotFound, NotStaff, PermissionMissing.
    """
    public_id, who = _read_id(user), caller(request)
    if public_id != who.public_id:
        who.require("identity.view_customer")
    return queries.profile_by_public_id(public_id)


_HEX = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)


def _read_id(text: str) -> UUID:
    """Parses an id, without braces, which Python's UUID accepts. Raises NotFound."""
    if not _HEX.fullmatch(text):
        raise NotFound
    return UUID(text)


def _rename(request: Request, user: Profile) -> str:
    """Returns the new name. Raises ValidationError, NotFound."""
    new_name, who = account_body(request, NewName), caller(request)
    with _all_named(new_name, account=user.id):
        fields = {"username": str(new_name.fields()["name"])}
        with throttling.change_profile(request, who, user.id, fields):
            terms = accounts.Terms(caller=who)
            accounts.change_profile(user.id, fields, now=now(), terms=terms)
    return fields["username"]


_TAKEN = {"username": "user with this name already exists."}
_all_named = partial(all_named, called="name", taken=_TAKEN)
