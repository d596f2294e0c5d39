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
from larder.staff.base import Question, ServiceAdmin, ask
from larder.staff.language import gettext_lazy as _
from larder.staff.lists import filter_parameters
from larder.staff.pages import Page, box, show, words
from larder.staff.recording import user_as_caller
from larder.staff.refusals import TextForm

VIEW, DELETE = "view", "delete"
"""The parameters of the page: the id of a view, and that it is to be deleted."""


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
    """An own view, to be renamed or shared."""

    query = None  # type: ignore[assignment]


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
        own = self._own(request)
        if own and DELETE in request.GET:
            return self._delete(request, own)
        given = {"name": own.name, "is_shared": own.is_shared} if own else {}
        kind = OwnViewForm if own else ViewForm
        initial = given or {"query": self._kept(request, request.GET)}
        form = kind(request.POST) if request.method == "POST" else kind(initial=initial)
        page = Page(
            title=gettext("Saved view") if own else gettext("Save this view"),
            answer=gettext("Save"),
            back=reverse(f"admin:{self._list}_changelist"),
            form=form,
            ways=[(gettext("Delete this view"), self._address(own, DELETE))] if own else (),
        )
        if request.method != "POST" or not form.is_valid():
            return show(self, request, page)
        try:
            query = self._save(request, own, form.cleaned_data)
        except DomainError as refusal:
            page.refuse(refusal, {})
            return show(self, request, page)
        self.message_user(request, gettext("The view is saved."), messages.SUCCESS)
        return self._to_list(query)

    def _delete(self, request: Any, own: SavedViewRow) -> HttpResponse:
        """Asks, and deletes the view."""
        if request.method != "POST":
            return ask(self, request, self._question(own))
        try:
            saved_views.delete_view(self._list, own.id, caller=user_as_caller(request))
            self.message_user(request, gettext("The view is deleted."), messages.SUCCESS)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
        return self._to_list(own.query)

    def _question(self, own: SavedViewRow) -> Question:
        stays = gettext("The list and its rows stay.")
        lost = gettext("The view is for all staff: the others lose it too.")
        title = gettext("Delete this view")
        return Question(
            title=title,
            text=gettext("Delete the view {}?").format(own.name),
            answer=title,
            about=[stays, lost] if own.is_shared else [stays],
            sends=[],
            back=self._address(own),
        )

    def _address(self, own: SavedViewRow, *parameters: str) -> str:
        query = {VIEW: own.id, **dict.fromkeys(parameters, "yes")}
        return reverse(f"admin:{self._list}_view", query=query)

    def _to_list(self, query: str) -> HttpResponse:
        back = reverse(f"admin:{self._list}_changelist")
        return HttpResponseRedirect(f"{back}?{query}" if query else back)

    def _own(self, request: Any) -> SavedViewRow | None:
        """Returns the own view that the address names. Raises PermissionDenied, Http404."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        key = request.GET.get(VIEW, "")
        if not key:
            return None
        if not key.isdecimal() or len(key) > len(str(2**62)):
            raise Http404
        try:
            return own_view(self._list, int(key), request.user.pk)
        except NotFound as error:
            raise Http404 from error

    def _save(self, request: Any, own: SavedViewRow | None, given: Mapping[str, Any]) -> str:
        """Returns the parameters of the list to show next."""
        caller, name, is_shared = user_as_caller(request), given["name"], given["is_shared"]
        if own is None:
            query = self._kept(request, QueryDict(given["query"]))
            saved_views.save_view(self._list, name, query, is_shared=is_shared, caller=caller)
            return query
        saved_views.change_view(self._list, own.id, name, is_shared=is_shared, caller=caller)
        return own.query
