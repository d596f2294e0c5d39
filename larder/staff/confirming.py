"""Asks for the password again before a dangerous page or change of the admin.

A view calls `require_confirmation` before it shows or does what is dangerous. If the password was
not given lately in this session, a page asks for it, at the same address. Then the admin opens the
requested page, or takes the fields of the form that was sent. Passwords among these fields and
files are not kept; the user gives them again.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminPasswordWidget

from larder.core.errors import Overloaded
from larder.core.limits import CONFIRMED_SECONDS, MAX_PASSWORD_LENGTH
from larder.http import admin_session, problems
from larder.http.client_address import address_of
from larder.identity.errors import InvalidCredentials
from larder.identity.services.rates import RateLimited
from larder.identity.services.rates.attempts import attempt
from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import SENTENCES

PASSWORD, SENT = "confirm-password", "confirm-sent"
"""The fields of the page: the password, and whether a form was sent."""


class ConfirmationNeeded(Exception):
    """The user did not give the password lately."""


def require_confirmation(request: Any) -> None:
    """Raises ConfirmationNeeded if the user did not give the password lately. Call it after the
    permission is checked and before anything is changed."""
    if not admin_session.is_confirmed(request):
        raise ConfirmationNeeded


def confirming(admin_view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps AdminSite.admin_view, so that its views may call `require_confirmation`."""

    def confirmed_view(view: Callable[..., Any], cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002
        @wraps(view)
        def confirmed(request: Any, *args: Any, **kwargs: Any) -> Any:
            if PASSWORD in request.POST:
                form = ConfirmForm(request)
                if not form.is_valid():
                    return _ask(request, form)
                admin_session.confirm(request)
                if not request.POST.get(SENT):
                    return HttpResponseRedirect(request.get_full_path())
                request.POST = _kept(request)
            try:
                return view(request, *args, **kwargs)
            except ConfirmationNeeded:
                return _ask(request)

        return admin_view(confirmed, cacheable)

    return confirmed_view


class ConfirmForm(forms.Form):
    """The user's own password. A wrong one counts as an attempt to log in."""

    limited: RateLimited | None = None
    """The refusal after too many attempts."""

    def __init__(self, request: Any) -> None:
        super().__init__(request.POST if PASSWORD in request.POST else None)
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
        given = self.cleaned_data.get(PASSWORD)
        if given is not None:
            try:
                self._check(given)
            except InvalidCredentials as error:
                raise ValidationError({PASSWORD: gettext("The password is wrong.")}) from error
            except Overloaded as error:
                raise ValidationError(SENTENCES["overloaded"].text) from error
            except RateLimited as error:
                self.limited = error
                raise ValidationError(TOO_MANY.format(error.retry_after)) from error
        return self.cleaned_data

    def _check(self, given: str) -> None:
        who = self.request.user
        address = address_of(self.request)
        with attempt("log in", account=who.username, address=address, is_proven=True):
            if not check_password(given, who.password):
                raise InvalidCredentials


TOO_MANY = _("Too many attempts. Try again in {} seconds.")


def _ask(request: Any, form: ConfirmForm | None = None) -> HttpResponse:
    """Returns the page that asks for the password, with the fields of the form that was sent."""
    shown = form or ConfirmForm(request)
    is_answer = PASSWORD in request.POST
    sent = bool(request.POST.get(SENT)) if is_answer else request.method == "POST"
    kept = _kept(request).lists() if sent else ()
    context = {
        **admin.site.each_context(request),
        "title": gettext("Confirm your password"),
        "form": shown,
        "sent": "yes" if sent else "",
        "sent_name": SENT,
        "kept": [(name, value) for name, values in kept for value in values],
        "lost": _lost(request),
        "minutes": CONFIRMED_SECONDS // 60,
    }
    page = TemplateResponse(request, "staff/confirm_password.html", context)
    return page if shown.limited is None else problems.mark(page, shown.limited)


def _kept(request: Any) -> Any:
    """Returns the fields of the form that was sent, without those of this page, the CSRF token and
    passwords."""
    kept = request.POST.copy()
    for name in [*kept]:
        if name in {PASSWORD, SENT, "csrfmiddlewaretoken"} or _is_secret(name):
            del kept[name]
    return kept


def _is_secret(name: str) -> bool:
    return "password" in name.lower()


def _lost(request: Any) -> str:
    """Returns what of the form that was sent has to be given again; empty for nothing."""
    if request.FILES:
        return gettext("The file was not kept: choose it again on the next page.")
    others = [name for name in request.POST if name not in {PASSWORD, SENT}]
    if any(_is_secret(name) for name in others):
        return gettext("The new password was not kept: type it again on the next page.")
    return ""
