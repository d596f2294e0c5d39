"""The menu of the admin and the tabs of its parts: what a member of staff may see of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django.utils.text import capfirst

from larder.staff.words import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Part:
    """An item of the menu. Its models are its tabs; `query` chooses rows of the first one."""

    title: str
    icon: str
    models: Sequence[str]
    query: str = ""


STAFF = "is_staff__exact"
STOCK = ("inventory.ledgerentry", "inventory.adjustment")
PARTS = (
    Part(_("Orders"), "shopping_basket", ("orders.order", "orders.refunddue")),
    Part(_("Products"), "sell", ("catalog.product", "catalog.category")),
    Part(_("Stock"), "inventory_2", STOCK),
    Part(_("Customers"), "person", ("identity.customer",), f"{STAFF}=0"),
    Part(_("Staff"), "badge", ("identity.customer",), f"{STAFF}=1"),
    Part(_("Settings"), "settings", ("identity.key", "identity.auditentry", "auth.group")),
)


def navigation(request: Any) -> list[dict[str, Any]]:
    """Returns the menu for this member of staff (`UNFOLD` in the settings refers to it)."""
    index = reverse("admin:index")
    overview = {
        "title": _("Overview"),
        "icon": "home",
        "link": index,
        "active": request.path == index,
    }
    return [{"items": [overview, *_items(request)]}]


def _items(request: Any) -> Iterator[dict[str, Any]]:
    for part in PARTS:
        links = [_list(model) for model in part.models if _is_visible(request, model)]
        if links:
            is_open = any(request.path.startswith(link) for link in map(_list, part.models))
            if STAFF in part.query and part.query not in request.GET.urlencode():
                is_open = is_open and STAFF not in request.GET and part.query.endswith("0")
            link = f"{links[0]}?{part.query}" if part.query else links[0]
            yield {"title": part.title, "icon": part.icon, "link": link, "active": is_open}


def tabs(request: Any) -> list[dict[str, Any]]:
    """Returns the tabs of the lists of each part (`UNFOLD` in the settings refers to it). The list
    of orders has its own (orders/tabs.py)."""
    return [
        {
            "models": [model for model in part.models if model != "orders.order"],
            "items": list(_tabs_of(request, part)),
        }
        for part in PARTS
        if len(part.models) > 1
    ]


def _tabs_of(request: Any, part: Part) -> Iterator[dict[str, Any]]:
    if part.models == STOCK and _is_visible(request, "catalog.product"):
        yield {"title": _("On hand"), "link": _list("catalog.product"), "active": False}
    for model in part.models:
        if _is_visible(request, model):
            title = capfirst(apps.get_model(model)._meta.verbose_name_plural)
            yield {"title": title, "link": _list(model), "active": request.path == _list(model)}
    if part.models == STOCK and request.user.has_perm("inventory.add_adjustment"):
        link = reverse("admin:inventory_adjustment_count")
        yield {"title": _("Count"), "link": link, "active": False}


def _list(model: str) -> str:
    return reverse(f"admin:{model.replace('.', '_')}_changelist")


def _is_visible(request: Any, model: str) -> bool:
    screen: Any = admin.site.get_model_admin(apps.get_model(model))
    return bool(screen.has_view_or_change_permission(request))
