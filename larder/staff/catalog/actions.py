"""Buttons of a product and actions of the list: archive, restore, on to the stock."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from larder.catalog.models import Product
from larder.catalog.services.products import archive_product, restore_product
from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_SHOWN_ROWS
from larder.notifications.formatting import grouped
from larder.staff.base import ServiceAdmin, button
from larder.staff.pages import ask
from larder.staff.recording import caller_of
from larder.staff.refusals import Sentence
from larder.staff.words import gettext_lazy as _

ARCHIVING = "catalog.delete_product"


class _Move(NamedTuple):
    """What a page does to products: its service and its words."""

    service: Callable[..., None]
    title: str
    text: str
    done: str
    already: str
    variant: str


ARCHIVE = _Move(
    archive_product,
    _("Archive"),
    _("Archived products are not on sale; orders and stock keep them. You can restore them later."),
    _("Archived: {}."),
    _("It is archived already."),
    "danger",
)
RESTORE = _Move(
    restore_product,
    _("Restore"),
    _("Restored products are on sale at once, with their prices and the stock that they have."),
    _("Restored: {}."),
    _("It is on sale already."),
    "primary",
)


def _move_all(screen: Any, request: Any, rows: Any, *, move: _Move) -> HttpResponse | None:
    answer: HttpResponse | None = screen.move(request, rows[:MAX_SHOWN_ROWS], move)
    return answer


class ProductActions(ServiceAdmin):
    """The pages that archive and restore products, for those who may delete them in Django's words;
    and the ways to the stock of one."""

    def get_actions(self, request: Any) -> Any:
        """Adds what the listed products need."""
        actions: Any = super().get_actions(request)
        move, name = ARCHIVE, "archive_selected"
        if request.GET.get("archived") == "yes":
            move, name = RESTORE, "restore_selected"
        if request.user.has_perm(ARCHIVING):
            actions[name] = (partial(_move_all, move=move), name, move.title)
        return actions

    def get_actions_detail(self, request: Any, object_id: Any) -> Any:
        """Removes the button that the product does not need."""
        product = self.get_object(request, str(object_id))
        is_archived = product is not None and product.archived_at is not None
        unneeded = "archive" if is_archived else "restore"
        shown = super().get_actions_detail(request, object_id)
        return [action for action in shown if action.path != unneeded]

    @button(_("Archive"), permissions=[ARCHIVING], url_path="archive", icon="archive")
    def archive(self, request: Any, object_id: str) -> HttpResponse:
        products = [self.shown_object(request, object_id)]
        return self.move(request, products, ARCHIVE) or HttpResponseRedirect(self.list_address)

    @button(_("Restore"), permissions=[ARCHIVING], url_path="restore", icon="unarchive")
    def restore(self, request: Any, object_id: str) -> HttpResponse:
        products = [self.shown_object(request, object_id)]
        return self.move(request, products, RESTORE) or HttpResponseRedirect(self.list_address)

    def move(self, request: Any, products: Sequence[Product], move: _Move) -> HttpResponse | None:
        """Returns the question, or None once it is answered."""
        if products and "confirmed" not in request.POST:
            about = [str(product) for product in products]
            return ask(self, request, move.title, about, text=move.text, variant=move.variant)
        done = []
        for product in products:
            try:
                move.service(product.pk, caller=caller_of(request), now=now())
                done.append(product.sku)
            except DomainError as refusal:
                own = {"not_found": Sentence(None, move.already)}
                self.tell_refusal(request, refusal, own, about=f"{product.sku}: ")
        if done:
            self.message_user(request, move.done.format(grouped(len(done))), messages.SUCCESS)
        return None

    @button(
        _("Adjust stock"),
        permissions=["inventory.add_adjustment"],
        url_path="adjust",
        icon="add_notes",
    )
    def adjust_stock(self, request: Any, object_id: str) -> HttpResponse:
        return self._onwards("admin:inventory_adjustment_add", request, object_id, "sku")

    @button(_("Ledger"), permissions=["inventory.view_ledgerentry"], icon="receipt_long")
    def ledger(self, request: Any, object_id: str) -> HttpResponse:
        return self._onwards("admin:inventory_ledgerentry_changelist", request, object_id, "q")

    def _onwards(self, name: str, request: Any, object_id: str, parameter: str) -> HttpResponse:
        sku = self.shown_object(request, object_id).sku
        return HttpResponseRedirect(reverse(name, query={parameter: sku}))
