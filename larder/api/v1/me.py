"""The customer's own account."""

from django.http import HttpResponse
from rest_framework.request import Request

from larder.api.v1 import shapes
from larder.api.v1.http import Endpoint, caller, reply_tagged
from larder.api.v1.operations import CACHED, operation
from larder.identity import queries
from larder.identity.queries import Profile


class Me(Endpoint):
    @operation(
        "get_me",
        tag="me",
        answers={200: shapes.Me, 304: None},
        problems=["not_found"],
        traits=[CACHED],
    )
    def get(self, request: Request) -> HttpResponse:
        """Who the token belongs to."""
        return reply_tagged(request, shown(queries.profile(caller(request).id)))


def shown(profile: Profile) -> shapes.Me:
    """A profile as the API shows it."""
    return shapes.Me(
        id=profile.id,
        public_id=profile.public_id,
        username=profile.username,
        email=profile.email,
        first_name=profile.first_name,
        last_name=profile.last_name,
        may_order=profile.may_order,
        is_staff=profile.is_staff,
        date_joined=profile.date_joined,
    )
