"""Asks for the password again before a dangerous page of the admin, and keeps what was typed.

A view calls `require_confirmation` before it shows or does what is dangerous. If the password was
not given lately in this session, the user is redirected to a page that asks for it, and from there
back. The fields of a form that was sent then, or after the session ended, are in the session until
its page is opened next. It shows them as if they had just been typed; nothing is saved before the
user sends the form again. Passwords and files are not kept.

The form of a list's action has no address of its own. The list then asks whether to go on, and
sends what opens the form, together with the kept fields.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminPasswordWidget

from larder.core.limits import CONFIRMED_SECONDS, MAX_PASSWORD_LENGTH
from larder.http import admin_session, problems
from larder.http.addresses import address_of
from larder.identity.services.attempts import attempt
from larder.staff.base import Question, ask
from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import BUSY, explain

_KEPT = "typed"
"""The key of the session."""

_AGAIN = "_typed"
"""The field with the kept fields, of the page that opens the form of an action again."""

_OPENING = ("action", "index", ACTION_CHECKBOX_NAME)
"""The fields with which a list opens the page of an action."""

HERE = _(
    "This is what you typed, without files and passwords. It is not saved yet: check it, and send "
    "it again."
)
NOT_DONE = _("What you chose in this list was not done. Go on with it?")


def keep(request: Any, user: int) -> None:
    """Keeps the fields of a form that this user sent, in place of those kept before."""
    sent = request.POST.lists()
    fields = {name: values for name, values in sent if not _is_secret(name)}
    request.session[_KEPT] = {
        "user": int(user),
        "path": request.get_full_path(),
        "fields": fields,
    }


def _is_secret(name: str) -> bool:
    return name == "csrfmiddlewaretoken" or "password" in name.lower()


def adding_end_message(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps what AdminSite.admin_view returns, which redirects to the log-in page. Adds its
    message, and keeps the form that was sent in a session that has ended meanwhile: without such a
    session anybody could fill the database."""

    @wraps(view)
    def decorated(request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.path != reverse("admin:logout") and not request.user.is_authenticated:
            is_kept = request.method == "POST" and request.former_user is not None
            if is_kept:
                keep(request, request.former_user)
            admin_session.add_end_message(request, is_kept=is_kept)
        return view(request, *args, **kwargs)

    return decorated


def attach(request: Any) -> None:
    """Sets `request.typed`, the kept fields of the page that is opened; empty if there are none."""
    request.typed = QueryDict(request.POST.get(_AGAIN, ""), mutable=True)
    kept = request.session.get(_KEPT)
    here = {"user": request.user.pk, "path": request.get_full_path()}
    if request.method == "GET" and kept and kept.items() >= here.items():
        for name, values in kept["fields"].items():
            request.typed.setlist(name, values)


def fill(request: Any, page: Any) -> Any:
    """Returns the page, whose forms show the kept fields."""
    if not request.typed or not isinstance(page, TemplateResponse) or page.is_rendered:
        return page
    request.session.pop(_KEPT, None)
    context = page.context_data or {}
    if "cl" in context:
        return _offer(request, context["cl"].model_admin)
    for form in _forms(context):
        _fill(form, request.typed)
    messages.warning(request, HERE)
    return page


def _offer(request: Any, model_admin: Any) -> Any:
    """Returns the page whose button opens the form of the action that was not done."""
    typed: QueryDict = request.typed
    sends = [(name, value) for name in _OPENING for value in typed.getlist(name)]
    title, go_on = gettext("Not done yet"), gettext("Go on")
    question = Question(
        title, str(NOT_DONE), go_on, (), [*sends, (_AGAIN, typed.urlencode())], "primary"
    )
    return ask(model_admin, request, question)


def _forms(context: Mapping[str, Any]) -> Iterator[forms.BaseForm]:
    """Yields the forms of a page: Django's, or those of a `pages.Page`."""
    for value in context.values():
        for form in (value, getattr(value, "form", None), *getattr(value, "lines", ())):
            if isinstance(form, forms.BaseForm) and not form.is_bound:
                yield form


def _fill(form: forms.BaseForm, typed: QueryDict) -> None:
    names = {name: form.add_prefix(name) for name in form.fields}
    if typed.keys().isdisjoint(names.values()):
        return
    for name, key in names.items():
        field = form.fields[name]
        if not (field.disabled or field.widget.value_omitted_from_data(typed, {}, key)):
            form.initial[name] = field.widget.value_from_datadict(typed, {}, key)


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
        attach(request)
        try:
            return fill(request, view(request, *args, **kwargs))
        except ConfirmationNeeded:
            if request.method == "POST":
                keep(request, request.user.pk)
            after = urlencode({"next": request.get_full_path()})
            return HttpResponseRedirect(f"{reverse('confirm_password')}?{after}")

    return confirmed


class CountedForm(forms.BaseForm):
    """A form that checks a password, which counts as an attempt to log in."""

    @contextmanager
    def counting(self, request: Any, account: str | None, *, is_proven: bool) -> Iterator[None]:
        """Counts the block as an attempt. Raises ValidationError in place of a refusal."""
        address = address_of(request)
        try:
            with attempt("log in", account=account, address=address, is_proven=is_proven):
                yield
        except BUSY as refusal:
            self.busy = refusal
            raise ValidationError(explain(refusal, {})[0].text) from refusal


def answered(page: Any) -> HttpResponse:
    """Returns the page of a form, with the status of its refusal if that is one of BUSY."""
    form = (getattr(page, "context_data", None) or {}).get("form")
    busy = getattr(form, "busy", None)
    answer: HttpResponse = page if busy is None else problems.mark(page, busy)
    return answer


class ConfirmForm(CountedForm, forms.Form):
    """The user's own password."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=MAX_PASSWORD_LENGTH,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "current-password", "autofocus": True}
        ),
    )

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
    context = {
        **admin.site.each_context(request),
        "title": gettext("Confirm your password"),
        "form": form,
        "minutes": CONFIRMED_SECONDS // 60,
    }
    return answered(TemplateResponse(request, "staff/confirm_password.html", context))


def own_address(request: Any) -> str:
    """Returns the address of this site that the parameter `next` has, or the first page."""
    after = str(request.GET.get("next", ""))
    is_own = url_has_allowed_host_and_scheme(after, {request.get_host()}, request.is_secure())
    return after if is_own else reverse("admin:index")
