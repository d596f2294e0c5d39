"""Saved views of lists: their filters, search and order, under a name.

Only parameters of the list are kept. A view is a link: the list that it opens checks what the user
may see.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import path, reverse
from django.utils.translation import gettext

from larder.core.errors import DomainError, NotFound
from larder.core.limits import MAX_LABEL_LENGTH, MAX_TEXT_LENGTH
from larder.identity.queries.saved_views import SavedViewRow, own_view, views_of
from larder.identity.services import saved_views
from larder.staff.base import ServiceAdmin
from larder.staff.language import gettext_lazy as _
from larder.staff.lists import filter_parameters
from larder.staff.pages import Page, box, show, words
from larder.staff.recording import user_as_caller
from larder.staff.refusals import TextForm

VIEW = "view"
"""The parameter of the page with the id of a view."""


class ViewForm(TextForm, forms.Form):
    """A view to be saved, with the parameters of the list that was open."""

    name = words(
        _("Name"),
        most=MAX_LABEL_LENGTH,
        help_text=_("It is shown above the list. An own view of this name is replaced."),
    )
    is_shared = box(
        _("For all staff"),
        help_text=_("All who may see the list see the view, and what it searches for."),
    )
    query = forms.CharField(
        widget=forms.HiddenInput, required=False, max_length=MAX_TEXT_LENGTH, strip=False
    )


class OwnViewForm(ViewForm):
    """An own view, to be renamed or deleted."""

    query = None  # type: ignore[assignment]
    is_deleted = box(_("Delete this view"), help_text=_("The list and its rows stay."))


class SavedViews(ServiceAdmin):
    """A list with the saved views above it, and the page that saves them."""

    list_before_template = "staff/saved_views.html"

    def get_urls(self) -> Any:
        view = self.admin_site.admin_view(self.view_page)
        return [path("view/", view, name=f"{self._list}_view"), *super().get_urls()]

    @property
    def _list(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        if request.method == "GET" and self.has_view_or_change_permission(request):
            present = self._kept(request, request.GET)
            found = views_of(self._list, request.user.pk)
            # A release may have removed a filter that a view has.
            shown = [(one, self._kept(request, QueryDict(one.query))) for one in found]
            page = reverse(f"admin:{self._list}_view")
            more = {"views": shown, "view_page": page, "view_query": present}
            extra_context = {**(extra_context or {}), **more}
        return super().changelist_view(request, extra_context)

    def _kept(self, request: Any, given: Mapping[str, str]) -> str:
        """Returns the parameters of the list among the given ones, sorted."""
        known = filter_parameters(self.model, self.get_list_filter(request))
        kept = QueryDict(mutable=True)
        for name in sorted({*known, SEARCH_VAR, ORDER_VAR} & given.keys()):
            if given[name]:
                kept[name] = given[name]
        return kept.urlencode()

    def view_page(self, request: Any) -> HttpResponse:
        """Saves the parameters of the list, or changes or deletes an own view."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        try:
            own = self._own(request)
        except NotFound as error:
            raise Http404 from error
        given = {"name": own.name, "is_shared": own.is_shared} if own else {}
        kind = OwnViewForm if own else ViewForm
        initial = given or {"query": self._kept(request, request.GET)}
        form = kind(request.POST) if request.method == "POST" else kind(initial=initial)
        back = reverse(f"admin:{self._list}_changelist")
        title = gettext("Saved view") if own else gettext("Save this view")
        page = Page(title=title, answer=gettext("Save"), back=back, form=form)
        if request.method != "POST" or not form.is_valid():
            return show(self, request, page)
        try:
            query = self._save(request, own, form.cleaned_data)
        except DomainError as refusal:
            page.refuse(refusal, {})
            return show(self, request, page)
        is_deleted = form.cleaned_data.get("is_deleted")
        done = gettext("The view is deleted.") if is_deleted else gettext("The view is saved.")
        self.message_user(request, done, messages.SUCCESS)
        return HttpResponseRedirect(f"{back}?{query}" if query else back)

    def _own(self, request: Any) -> SavedViewRow | None:
        """Returns the own view that the address names. Raises NotFound."""
        key = request.GET.get(VIEW, "")
        if not key:
            return None
        if not key.isdecimal() or len(key) > len(str(2**62)):
            raise NotFound
        return own_view(self._list, int(key), request.user.pk)

    def _save(self, request: Any, own: SavedViewRow | None, given: Mapping[str, Any]) -> str:
        """Returns the parameters of the list to show next."""
        caller, name, is_shared = user_as_caller(request), given["name"], given["is_shared"]
        if own is None:
            query = self._kept(request, QueryDict(given["query"]))
            saved_views.save_view(self._list, name, query, is_shared=is_shared, caller=caller)
            return query
        if given["is_deleted"]:
            saved_views.delete_view(self._list, own.id, caller=caller)
        else:
            saved_views.change_view(self._list, own.id, name, is_shared=is_shared, caller=caller)
        return own.query
