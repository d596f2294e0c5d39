"""The pages of the user's own account: the log-in, and the change of the password."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from larder.core.clock import now
from larder.core.errors import DomainError, Overloaded
from larder.http import admin_session, problems
from larder.http.client_address import address_of
from larder.identity.caller import Caller
from larder.identity.passwords import hashers
from larder.identity.services import passwords
from larder.identity.services.passwords import Change
from larder.identity.services.rates import RateLimited, attempts
from larder.staff.confirming import TOO_MANY
from larder.staff.identity import second_factor
from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import SENTENCES as SHARED
from larder.staff.refusals import Sentence, explain

SENTENCES: Mapping[str, Sentence] = {
    "wrong_password": Sentence(
        None, _("Your password was changed meanwhile by another request. Try again.")
    ),
}


class LoginForm(AuthenticationForm):  # type: ignore[misc]
    """The admin's log-in. Shows an error if too many passwords are being hashed, or were tried."""

    limited: RateLimited | None = None
    """The refusal after too many attempts."""

    def clean(self) -> Any:
        name = self.cleaned_data.get("username")
        address = address_of(self.request)
        try:
            with attempts.attempt("log in", account=name, address=address):
                return super().clean()
        except Overloaded as error:
            raise ValidationError(SHARED["overloaded"].text) from error
        except RateLimited as error:
            self.limited = error
            raise ValidationError(TOO_MANY.format(error.retry_after)) from error


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
    form = getattr(page, "context_data", {}).get("form")
    if isinstance(form, LoginForm) and form.limited is not None:
        return problems.mark(page, form.limited)
    return page


class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]
    """Changes one's own password. As in the API, all other sessions end."""

    def __init__(self, *args: Any, address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address

    def clean_old_password(self) -> Any:
        """Checks the current password. It counts as an attempt to log in."""
        try:
            with attempts.attempt(
                "log in", account=self.user.username, address=self.address, is_proven=True
            ):
                return super().clean_old_password()
        except RateLimited as error:
            raise ValidationError(TOO_MANY.format(error.retry_after)) from error

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002
        who, given = self.user, self.cleaned_data
        caller = Caller(who.pk, who.public_id, who.is_staff, None, epoch=who.session_epoch)
        wanted = Change(current=given["old_password"], new=given["new_password1"])
        with hashers.in_lane("staff"):
            changed = passwords.change_password(caller, wanted, now=now())
        # Not read again: a password that someone else sets now ends this session, too.
        who.password, who.session_epoch = changed.password, changed.session_epoch
        return who


def own_password(request: Any, extra_context: Any = None) -> HttpResponseBase:
    """Returns the admin's page for one's own password. Shows an error if too many passwords are
    being hashed."""
    site = admin.site
    view = PasswordChangeView.as_view(
        form_class=partial(OwnPasswordForm, address=address_of(request)),
        success_url=reverse("admin:password_change_done"),
        extra_context={**site.each_context(request), **(extra_context or {})},
    )
    try:
        answer = view(request)
    except DomainError as refusal:
        messages.error(request, explain(refusal, SENTENCES)[0].text)
        return HttpResponseRedirect(request.get_full_path())
    if answer.status_code == 302:
        admin_session.keep(request, request.user)
    return answer
