"""Base classes of the staff admin of all modules.

All changes in the admin go through the services. Django's ModelAdmin opens a transaction around
saving and deleting. A service opens its own transaction, which must be the outermost one (one
transaction for each use case), so these classes open none. A refusal of a service becomes an error
of the form, never a server error: the page is shown again, with the reason.

What their lists count and filter is in lists.py.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.paginator import InvalidPage
from django.db import DataError
from django.db.models import Case, OuterRef, QuerySet, Subquery, Value, When
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin as ThemedAdmin
from unfold.decorators import action

from larder.core import money
from larder.core.errors import DomainError, FieldRefused, InvalidInput
from larder.core.limits import LISTED_ROWS, MAX_SELECTED_ROWS, MAX_SHOWN_ROWS
from larder.identity import audit_queries
from larder.identity.caller import Caller
from larder.staff.at_once import few_at_once
from larder.staff.confirming import confirming
from larder.staff.history import AuditedAdmin, changes
from larder.staff.lists import ListPage, ListPaginator, filter_parameters, form_address, shop_zone
from larder.staff.log_in import telling_end
from larder.staff.recording import record_refusal, recording, user_as_caller


class Sentence(NamedTuple):
    """A message for staff, and its field of the form (None: above all fields).

    `text` may contain placeholders for the refusal's extensions, and for those of its first line.
    """

    field: str | None
    text: str


SENTENCES: Mapping[str, Sentence] = {
    "not_found": Sentence(None, "This does not exist any more."),
    "precondition_failed": Sentence(
        None,
        "Another user changed this after you opened the form. Your changes were not saved: "
        "open it again, check the current values, and make your changes again.",
    ),
    "idempotency_key_reused": Sentence(
        None, "This form was sent before with other values. Open it again to make another change."
    ),
    "session_ended": Sentence(None, "Your session has ended. Log in again."),
    "permission_missing": Sentence(None, "You do not have the permission {permission} any more."),
    "overloaded": Sentence(None, "The server is busy. Try again in a moment."),
}


def filled_in(sentence: Sentence, carried: Mapping[str, Any]) -> str:
    """Returns the text with the values of a refusal. A missing limit is "any number"."""
    known = {name: "any number" if one is None else one for name, one in carried.items()}
    return sentence.text.format(**known)


def explain(refusal: DomainError, own: Mapping[str, Sentence]) -> list[Sentence]:
    """Returns the messages for a refusal, from `own` or else from SENTENCES."""
    if isinstance(refusal, InvalidInput):
        return [Sentence(fault.where.lstrip("/"), fault.detail) for fault in refusal.faults]
    others = refusal.others if isinstance(refusal, FieldRefused) else ()
    return [_explained(one, own) for one in (refusal, *others)]


def _explained(refusal: DomainError, own: Mapping[str, Sentence]) -> Sentence:
    known = {**SENTENCES, **own}.get(refusal.code)
    if known is None:
        return Sentence(None, f"The shop refuses this: {refusal.code}.")
    carried = refusal.extensions
    first = (carried.get("lines") or [{}])[0]
    return Sentence(known.field, filled_in(known, {**carried, **first}))


class RefusableForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose input a service may refuse.

    It validates each field, but not what the database guarantees: a check whether a name is free
    may be outdated when the service writes. Instead it shows the service's refusal.
    """

    sentences: Mapping[str, Sentence] = {}
    refusal: DomainError | None = None

    def clean(self) -> dict[str, Any]:
        """Shows the refusal. Replaces ModelForm's, which checks whether names are free."""
        if self.refusal is not None:
            for field, text in explain(self.refusal, self.sentences):
                self.add_error(field if field in self.fields else None, text)
        return self.cleaned_data

    def _get_validation_exclusions(self) -> set[str]:
        """Returns all fields: the form validates its fields, the database its constraints."""
        return {field.name for field in self.instance._meta.concrete_fields}


