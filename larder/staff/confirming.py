"""Asks for the password again before a dangerous page or change of the admin.

A view calls `require_confirmation` before it shows or does what is dangerous. If the password was
not given lately in this session, the user is redirected to a page that asks for it, and from there
back. A form that was sent is shown again with its values (larder/staff/typed.py).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminPasswordWidget

from larder.core.errors import Overloaded
from larder.core.limits import CONFIRMED_SECONDS, MAX_PASSWORD_LENGTH
from larder.http import admin_session, problems
from larder.http.client_address import address_of
from larder.identity.errors import InvalidCredentials
from larder.identity.services.rates import RateLimited
from larder.identity.services.rates.attempts import attempt
from larder.staff import typed
from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import SENTENCES

PASSWORD = "confirm-password"  # nosec B105: the name of a field


class ConfirmationNeeded(Exception):
    """The user did not give the password lately."""


def require_confirmation(request: Any) -> None:
    """Raises ConfirmationNeeded if the user did not give the password lately. Call it after the
    permission is checked and before anything is changed."""
    if not admin_session.is_confirmed(request):
        raise ConfirmationNeeded


def confirming(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a view of the admin, so that it may call `require_confirmation`, and its forms show
    what was typed before the user logged in or gave the password."""

    @wraps(view)
    def confirmed(request: Any, *args: Any, **kwargs: Any) -> Any:
        typed.attach(request)
        try:
            return typed.fill(request, view(request, *args, **kwargs))
        except ConfirmationNeeded:
            if request.method == "POST":
                typed.keep(request, request.user.pk)
            after = urlencode({"next": request.get_full_path()})
            return HttpResponseRedirect(f"{reverse('confirm_password')}?{after}")

    return confirmed


class ConfirmForm(forms.Form):
    """The user's own password. A wrong one counts as an attempt to log in."""

    limited: RateLimited | None = None
    """The refusal after too many attempts."""

    def __init__(self, request: Any) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        self.request = request
        self.fields[PASSWORD] = forms.CharField(
            label=_("Your password"),
            strip=False,
            max_length=MAX_PASSWORD_LENGTH,
            widget=UnfoldAdminPasswordWidget(
                attrs={"autocomplete": "current-password", "autofocus": True}
            ),
        )

    def clean(self) -> dict[str, Any]:
        """Checks the password. Raises ValidationError."""
        password = self.cleaned_data.get(PASSWORD)
        if password is not None:
            try:
                self._check(password)
            except InvalidCredentials as error:
                raise ValidationError({PASSWORD: gettext("The password is wrong.")}) from error
            except Overloaded as error:
                raise ValidationError(SENTENCES["overloaded"].text) from error
            except RateLimited as error:
                self.limited = error
                raise ValidationError(TOO_MANY.format(error.retry_after)) from error
        return self.cleaned_data

    def _check(self, password: str) -> None:
        who = self.request.user
        address = address_of(self.request)
        with attempt("log in", account=who.username, address=address, is_proven=True):
            if not who.check_password(password):
                raise InvalidCredentials


TOO_MANY = _("Too many attempts. Try again in {} seconds.")


def page(request: Any) -> HttpResponse:
    """Asks for the password, then leads back to the page that needed it."""
    form = ConfirmForm(request)
    if form.is_bound and form.is_valid():
        admin_session.confirm(request)
        return HttpResponseRedirect(_after(request))
    context = {
        **admin.site.each_context(request),
        "title": gettext("Confirm your password"),
        "form": form,
        "minutes": CONFIRMED_SECONDS // 60,
    }
    answer = TemplateResponse(request, "staff/confirm_password.html", context)
    return answer if form.limited is None else problems.mark(answer, form.limited)


def _after(request: Any) -> str:
    after = str(request.GET.get("next", ""))
    is_own = url_has_allowed_host_and_scheme(after, {request.get_host()}, request.is_secure())
    return after if is_own else reverse("admin:index")
