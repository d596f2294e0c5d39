"""Keeps what was typed into a form of the admin while its user logs in or gives the password again.

The fields are in the session until the page of the form is opened next. It then shows them as if
they had just been typed; nothing is saved before the user sends the form again. Passwords and files
are not kept.

The form of a list's action has no address of its own. The list then asks whether to go on, and
sends what opens the form, together with the kept fields.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from larder.http import admin_session
from larder.staff.base import Question, ask
from larder.staff.language import gettext_lazy as _

_KEPT = "typed"
"""The key of the session."""

_AGAIN = "_typed"
"""The field with the kept fields, of the page that opens the form of an action again."""

_OPENING = ("action", "index", ACTION_CHECKBOX_NAME)
"""The fields with which a list opens the page of an action."""

HERE = _("This is what you typed. It is not saved yet: check it, and send it again.")
NOT_DONE = _("What you chose in this list was not done. Go on with it?")
LOST = _("Files and passwords were not kept: enter them again.")


def keep(request: Any, user: int) -> None:
    """Keeps the fields of a form that this user sent, in place of those kept before."""
    sent = dict(request.POST.lists())
    fields = {name: values for name, values in sent.items() if not _is_secret(name)}
    request.session[_KEPT] = {
        "user": int(user),
        "path": request.get_full_path(),
        "fields": fields,
        "is_all": not request.FILES and len(fields) == len(sent.keys() - {_CSRF}),
    }


_CSRF = "csrfmiddlewaretoken"


def _is_secret(name: str) -> bool:
    return name == _CSRF or "password" in name.lower()


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
    wanted = {"user": request.user.pk, "path": request.get_full_path()}
    if request.method == "GET" and kept and kept.items() >= wanted.items():
        for name, values in kept["fields"].items():
            request.typed.setlist(name, values)


def fill(request: Any, page: Any) -> Any:
    """Returns the page, whose forms show the kept fields."""
    if not request.typed or not isinstance(page, TemplateResponse) or page.is_rendered:
        return page
    kept, context = request.session.pop(_KEPT, None), page.context_data or {}
    if "cl" in context:
        return _offer(request, context["cl"].model_admin)
    for form in _forms(context):
        _fill(form, request.typed)
    lost = "" if kept is None or kept["is_all"] else LOST
    messages.warning(request, f"{HERE} {lost}".strip())
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
