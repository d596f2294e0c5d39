"""Base classes of the staff admin of all modules.

All changes in the admin go through the services. Django's ModelAdmin opens a transaction around
saving and deleting. A service opens its own transaction, which must be the outermost one (one
transaction for each use case), so these classes open none. A refusal of a service becomes an error
of the form, never a server error: the page is shown again, with the reason.

What their lists count and filter is in lists.py.
"""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, ClassVar, TypeVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.checks import ModelAdminChecks
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.admin import ModelAdmin as ThemedAdmin
from unfold.decorators import action

from larder.core.errors import DomainError
from larder.core.limits import LISTED_ROWS, MAX_SHOWN_ROWS
from larder.staff import menu
from larder.staff.formatting import THE_SHOP, column, with_actor_name
from larder.staff.history import history
from larder.staff.lists import ListPage, ListPaginator
from larder.staff.refusals import Sentence, explain
from larder.staff.words import gettext_lazy as _

UNUSED_SCRIPTS = ("urlify.js", "prepopulate.js", "xregexp.min.js", "xregexp.js")


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


class ServiceAdmin(ThemedAdmin, _OwnTransactions):  # type: ignore[misc]
    """An admin that writes through services. Subclasses call them in `save_model`."""

    # The theme's own checks read the database, which may be away when a server starts.
    checks_class = ModelAdminChecks
    paginator = ListPaginator
    show_full_result_count = False
    list_per_page = LISTED_ROWS
    list_max_show_all = MAX_SHOWN_ROWS
    list_disable_select_all = True
    show_facets = admin.ShowFacets.NEVER
    list_fullwidth = True
    list_sections = ()
    sortable_by: ClassVar[Any] = ()
    warn_unsaved_form = True
    refusals: Mapping[str, Sentence] = {}
    """The messages for refusals of a deletion; SENTENCES has those of all pages."""
    change_form_before_template = "staff/hidden_fields.html"
    object_history_template = "staff/history.html"

    @property
    def media(self) -> forms.Media:
        """The scripts of the theme, without those of prepopulated fields, which no form has."""
        media: Any = super().media
        used = [path for path in media._js if not path.endswith(UNUSED_SCRIPTS)]
        # The theme asks for one script in two sizes.
        return forms.Media(
            css=media._css, js=[path.replace(".full.js", ".full.min.js") for path in used]
        )

    def changeform_view(
        self, request: Any, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refusal:
            request.refusal = refusal
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_deleted_objects(self, objs: Any, request: Any) -> Any:
        """Returns only the objects. The database refuses the deletion if rows refer to them."""
        return [str(obj) for obj in objs], {}, set(), []

    def delete_view(self, request: Any, object_id: str, extra_context: Any = None) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, self.refusals)
        return HttpResponseRedirect(self.change_address(object_id))

    def shown_object(self, request: Any, object_id: str) -> Any:
        """Returns the object of a page. Raises Http404."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        return obj

    def change_address(self, key: Any) -> str:
        """Returns the address of the form of an object."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[key])

    def page_at(self, end: str, view: Callable[..., Any]) -> Any:
        """Returns the route of a page about an object."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_{end.replace('-', '_')}"
        return path(f"<path:object_id>/{end}/", self.admin_site.admin_view(view), name=name)

    @property
    def list_address(self) -> str:
        """The address of the list."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def get_changelist(self, request: Any, **kwargs: Any) -> type[ListPage]:
        return ListPage

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        """Heads the list by its tab. The theme names the list of a model by the model."""
        opts, tab = copy(self.opts), menu.present(request)
        opts.verbose_name_plural = tab.name if tab else opts.verbose_name_plural
        heads = {"opts": opts, "title": opts.verbose_name_plural}
        return super().changelist_view(request, {**heads, **(extra_context or {})})

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def tell_refusal(
        self, request: Any, refusal: DomainError, own: Mapping[str, Sentence], about: str = ""
    ) -> None:
        """Shows a refusal as a message, if there is no form to show it in."""
        for _field, text in explain(refusal, own):
            self.message_user(request, f"{about}{text}", messages.ERROR)

    def history_view(self, request: Any, object_id: str, extra_context: Any = None) -> Any:
        """Shows what the audit trail has of the object."""
        # Before the look-up, so that users without the permission cannot find out which ids exist.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        page = super().history_view(request, object_id, extra_context)
        if isinstance(page, TemplateResponse) and page.context_data is not None:
            page.context_data |= history(self.audited_name(page.context_data["object"]))
        return page

    def audited_name(self, obj: Any) -> str:
        """Returns the name of an object in the audit trail."""
        return f"{self.opts.model_name}:{obj.pk}"

    def log_addition(self, *_: Any) -> Any:
        """Writes nothing to Django's log, which keeps the names of objects, also those of accounts
        that are deleted later. The services record changes in the audit trail."""

    log_change = log_deletions = log_addition  # type: ignore[assignment]

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Saves nothing: save_model saves all fields."""

    def may(self, request: Any, action: str) -> bool:
        """Whether the user has Django's permission for this action on this model."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.{action}_{self.opts.model_name}"))


class ReadOnlyAdmin(ServiceAdmin):
    """An admin without add, change and delete."""

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


class RecordAdmin(ReadOnlyAdmin):
    """What somebody did, the newest first."""

    ordering = ("-id",)
    by = column(_("By"), lambda record: record.actor_name or THE_SHOP)

    def get_queryset(self, request: Any) -> Any:
        return with_actor_name(super().get_queryset(request))


View = TypeVar("View", bound=Callable[..., Any])


def button(description: Any, **options: Any) -> Callable[[View], View]:
    """Returns the theme's `action` decorator, typed: a button above an object's form, which opens
    a separate page."""
    return cast(Callable[[View], View], action(description=description, **options))
