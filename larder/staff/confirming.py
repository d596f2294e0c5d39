"""Asks for the password again before a dangerous page of the admin.

A view calls `require_confirmation` before it shows or does what is dangerous. If the password was
not given lately in this session, the user is redirected to a page that asks for it, and from there
back. A form that was sent then is not saved.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminPasswordWidget

from larder.core.errors import DomainError
from larder.core.limits import CONFIRMED_SECONDS, MAX_PASSWORD_LENGTH
from larder.http import admin_session, problems, throttling
from larder.staff.base import ServiceAdmin
from larder.staff.pages import Page, show
from larder.staff.refusals import BUSY, Sentence, explain, refuse
from larder.staff.words import gettext_lazy as _

NOT_SAVED = _("What you sent was not saved. Give your password, then send it again.")


class ConfirmationNeeded(Exception):
    """The user did not give the password lately."""


def require_confirmation(request: Any) -> None:
    """Raises ConfirmationNeeded if the user did not give the password lately. Call it after the
    permission is checked and before anything is changed."""
    if not admin_session.is_confirmed(request):
        raise ConfirmationNeeded


class ConfirmedAdmin(ServiceAdmin):
    """An admin for users with one permission. Its forms ask for the password before they are shown,
    so that nothing typed is lost."""

    permission = ""

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return bool(request.user.has_perm(self.permission))

    has_module_permission = has_add_permission = has_view_permission
    has_change_permission = has_delete_permission = has_view_permission

    def get_form(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        require_confirmation(request)
        return super().get_form(request, *args, **kwargs)


def to_page(request: Any) -> HttpResponseRedirect:
    """Returns a redirect to the page that asks for the password, and leads back here."""
    if request.method == "POST":
        messages.warning(request, NOT_SAVED)
    after = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('confirm_password')}?{after}")


class CountedForm(forms.BaseForm):
    """A form that checks a password, which counts as an attempt to log in."""

    @contextmanager
    def counting(self, request: Any, account: str | None, *, is_proven: bool) -> Iterator[None]:
        """Counts the block as an attempt. Raises ValidationError in place of a refusal."""
        try:
            with throttling.attempted(request, "log in", account, is_proven=is_proven):
                yield
        except BUSY as refusal:
            self.busy = refusal
            raise ValidationError(explain(refusal, {})[0].text) from refusal


Show = Callable[[Any, Any], HttpResponse]


def act_on(
    request: Any, form: Any, act: Show, *, show: Show, sentences: Mapping[str, Sentence]
) -> HttpResponse:
    """Returns what `act` returns for a valid form, or shows the form, with the refusal."""
    if form.is_valid():
        try:
            return act(request, form.cleaned_data)
        except DomainError as refusal:
            refuse(form, refusal, sentences)
    return show(request, form)


def answered(page: Any) -> HttpResponse:
    """Returns the page of a form, with the status of its refusal if that is one of BUSY."""
    form = (getattr(page, "context_data", None) or {}).get("form")
    busy = getattr(form, "busy", None)
    answer: HttpResponse = page if busy is None else problems.mark(page, busy)
    return answer


def password_field(label: str, **attrs: Any) -> forms.CharField:
    widget = UnfoldAdminPasswordWidget(attrs=attrs)
    return forms.CharField(label=label, strip=False, max_length=MAX_PASSWORD_LENGTH, widget=widget)


class ConfirmForm(CountedForm, forms.Form):
    """The user's own password."""

    password = password_field(_("Your password"), autocomplete="current-password", autofocus=True)

    def __init__(self, request: Any) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        self.request = request

    def clean_password(self) -> str:
        password, user = str(self.cleaned_data["password"]), self.request.user
        with self.counting(self.request, user.username, is_proven=True):
            if not user.check_password(password):
                raise ValidationError(gettext("The password is wrong."))
        return password


def page(request: Any) -> HttpResponse:
    """Asks for the password, then leads back to the page that needed it."""
    form = ConfirmForm(request)
    if form.is_valid():
        admin_session.confirm(request)
        return HttpResponseRedirect(own_address(request))
    text = gettext(
        "What you are about to do needs your password, unless you gave it in the last {} minutes."
    )
    page = Page(
        title=gettext("Confirm your password"),
        answer=gettext("Confirm"),
        back=reverse("admin:index"),
        form=form,
        text=text.format(CONFIRMED_SECONDS // 60),
    )
    return answered(show(request, page))


def own_address(request: Any) -> str:
    """Returns the address of this site that the parameter `next` has, or the first page."""
    after = str(request.GET.get("next", ""))
    is_own = url_has_allowed_host_and_scheme(after, {request.get_host()}, request.is_secure())
    return after if is_own else reverse("admin:index")
