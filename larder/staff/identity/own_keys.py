"""The page on which members of staff make API keys for their own programs, and end them.

A password alone gives no rights of staff where the second factor is in force; a key that names its
permissions does. So this page asks for the password again, and names at least one permission. The
key is shown in the answer to the form, and nowhere else.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from larder.core.clock import now
from larder.core.errors import DomainError, NotFound
from larder.core.limits import MAX_KEY_NAME_LENGTH
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.identity.models import Key
from larder.identity.permissions import PERMISSIONS
from larder.identity.services import keys
from larder.identity.services.keys import Limits, NewKey
from larder.staff.base import caller_of
from larder.staff.confirming import require_confirmation
from larder.staff.formatting import moment
from larder.staff.identity.keys import gives
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import Page, PageForm, words
from larder.staff.recording import user_as_caller
from larder.staff.refusals import Sentence, explain

END = "end"
"""The name of the buttons that end a key; the value is its id."""

SENTENCES: Mapping[str, Sentence] = {
    "too_many_keys": Sentence(None, _("You have the maximum number of keys. End one first.")),
    "quota_exceeded": Sentence(None, _("You made too many keys lately. Try again later.")),
}
MADE_BEFORE = _(
    "This form was sent before, and its key was made then. The key is not shown again: "
    "if you do not have it, end it and make another."
)


class KeyForm(PageForm):
    """What a new key is called, gives, and how long it lasts."""

    name = words(_("Name"), most=MAX_KEY_NAME_LENGTH, help_text=_("What the key is for."))
    expires_at = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text=_("The key expires at the end of this day. Empty: it does not expire."),
    )
    permissions = forms.MultipleChoiceField(
        label=_("Permissions"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("The key gives these only, and each only while you have it."),
        error_messages={"required": _("Choose at least one permission.")},
    )

    def __init__(self, own: frozenset[str], sent: Any = None) -> None:
        super().__init__(sent)
        field: Any = self.fields["permissions"]
        field.choices = [(name, f"{name}: {gettext(what)}") for name, what in PERMISSIONS.items()]
        # The service refuses the others, so that an attempt at one is recorded.
        field.widget.choices = [one for one in field.choices if one[0] in own]


def page(request: Any) -> HttpResponse:
    """Shows the user's live keys and the form of a new one; makes or ends one."""
    require_confirmation(request)
    if END in request.POST:
        return _end(request)
    own = caller_of(request).permissions
    form = KeyForm(own, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = _make(request, form.cleaned_data)
        except DomainError as refusal:
            for field, text in explain(refusal, SENTENCES):
                form.add_error(field if field in form.fields else None, text)
        else:
            if made.text is not None:
                return _show(request, KeyForm(own), made.text)
            form.add_error(None, MADE_BEFORE)
    return _show(request, form)


def _make(request: Any, given: Mapping[str, Any]) -> NewKey:
    """Makes the key of a valid form, once. Raises the errors of `create_key`."""
    caller, at, last = caller_of(request), now(), given["expires_at"]
    named = given["permissions"]
    scope = Scope(caller.public_id, "POST admin/own-keys", str(given["form_key"]))
    print_of = fingerprint(given["name"], sorted(named), last)
    return keys.create_key(
        caller,
        given["name"],
        now=at,
        claim=Claim(scope, print_of, expires_at=at + RETENTION),
        limits=Limits(permissions=named, expires_at=None if last is None else _end_of(last)),
    )


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), timezone.get_current_timezone())


def _end(request: Any) -> HttpResponse:
    """Ends a key of the user, and shows the page again."""
    try:
        key, caller = _id(request.POST[END]), user_as_caller(request)
        keys.delete_key(key, caller=caller, of_any=False, now=now())
    except NotFound as refusal:
        messages.error(request, explain(refusal, SENTENCES)[0].text)
    else:
        messages.success(request, gettext("The key was ended."))
    return HttpResponseRedirect(reverse("own_keys"))


def _id(text: str) -> UUID:
    """Returns the id of a key. Raises NotFound if the text is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound from error


def _show(request: Any, form: KeyForm, text: str = "") -> HttpResponse:
    shown = Page(
        title=gettext("Your API keys"),
        answer=gettext("Make a key"),
        back=reverse("admin:index"),
        form=form,
        text=gettext(
            "A key lets a program do at the API what its permissions allow, without your password "
            "and second factor."
        ),
        table=_table(request.user.pk),
    )
    context = {
        **admin.site.each_context(request),
        "title": shown.title,
        "page": shown,
        "media": shown.media,
        "new_key": text,
    }
    return TemplateResponse(request, "staff/own_keys.html", context)


def _table(customer: int) -> Mapping[str, Any]:
    live = Key.objects.live().filter(customer=customer).order_by("-id")
    rows = [
        [str(one), gives(one), moment(one.expires_at), moment(one.last_used_at), _button(one)]
        for one in live
    ]
    headers = [_("Name"), _("Permissions"), _("Expires"), _("Last used"), ""]
    return {"title": _("Live keys"), "headers": headers, "rows": rows}


def _button(key: Key) -> str:
    return format_html(
        '<button type="submit" name="{}" value="{}" aria-label="{}" class="{}">{}</button>',
        END,
        key.pk,
        gettext("End {}").format(key),
        "cursor-pointer font-medium text-red-700 dark:text-red-400",
        gettext("End"),
    )
