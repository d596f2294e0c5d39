"""The pages of one's own account: the log-in, the change of the password, a new one by link."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_RESET_TOKEN_LENGTH
from larder.http import admin_session, throttling
from larder.http.authentication import secrets
from larder.identity.caller import Caller
from larder.identity.services import passwords
from larder.staff.confirming import CountedForm, act_on, answered, password_field
from larder.staff.identity import second_factor
from larder.staff.pages import themed, words
from larder.staff.refusals import Sentence, explain
from larder.staff.words import gettext_lazy as _

SENTENCES: Mapping[str, Sentence] = {
    "wrong_password": Sentence(
        None, _("Your password was changed meanwhile by another request. Try again.")
    ),
    "reset_token_invalid": Sentence(
        "reset_token", _("This code is wrong, was used before, or has expired. Ask for a new one.")
    ),
}


class LoginForm(CountedForm, AuthenticationForm):  # type: ignore[misc]
    """The admin's log-in."""

    def clean(self) -> Any:
        with self.counting(self.request, self.cleaned_data.get("username"), is_proven=False):
            return super().clean()


def log_in_page(request: HttpRequest) -> HttpResponse:
    """Returns the admin's log-in page. After too many attempts it has the status of that
    refusal, so that scripts that try passwords see it."""
    if request.method == "GET":
        admin_session.add_end_message(request)
        if second_factor.is_pending(request):
            return second_factor.to_page(request)
    page = admin.site.login(request)
    if page.status_code == 302 and second_factor.is_pending(request):
        return second_factor.to_page(request)
    return answered(page)


class OwnPasswordForm(CountedForm, AdminOwnPasswordChangeForm):  # type: ignore[misc]
    """Changes one's own password. As in the API, all other sessions end."""

    def __init__(self, *args: Any, request: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> Any:
        with self.counting(self.request, self.user.username, is_proven=True):
            return super().clean_old_password()

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002
        user, fields = self.user, self.cleaned_data
        session = admin_session.session_of(self.request)
        caller = Caller(user.pk, user.public_id, user.is_staff, session)
        changed = passwords.change_password(
            caller, current=fields["old_password"], new=fields["new_password1"], now=now()
        )
        # Not read again: a password that someone else sets now ends this session, too.
        user.password = changed.password
        return user


def own_password(request: Any, extra_context: Any = None) -> HttpResponseBase:
    """Returns the admin's page for one's own password. Shows an error if too many passwords are
    being hashed."""
    view = PasswordChangeView.as_view(
        form_class=partial(OwnPasswordForm, request=request),
        success_url=reverse("admin:password_change_done"),
        extra_context={**admin.site.each_context(request), **(extra_context or {})},
    )
    try:
        answer = view(request)
    except DomainError as refusal:
        messages.error(request, explain(refusal, SENTENCES)[0].text)
        return HttpResponseRedirect(request.path)
    return answered(answer)


class NewPasswordForm(forms.Form):
    """The token, which a script takes from the link, and the new password."""

    reset_token = words(
        _("Code of the link or the mail"),
        most=MAX_RESET_TOKEN_LENGTH,
        attrs={"autocomplete": "off"},
    )
    new_password = password_field(_("New password"), autocomplete="new-password")
    again = password_field(_("New password again"), autocomplete="new-password")

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        if not self.errors and fields["new_password"] != fields["again"]:
            self.add_error("again", gettext("The two passwords differ."))
        return fields


@never_cache
@sensitive_post_parameters()
def new_password(request: HttpRequest) -> HttpResponse:
    """Sets the password of a person without a session, and leads to the log-in."""
    form = NewPasswordForm(request.POST or None)
    return act_on(request, form, _set, show=_show, sentences=SENTENCES)


def _set(request: HttpRequest, fields: Mapping[str, Any]) -> HttpResponse:
    with throttling.attempted(request, "confirm"):
        token, new = fields["reset_token"], fields["new_password"]
        passwords.set_forgotten(token, new, secrets=secrets(), now=now())
    messages.success(request, gettext("The password is set. Log in with it."))
    return HttpResponseRedirect(reverse("admin:login"))


def _show(request: HttpRequest, form: NewPasswordForm) -> HttpResponse:
    return answered(themed(request, "staff/new_password.html", gettext("New password"), form=form))
