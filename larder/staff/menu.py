"""The menu of the admin and the tabs of its parts: what a member of staff may see of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django.utils.text import capfirst

from larder.staff.lists import CUSTOMERS, STAFF, STOCK
from larder.staff.orders.tabs import status_tabs
from larder.staff.words import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Tab:
    """A list of the admin, with the name of its model; or another page of the model, for those who
    have the permission. `query` is the filter that chooses its rows."""

    model: str
    title: str = ""
    query: tuple[str, str] | None = None
    page: str = "changelist"
    permission: str = ""

    @property
    def name(self) -> str:
        return self.title or capfirst(apps.get_model(self.model)._meta.verbose_name_plural)

    @property
    def path(self) -> str:
        return reverse(f"admin:{self.model.replace('.', '_')}_{self.page}")

    @property
    def link(self) -> str:
        return f"{self.path}?{'='.join(self.query)}" if self.query else self.path

    def is_visible(self, request: Any) -> bool:
        if self.permission:
            return bool(request.user.has_perm(self.permission))
        screen: Any = admin.site.get_model_admin(apps.get_model(self.model))
        return bool(screen.has_view_or_change_permission(request))

    def likeness(self, request: Any) -> tuple[int, int]:
        """Returns how near a page below `path` is to this tab, compared with other tabs."""
        if not self.query:
            return len(self.path), 0
        sent = request.GET.get(self.query[0])
        return len(self.path), (sent == self.query[1]) + (1 if sent else -1)


@dataclass(frozen=True, slots=True)
class Part:
    """An item of the menu, which leads to the first of its tabs."""

    title: str
    icon: str
    tabs: Sequence[Tab]


PARTS = (
    Part(
        _("Orders"),
        "shopping_basket",
        (Tab("orders.order"), Tab("orders.refunddue")),
    ),
    Part(_("Products"), "sell", (Tab("catalog.product"), Tab("catalog.category"))),
    Part(
        _("Stock"),
        "inventory_2",
        (
            Tab("catalog.product", _("On hand"), STOCK),
            Tab("inventory.ledgerentry", _("Ledger")),
            Tab("inventory.adjustment"),
            Tab("inventory.adjustment", _("Counts"), None, "count", "inventory.add_adjustment"),
        ),
    ),
    Part(_("Customers"), "person", (Tab("identity.customer", query=CUSTOMERS),)),
    Part(_("Staff"), "badge", (Tab("identity.customer", _("Staff"), STAFF),)),
    Part(
        _("Settings"),
        "settings",
        (
            Tab("identity.key"),
            Tab("relay.endpoint"),
            Tab("identity.auditentry"),
            Tab("auth.group"),
        ),
    ),
)


def navigation(request: Any) -> list[dict[str, Any]]:
    """Returns the menu for this member of staff (`UNFOLD` in the settings refers to it)."""
    index = reverse("admin:index")
    is_open = request.path == index
    items = [{"title": _("Overview"), "icon": "home", "link": index, "active": is_open}]
    here = present(request)
    for part in PARTS:
        if links := [tab.link for tab in visible(request, part)]:
            is_open = here in part.tabs
            item = {"title": part.title, "icon": part.icon, "link": links[0], "active": is_open}
            items.append(item)
    return [{"items": items}]


def visible(request: Any, part: Part) -> Iterator[Tab]:
    """Yields the tabs of a part that this member of staff may see."""
    return (tab for tab in part.tabs if tab.is_visible(request))


def present(request: Any) -> Tab | None:
    """Returns the tab whose page this is, or that is above this page; None elsewhere."""
    tabs = [tab for part in PARTS for tab in part.tabs if request.path.startswith(tab.path)]
    return max(tabs, key=lambda tab: tab.likeness(request), default=None)


def tabs(request: Any) -> list[dict[str, Any]]:
    """Returns the tabs of this page, if it is one of several."""
    here = present(request)
    if here is None or request.path != here.path:
        return []
    (part,) = (part for part in PARTS if here in part.tabs)
    items: list[dict[str, Any]] = []
    for tab in visible(request, part):
        if tab.model == "orders.order":
            items += status_tabs(request, tab.path)
        else:
            items.append({"title": tab.name, "link": tab.link, "active": tab == here})
    items = [{**item, "has_permission": True} for item in items]
    # The theme asks for the model of a list; staff/page.html for those of a page.
    own = {"models": [here.model], "page": "page", "items": items}
    return [own] if len(items) > 1 else []
