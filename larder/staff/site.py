"""The admin site: what wraps its views, and its pages of refusals."""

from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.paginator import InvalidPage, Paginator
from django.db import DataError
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.vary import vary_on_headers
from django.views.i18n import JavaScriptCatalog
from unfold.sites import UnfoldAdminSite

from larder.core.errors import NotFound, PermissionMissing
from larder.core.limits import MAX_SHOWN_ROWS
from larder.http import admin_session, problems
from larder.http.authentication import proven_factor
from larder.http.negotiation import prefers_page
from larder.identity import queries
from larder.identity.errors import SessionEnded
from larder.identity.services import audit
from larder.staff import confirming, finding, menu, product_choice
from larder.staff.identity.own_account import LoginForm, own_password
from larder.staff.pages import themed
from larder.staff.recording import CHANNEL, FORMER
from larder.staff.words import gettext_lazy as _


def account_links(request: Any) -> list[dict[str, str]]:
    """Returns the links of the user menu (`UNFOLD` in the settings refers to it)."""
    own_keys = reverse("admin:identity_key_changelist", query={"q": request.user.username})
    return [
        {"title": _("Change password"), "link": reverse("admin:password_change")},
        {"title": _("Second factor"), "link": reverse("second_factor")},
        {"title": _("Your keys"), "link": own_keys},
    ]


texts = vary_on_headers("Cookie", "Accept-Language")(
    cache_control(max_age=3600, private=True)(JavaScriptCatalog.as_view(packages=["larder.staff"]))
)
"""The texts of scripts in the language of the request."""

UNREADABLE = (
    *(DataError, IncorrectLookupParameters, InvalidPage),
    *(OverflowError, ValidationError, ValueError),
)


ENDED = _("Your session has ended. Log in again.")
NOT_ALLOWED = _(
    "The role of your account does not allow this page. If you need it, ask a colleague who may "
    "manage rights, such as an owner of the shop, for another role."
)
MISSING = _(
    "There is nothing at this address. It may have been deleted, or the link is incomplete."
)


def answering(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a view of the admin: the services record what it changes, a refusal is shown with the
    menu, and values that cannot be queried are answered with 400.

    Django validates forms, but not every filter, page number, selected row or id at `/admin/r/`: a
    year of forty digits only fails in the query. Without such a value the error remains one.
    """

    @wraps(view)
    def answered(request: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            with audit.acting(request.user.public_id, CHANNEL):
                return view(request, *args, **kwargs)
        except confirming.ConfirmationNeeded:
            return confirming.to_page(request)
        except (PermissionDenied, *FORMER) as refusal:
            text = str(ENDED if isinstance(refusal, SessionEnded) else NOT_ALLOWED)
            if not prefers_page(request):
                raise PermissionDenied(text) from refusal
            return problems.mark(
                _explained(request, gettext("Not allowed"), text), PermissionMissing("")
            )
        except Http404:
            if not prefers_page(request):
                raise
            return problems.mark(_explained(request, gettext("Not found"), MISSING), NotFound())
        except UNREADABLE as error:
            is_given = request.GET or ACTION_CHECKBOX_NAME in request.POST
            if is_given or "content_type_id" in kwargs:
                raise BadRequest("A value of this request cannot be read.") from error
            raise

    return answered


def _explained(request: Any, title: str, text: str) -> HttpResponse:
    """Returns a page with the menu that says why what was asked for is not shown."""
    page = themed(request, "staff/explained.html", title, text=text)
    patch_vary_headers(page, ["Accept"])
    return page


def telling_of_the_end(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps what AdminSite.admin_view returns, which redirects to the log-in page: adds its
    message."""

    @wraps(view)
    def told(request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.path != reverse("admin:logout"):
            admin_session.add_end_message(request)
        return view(request, *args, **kwargs)

    return told


class _Offers(AutocompleteJsonView):
    """What fields that search offer, as the admin of the objects shows them."""

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, Any]:
        shown = getattr(self.model_admin, "choice_text", str)
        text = {"text": shown(obj)}
        return {**super().serialize_result(obj, to_field_name), **text}


class Site(UnfoldAdminSite):  # type: ignore[misc]
    """The admin of the shop (`ShopAdminConfig` in apps.py)."""

    index_title = _("Overview")
    index_template = "staff/index.html"
    login_form = LoginForm

    def has_permission(self, request: Any) -> bool:
        """Returns whether this is an active member of staff who has proven the second factor that
        they need, in this session."""
        user = request.user
        if not (user.is_active and user.is_staff):
            return False
        # The theme asks twice for each page.
        if not hasattr(user, "needs_factor"):
            user.needs_factor = queries.rights(user.pk, proven_factor(request)).needs_factor
        return not user.needs_factor

    def get_urls(self) -> list[Any]:
        offers = self.admin_view(product_choice.offers)
        return [path("offered-products/", offers, name="offered_products"), *super().get_urls()]

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Returns the view with what all pages have: a log-in, and records of what it does."""
        return telling_of_the_end(super().admin_view(answering(view), cacheable))

    def get_tabs_list(self, request: Any) -> list[dict[str, Any]]:
        """Returns the tabs of this page. The theme would ask twice for those of its settings."""
        return menu.tabs(request)

    def autocomplete_view(self, request: Any) -> HttpResponseBase:
        return _Offers.as_view(admin_site=self)(request)

    def search(self, request: Any, extra_context: Any = None) -> HttpResponse:
        """Answers the one search. The theme's own would keep what it found for five minutes."""
        term, begun = request.GET.get("s", "").strip(), perf_counter()
        if not term:
            return HttpResponse()
        pages = Paginator(finding.results(request, term), MAX_SHOWN_ROWS)
        context = {
            "search_term": term,
            "page_obj": pages,
            "results": pages.page(request.GET.get("page", 1)),
            "page_counter": 0,
            "execution_time": perf_counter() - begun,
        }
        response = TemplateResponse(request, "unfold/helpers/command_results.html", context)
        response.headers["HX-Trigger"] = "search"
        return response

    def password_change(self, request: Any, extra_context: Any = None) -> HttpResponseBase:
        return own_password(request, extra_context)
