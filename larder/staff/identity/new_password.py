"""The page on which a person without a session sets a new password, with the token of a link.

A script sends the token of the link at once, with `look`: the page then says whose password it is.
"""

from collections.abc import Iterable, Mapping
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
from larder.core.errors import DomainError, Overloaded
from larder.core.limits import MAX_PASSWORD_LENGTH, MAX_RESET_TOKEN_LENGTH
from larder.http import problems, throttling
from larder.http.authentication import secrets
from larder.identity.services import resets
from larder.identity.services.rates import RateLimited
from larder.identity.tokens import reset_named
from larder.staff.confirming import TOO_MANY
from larder.staff.identity.password_links import role_text
from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import Sentence, explain

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
    """Shows the form and whose password it is, sets the password, and leads to the log-in."""
    form = _sent(request)
    token = request.POST.get("reset_token", "").strip()[:MAX_RESET_TOKEN_LENGTH]
    if not token:
        return _show(request, form)
    named, owner = reset_named(token), None
    try:
        with throttling.confirm(request, None if named is None else str(named)):
            owner = resets.owner_of(token, secrets=secrets(), now=now())
            if not form.is_valid():
                return _show(request, form, owner)
            wanted = form.cleaned_data["new_password"]
            resets.set_forgotten(token, wanted, secrets=secrets(), now=now())
    except RateLimited as refusal:
        too_many = TOO_MANY.format(refusal.retry_after)
        return problems.mark(_show(request, form, owner, [(None, too_many)]), refusal)
    except DomainError as refusal:
        answer = _show(request, form, owner, explain(refusal, SENTENCES))
        return problems.mark(answer, refusal) if isinstance(refusal, Overloaded) else answer
    messages.success(request, gettext("The password is set. Log in with it."))
    return HttpResponseRedirect(reverse("admin:login"))


def _sent(request: HttpRequest) -> NewPasswordForm:
    """Returns the form that was sent; with its token alone if the script of the page sent it."""
    if request.POST.get("look"):
        return NewPasswordForm(initial={"reset_token": request.POST.get("reset_token")})
    return NewPasswordForm(request.POST or None)


def _show(
    request: HttpRequest,
    form: NewPasswordForm,
    owner: resets.Owner | None = None,
    refused: Iterable[tuple[str | None, str]] = (),
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": gettext("New password"),
        "form": form,
        "facts": _facts(owner) if owner else (),
        "refused": [],
    }
    for field, text in refused:
        if form.is_bound:
            form.add_error(field if field in form.fields else None, text)
        else:
            context["refused"].append(text)
    return TemplateResponse(request, "staff/new_password.html", context)


def _facts(owner: resets.Owner) -> list[tuple[str, str]]:
    roles = [(gettext("Roles"), ", ".join(map(role_text, owner.roles)))] if owner.roles else []
    return [(gettext("Username"), owner.username), *roles]
