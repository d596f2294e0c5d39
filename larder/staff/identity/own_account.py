"""The pages of the user's own account: the log-in, and the change of the password."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.http import admin_session
from larder.identity import hashers
from larder.identity.caller import Caller
from larder.identity.services import passwords
from larder.identity.services.passwords import Change
from larder.staff.confirming import CountedForm, answered
from larder.staff.identity import second_factor
from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import Sentence, explain

SENTENCES: Mapping[str, Sentence] = {
    "wrong_password": Sentence(
        None, _("Your password was changed meanwhile by another request. Try again.")
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
        user, given = self.user, self.cleaned_data
        caller = Caller(user.pk, user.public_id, user.is_staff, None, epoch=user.session_epoch)
        change = Change(current=given["old_password"], new=given["new_password1"])
        with hashers.in_lane("staff"):
            changed = passwords.change_password(caller, change, now=now())
        # Not read again: a password that someone else sets now ends this session, too.
        user.password, user.session_epoch = changed.password, changed.session_epoch
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
    if answer.status_code == 302:
        admin_session.keep(request, request.user)
    return answered(answer)
