"""Contract 0: returns a key for a username and a password, the same at each call."""

from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.accounts import Credentials
from larder.compat.authentication import logging_in
from larder.compat.views import OpenView, read
from larder.core.clock import now
from larder.http.authentication import secrets
from larder.identity.services.keys import key_for_password


class KeyView(OpenView):
    def post(self, request: Request) -> Response:
        """Returns the key of the account. It is valid until the account is deactivated."""
        body = read(request, Credentials)
        sentence = "Unable to log in with provided credentials."
        refusal = ValidationError({"non_field_errors": [sentence]})
        with logging_in(request, body["username"], refusal):
            key = key_for_password(**body, channel="contract0", secrets=secrets(), now=now())
        return Response({"token": key})


urlpatterns = [path("auth/", KeyView.as_view())]
