"""The staff screen of the ledger: changes of stock, with actor and order."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.utils.html import format_html

from larder.catalog import queries as catalog
from larder.inventory.models import Adjustment, LedgerEntry
from larder.orders.models import OrderEvent
from larder.staff.base import ReadOnlyAdmin
from larder.staff.formatting import (
    change_link,
    customer_name,
    in_one_line,
    localized,
    moment,
    the_shop,
    with_actor_name,
)
from larder.staff.language import gettext_lazy as _
from larder.staff.lists import ListPage, in_brief
from larder.staff.words import word


class LedgerPage(ListPage):
    """A page of entries, each with its order, or the note of its adjustment."""

    def get_results(self, request: Any) -> None:
        super().get_results(request)
        _add_orders(request, self.result_list)
        _add_notes(self.result_list)


def _add_orders(request: Any, entries: Iterable[Any]) -> None:
    """Sets `order` of each entry to the order whose event caused it. None for another cause, and
    for users who may not see orders."""
    events: Any = OrderEvent.objects.none()
    if request.user.has_perm("orders.view_order"):
        # Adjustments have ids too, which no event has.
        events = OrderEvent.objects.filter(id__in=[*_ids(entries)])
    whose = "order__customer"
    known = events.select_related(whose).only(
        *("order__number", f"{whose}__username", f"{whose}__deleted_at")
    )
    found = {str(one.id): one.order for one in known}
    for entry in entries:
        entry.order = found.get(entry.reference)


def _add_notes(entries: Iterable[Any]) -> None:
    """Sets `note` of each entry to that of the adjustment which caused it; empty without one."""
    noted = Adjustment.objects.filter(id__in=[*_ids(entries)]).exclude(note="")
    found = {str(key): note for key, note in noted.values_list("id", "note")}
    for entry in entries:
        entry.note = found.get(entry.reference, "")


def _ids(entries: Iterable[LedgerEntry]) -> Iterator[UUID]:
    for entry in entries:
        with suppress(ValueError):
            yield UUID(entry.reference)


def _link(page: str, key: Any, text: str) -> str:
    return format_html('<span class="breakable">{}</span>', change_link(page, key, text))


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Ledger entries, the newest first, or those of a product (index ledger_entry_history)."""

    fields = (
        "at_shown",
        "product_shown",
        "cause_shown",
        "note",
        "order_shown",
        "customer",
        "available",
        "committed",
        "reference",
        "by",
    )
    list_display = (
        *("at_shown", "product_shown", "cause_shown", "note_shown", "order_shown", "customer"),
        *("available", "committed", "by"),
    )
    list_select_related = ("product__product",)
    search_fields = ("product__product__sku",)
    search_help_text = _("The SKU or the barcode of a product")
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: Any) -> Any:
        entries = super().get_queryset(request).select_related("product__product")
        return with_actor_name(entries)

    def get_changelist(self, request: Any, **kwargs: Any) -> type[ListPage]:
        return LedgerPage

    def get_object(self, request: Any, object_id: str, from_field: Any = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            _add_orders(request, [found])
            _add_notes([found])
        return found

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        if search_term:
            queryset = queryset.filter(
                product_id__in=catalog.ids_by_code(search_term, archived=True)
            )
        return queryset, False

    @admin.display(description=_("When"))
    def at_shown(self, entry: LedgerEntry) -> str:
        return in_one_line(moment(entry.at))

    @admin.display(description=_("Product"))
    def product_shown(self, entry: LedgerEntry) -> str:
        return _link("catalog_product", entry.product_id, str(entry.product.product))

    @admin.display(description=_("Cause"))
    def cause_shown(self, entry: LedgerEntry) -> str:
        return word(entry.cause)

    @admin.display(description=_("Note"))
    def note(self, entry: Any) -> str:
        return entry.note or "–"

    @admin.display(description=_("Note"))
    def note_shown(self, entry: Any) -> str:
        return in_brief(entry.note)

    @admin.display(description=_("Order"))
    def order_shown(self, entry: Any) -> str:
        if entry.order is None:
            return "–"
        return _link("orders_order", entry.order.pk, f"#{entry.order.number}")

    @admin.display(description=_("Customer"))
    def customer(self, entry: Any) -> str:
        if entry.order is None:
            return "–"
        who = entry.order.customer
        name = customer_name(who)
        return name if who.deleted_at else _link("identity_customer", who.pk, name)

    @admin.display(description=_("Available"))
    def available(self, entry: LedgerEntry) -> str:
        return _step(entry.available_change, entry.available_after)

    @admin.display(description=_("Reserved for orders"))
    def committed(self, entry: LedgerEntry) -> str:
        return _step(entry.committed_change, entry.committed_after)

    @admin.display(description=_("By"))
    def by(self, entry: Any) -> str:
        return entry.actor_name or the_shop()


def _step(change: int, after: int) -> str:
    """Returns a change and the balance after it."""
    return in_one_line(localized(f"{change:+,} → {after:,}" if change else f"{after:,}"))