class VersionedForm(RefusableForm):
    """Contains the version of the object that was opened, so that no change is overwritten."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:
            del self.fields["seen_version"]
        else:
            self.initial["seen_version"] = self.instance.version


class _OwnTransactions(admin.ModelAdmin):  # type: ignore[type-arg]
    """Django's ModelAdmin without its transactions (see the docstring of this module).

    AdminSite.admin_view, which wraps all these views, protects against CSRF.
    """

    def changeform_view(
        self, request: Any, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]

    def delete_view(self, request: Any, object_id: str, extra_context: Any = None) -> Any:
        return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]


class ServiceAdmin(AuditedAdmin, ThemedAdmin, _OwnTransactions):  # type: ignore[misc]
    """An admin that writes through services. Subclasses call them in `save_model`."""

    paginator = ListPaginator
    show_full_result_count = False
    list_per_page = LISTED_ROWS
    list_max_show_all = MAX_SHOWN_ROWS
    list_disable_select_all = True
    show_facets = admin.ShowFacets.NEVER
    list_fullwidth = True
    list_sections = ()
    warn_unsaved_form = True
    refusals: Mapping[str, Sentence] = {}
    """The messages for refusals of a deletion; SENTENCES has those of all pages."""
    change_form_before_template = "staff/hidden_fields.html"

    def changeform_view(
        self, request: Any, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refusal:
            record_refusal(request, refusal)
            request.refusal = refusal
        return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(self, request: Any, object_id: str, extra_context: Any = None) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as refusal:
            record_refusal(request, refusal)
            self.tell_refusal(request, refusal, self.refusals)
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(page, args=[object_id]))

    def get_changelist(self, request: Any, **kwargs: Any) -> type[ListPage]:
        return ListPage

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Returns True for a parameter of the list's filters. Django would allow every lookup on
        every column. Raises BadRequest for others, because Django would log the client's text."""
        if lookup not in filter_parameters(self.model, self.get_list_filter(request)):
            raise BadRequest("This list has no such filter.")
        return True

    def to_field_allowed(self, request: Any, to_field: str) -> bool:
        """Returns True for a field that others refer to. Raises BadRequest for others, because
        Django would log the client's text."""
        if not super().to_field_allowed(request, to_field):
            raise BadRequest("Nothing refers to this field.")
        return True

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def get_actions(self, request: Any) -> Any:
        """Removes Django's bulk deletion, which would bypass the services."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def tell_refusal(
        self, request: Any, refusal: DomainError, own: Mapping[str, Sentence], about: str = ""
    ) -> None:
        """Shows a refusal as a message, if there is no form to show it in."""
        for _, text in explain(refusal, own):
            self.message_user(request, f"{about}{text}", messages.ERROR)

    def history_view(self, request: Any, object_id: str, extra_context: Any = None) -> Any:
        """Shows what the audit trail has of the object."""
        # Before the look-up, so that users without the permission cannot find out which ids exist.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        wanted = audit_queries.AuditFilter(self.audited_name(obj))
        found = audit_queries.entries(wanted, before=None, limit=MAX_SHOWN_ROWS)
        names = actor_names({one.actor for one in found.rows})
        rows = [
            [in_one_line(moment(one.at)), names[one.actor], one.channel, one.action, changes(one)]
            for one in found.rows
        ]
        table = {"headers": ["When", "Who", "Through", "What", "Change"], "rows": rows}
        context = {
            **self.admin_site.each_context(request),
            "title": f"History: {obj}",
            "opts": self.opts,
            "original": obj,
            "table": table,
            "limit": found.more and len(rows),
        }
        return TemplateResponse(request, "staff/history.html", context)

    def may(self, request: Any, action: str) -> bool:
        """Whether the user has Django's permission for this action on this model."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.{action}_{self.opts.model_name}"))


def caller_of(request: Any) -> Caller:
    """Returns the member of staff who uses the admin, with their permissions."""
    permissions = frozenset(request.user.get_all_permissions())
    return replace(user_as_caller(request), permissions=permissions)


class ReadOnlyAdmin(ServiceAdmin):
    """An admin without add, change and delete."""

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


class Question(NamedTuple):
    """A confirmation page: its title, text and button, the objects, and the hidden fields."""

    title: str
    text: str
    answer: str
    about: Sequence[str]
    sends: Sequence[tuple[str, str]]
    variant: str = "danger"


