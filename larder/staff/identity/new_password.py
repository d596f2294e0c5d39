"""The page on which a person without a session sets a new password, with the token of a link."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_PASSWORD_LENGTH, MAX_RESET_TOKEN_LENGTH
from larder.http import problems, throttling
from larder.http.authentication import secrets
from larder.identity.services import resets
from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import BUSY, Sentence, refuse

SENTENCES: Mapping[str, Sentence] = {
    "reset_token_invalid": Sentence(
        "reset_token", _("This code is wrong, was used before, or has expired. Ask for a new one.")
    ),
}


def _password(label: str) -> forms.CharField:
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, strip=False, max_length=MAX_PASSWORD_LENGTH, widget=widget)


class NewPasswordForm(forms.Form):
    """The token, which a script takes from the link, and the new password."""

    reset_token = forms.CharField(
        label=_("Code of the link or the mail"),
        max_length=MAX_RESET_TOKEN_LENGTH,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    new_password = _password(_("New password"))
    again = _password(_("New password again"))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and given["new_password"] != given["again"]:
            self.add_error("again", gettext("The two passwords differ."))
        return given


@never_cache
@sensitive_post_parameters()
def page(request: HttpRequest) -> HttpResponse:
    """Shows the form, sets the password, and leads to the log-in."""
    form = NewPasswordForm(request.POST or None)
    if not form.is_valid():
        return _show(request, form)
    token, wanted = form.cleaned_data["reset_token"], form.cleaned_data["new_password"]
    try:
        with throttling.confirm(request):
            resets.set_forgotten(token, wanted, secrets=secrets(), now=now())
    except DomainError as refusal:
        refuse(form, refusal, SENTENCES)
        page = _show(request, form)
        return problems.mark(page, refusal) if isinstance(refusal, BUSY) else page
    messages.success(request, gettext("The password is set. Log in with it."))
    return HttpResponseRedirect(reverse("admin:login"))


def _show(request: HttpRequest, form: NewPasswordForm) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": gettext("New password"), "form": form}
    return TemplateResponse(request, "staff/new_password.html", context)
