"""The staff screen of API keys: the user's own, and those of all accounts for who may see them.

A password alone gives no rights of staff where the second factor is in force; a key that names its
permissions does. So the page of a new key asks for the password again, and the key has at least one
permission. It is shown in the answer to the form, and nowhere else.
"""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Value
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from larder.core.clock import now
from larder.core.errors import DomainError, NotFound
from larder.core.limits import MAX_KEY_NAME_LENGTH, MAX_SHOWN_ROWS
from larder.db.fields import Fold
from larder.identity.models import Key
from larder.identity.permissions import PERMISSIONS
from larder.identity.services import keys
from larder.identity.services.keys import DELETE, Limits, NewKey
from larder.staff.base import ReadOnlyAdmin, button
from larder.staff.confirming import require_confirmation
from larder.staff.formatting import column, customer_name, time_column
from larder.staff.pages import Page, PageForm, ask, day, show, show_once, words
from larder.staff.recording import caller_of, claim
from larder.staff.refusals import Sentence
from larder.staff.words import gettext_lazy as _

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
    expires_at = day(
        _("Last day"),
        required=False,
        help_text=_("The key expires at the end of this day. Empty: it does not expire."),
    )
    permissions = forms.MultipleChoiceField(
        label=_("Permissions"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("The key gives these only, and each only while you have it."),
        error_messages={"required": _("Choose at least one permission.")},
    )

    def __init__(self, own: frozenset[str], sent: Any) -> None:
        super().__init__(sent)
        field: Any = self.fields["permissions"]
        field.choices = [
            (name, f"{name}: {gettext(what)}") for name, what in PERMISSIONS.items() if name in own
        ]


def _gives(key: Key) -> str:
    if key.permissions is None:
        return gettext("all of its owner")
    return ", ".join(key.permissions) or gettext("none")


@admin.register(Key)
class KeyAdmin(ReadOnlyAdmin):
    """The keys, the newest first, without the keys themselves."""

    fields = ("account", "name", "gives", "created", "expiry", "last_use", "end")
    list_display = fields
    list_filter = (
        ("ended_at", admin.EmptyFieldListFilter),
        ("last_used_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("customer",)
    search_fields = ("customer__username",)
    search_help_text = _("The user name of the owner")
    ordering = ("-id",)
    actions = ("end_selected",)
    actions_list = ("make",)

    account = column(_("Account"), lambda key: customer_name(key.customer))
    gives = column(_("Permissions"), _gives)
    created = time_column("created_at", _("Created"))
    expiry = time_column("expires_at", _("Expires"))
    last_use = time_column("last_used_at", _("Last used"))
    end = time_column("ended_at", _("Ended"))

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return True

    def get_queryset(self, request: Any) -> Any:
        """Returns all keys for users who may see them, else the user's own."""
        rows = super().get_queryset(request)
        return rows if self.may(request, "view") else rows.filter(customer=request.user.pk)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        """Searches for the whole name of an account."""
        named = queryset.alias(owner=Fold("customer__username"))
        return (named.filter(owner=Fold(Value(search_term))) if search_term else queryset), False

    @button(_("Make a key"), url_path="make", icon="add")
    def make(self, request: Any) -> HttpResponse:
        require_confirmation(request)
        sent = request.POST if request.method == "POST" else None
        page = Page(
            title=gettext("Make a key"),
            answer=gettext("Make a key"),
            back=self.list_address,
            form=KeyForm(caller_of(request).permissions, sent),
            text=gettext(
                "A key lets a program do at the API what its permissions allow, without your "
                "password and second factor."
            ),
        )
        if sent is not None and page.is_valid():
            try:
                key = _make(request, page.form.cleaned_data)
                if key.text is not None:
                    text = gettext("Copy the new key now. It is not shown again.")
                    return show_once(request, text, key.text, page.back)
                page.form.add_error(None, MADE_BEFORE)
            except DomainError as refusal:
                page.refuse(refusal, SENTENCES)
        return show(request, page)

    @admin.action(description=_("End"))
    def end_selected(self, request: Any, queryset: Any) -> HttpResponse | None:
        chosen = queryset.select_related("customer").order_by("id")[:MAX_SHOWN_ROWS]
        require_confirmation(request)
        if chosen and "confirmed" not in request.POST:
            about = [f"{customer_name(key.customer)}: {key}" for key in chosen]
            text = gettext(
                "Programs that use these keys are refused from now on. This cannot be undone."
            )
            title = gettext("End keys")
            return ask(self, request, title, about, text=text, variant="danger")
        ended = sum(_end(request, key) for key in chosen)
        level = messages.SUCCESS if ended == len(chosen) else messages.WARNING
        text = ngettext("{} key ended.", "{} keys ended.", ended).format(ended)
        self.message_user(request, text, level)
        return None


def _make(request: Any, fields: Mapping[str, Any]) -> NewKey:
    """Makes the key of a valid form, once. Raises the errors of `create_key`."""
    caller, last, named = caller_of(request), fields["expires_at"], fields["permissions"]
    zone = timezone.get_current_timezone()
    end = None if last is None else datetime.combine(last, time(23, 59, 59), zone)
    return keys.create_key(
        caller,
        fields["name"],
        now=now(),
        claim=claim(caller, "key", fields["form_key"], fields["name"], sorted(named), last),
        limits=Limits(permissions=named, expires_at=end),
    )


def _end(request: Any, key: Key) -> bool:
    """Ends a key. Returns False if it has ended or expired before."""
    of_any = request.user.has_perm(DELETE)
    try:
        keys.delete_key(key.pk, caller=caller_of(request), of_any=of_any, now=now())
    except NotFound:
        return False
    return True