def ask(model_admin: ServiceAdmin, request: Any, question: Question) -> HttpResponse:
    """Shows the confirmation page, whose button sends a POST to the same address."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": question.title,
        "question": question,
    }
    return TemplateResponse(request, "staff/confirm.html", context)


def selected(model_admin: ServiceAdmin, request: Any, rows: "QuerySet[Any]") -> list[Any]:
    """Returns the objects of an action; none, with a message, if they are too many."""
    found = list(rows[: MAX_SELECTED_ROWS + 1])
    if len(found) <= MAX_SELECTED_ROWS:
        return found
    limit = f"Select at most {MAX_SELECTED_ROWS} {model_admin.opts.verbose_name_plural} at once."
    model_admin.message_user(request, limit, messages.ERROR)
    return []


def link(address: str, text: Any) -> str:
    """Returns a link in a text or a table."""
    return format_html('<a class="text-link" href="{}">{}</a>', address, text)


def change_link(page: str, key: Any, text: Any) -> str:
    """Returns a link to the form of an object, such as that of `orders_order`."""
    return link(form_address(page, key), text)


View = TypeVar("View", bound=Callable[..., Any])

UNREADABLE = (DataError, InvalidPage, OverflowError, ValidationError, ValueError)


def refusing_nonsense(admin_view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps AdminSite.admin_view, so that its views answer 400 to values that cannot be queried.

    Django validates forms, but not every filter, page number, selected row or id at `/admin/r/`: a
    year of forty digits only fails in the query. Without such a value the error remains one.
    """

    def checked_view(view: Callable[..., Any], cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002
        @wraps(view)
        def checked(request: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return view(request, *args, **kwargs)
            except UNREADABLE as error:
                is_given = request.GET or ACTION_CHECKBOX_NAME in request.POST
                if is_given or "content_type_id" in kwargs:
                    raise BadRequest("A value of this request cannot be read.") from error
                raise

        return admin_view(checked, cacheable)

    return checked_view


# The theme creates the site before ours could exist. Its search and autocompletion belong to no
# ModelAdmin, so the site itself is patched.
admin.site.admin_view = few_at_once(  # type: ignore[method-assign]
    telling_end(refusing_nonsense(recording(confirming(admin.site.admin_view))))
)


def button(description: str, **options: Any) -> Callable[[View], View]:
    """Returns the theme's `action` decorator, typed: a button above an object's form, which opens
    a separate page."""
    return cast(Callable[[View], View], action(description=description, **options))


DELETED = "deleted account"
"""The name shown for a deleted account, which has no personal data any more."""


def with_actor_name(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Adds `actor_name`, the username of `actor`; null for the system actor."""
    people = get_user_model()._default_manager.filter(public_id=OuterRef("actor"))
    name = Case(When(deleted_at=None, then="username"), default=Value(DELETED))
    named: QuerySet[Any] = rows.annotate(actor_name=Subquery(people.values_list(name)[:1]))
    return named


def customer_name(customer: Any) -> str:
    """Returns the name of a customer for staff."""
    return DELETED if customer.deleted_at else str(customer.username)


def actor_names(actors: Collection[UUID]) -> dict[UUID, str]:
    """Returns names by public id. The system actor and unknown actors are "the shop"."""
    people = get_user_model()._default_manager.filter(public_id__in=actors)
    known = {one.public_id: customer_name(one) for one in people.order_by("pk")}
    return {actor: known.get(actor, "the shop") for actor in actors}


def amount(value: Decimal, currency: str) -> str:
    """Returns an amount for staff.

    >>> amount(Decimal("2.200"), "GBP")
    '2.20 GBP'
    """
    return f"{money.text(value)} {currency}"


def counted(number: int, what: str) -> str:
    """Returns a number with its unit.

    >>> counted(1, "line"), counted(2_000, "unit")
    ('1 line', '2,000 units')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def moment(at: datetime | None) -> str:
    """Returns a time in the shop's time zone, or a dash."""
    return "–" if at is None else f"{at.astimezone(shop_zone()):%d %b %Y, %H:%M}"


def in_one_line(text: str) -> str:
    """Returns a cell of a list without line breaks."""
    return format_html('<span class="one-line">{}</span>', text)
