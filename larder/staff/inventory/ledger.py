"""The staff screen of the ledger: changes of stock, with actor and order."""

from collections.abc import Iterable, Iterator, Sequence
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
    column,
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
        _add_causes(request, self.result_list)


def _add_causes(request: Any, entries: Sequence[Any]) -> None:
    """Sets what caused each entry: the `order` of its event, None for another cause, and for users
    who may not see orders; and the `note` of its adjustment."""
    ids = [*_ids(entries)]
    events: Any = OrderEvent.objects.none()
    if request.user.has_perm("orders.view_order"):
        # Adjustments have ids too, which no event has.
        events = OrderEvent.objects.filter(id__in=ids)
    numbers = events.values_list("id", "order", "order__number")
    orders = {str(id): (order, number) for id, order, number in numbers}
    noted = Adjustment.objects.filter(id__in=ids).values_list("id", "note")
    notes = {str(id): note for id, note in noted}
    for entry in entries:
        entry.order = orders.get(entry.reference)
        entry.note = notes.get(entry.reference, "")


def _ids(entries: Iterable[LedgerEntry]) -> Iterator[UUID]:
    for entry in entries:
        with suppress(ValueError):
            yield UUID(entry.reference)


def _link(page: str, key: Any, text: str) -> str:
    return format_html('<span class="breakable">{}</span>', change_link(page, key, text))


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Ledger entries, the newest first, or those of a product (index ledger_entry_history)."""

    fields = ("at_shown", "product_shown", "cause_shown", "available", "committed", "by")
    list_display_links = None
    list_display = (
        *("at_shown", "product_shown", "cause_shown", "note_shown", "order_shown"),
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

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        if search_term:
            queryset = queryset.filter(
                product_id__in=catalog.ids_by_code(search_term, archived=True)
            )
        return queryset, False

    at_shown = column(_("When"), lambda entry: in_one_line(moment(entry.at)))
    product_shown = column(
        _("Product"),
        lambda entry: _link("catalog_product", entry.product_id, str(entry.product.product)),
    )
    cause_shown = column(_("Cause"), lambda entry: word(entry.cause))
    note_shown = column(_("Note"), lambda entry: in_brief(entry.note))

    @admin.display(description=_("Order"))
    def order_shown(self, entry: Any) -> str:
        if entry.order is None:
            return "–"
        order, number = entry.order
        return _link("orders_order", order, f"#{number}")

    available = column(
        _("Available"), lambda entry: _step(entry.available_change, entry.available_after)
    )
    committed = column(
        _("Reserved for orders"), lambda entry: _step(entry.committed_change, entry.committed_after)
    )
    by = column(_("By"), lambda entry: entry.actor_name or the_shop())


def _step(change: int, after: int) -> str:
    """Returns a change and the balance after it."""
    return in_one_line(localized(f"{change:+,} → {after:,}" if change else f"{after:,}"))
