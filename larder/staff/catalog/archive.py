"""Archives products, and puts archived ones on sale again: buttons of a product, and actions of the
list."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from larder.catalog.models import Product
from larder.catalog.services.products import archive_product, restore_product
from larder.core.clock import now
from larder.core.errors import DomainError
from larder.staff.base import Question, ServiceAdmin, ask, button, selected
from larder.staff.formatting import grouped
from larder.staff.language import gettext_lazy as _
from larder.staff.recording import caller_of
from larder.staff.refusals import Sentence


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


class ArchivableProducts(ServiceAdmin):
    """The pages that archive and restore products. Both ask for Django's permission to delete
    products."""

    actions: Any = ("archive_selected", "restore_selected")

    def has_archive_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may archive and restore products."""
        return self.may(request, "delete")

    def get_actions(self, request: Any) -> Any:
        """Removes the actions that the listed products do not need."""
        actions = super().get_actions(request)
        is_archive = request.GET.get("archived") == "yes"
        for name in ("archive_selected", "change_prices") if is_archive else ("restore_selected",):
            actions.pop(name, None)
        return actions

    def get_actions_detail(self, request: Any, object_id: Any) -> Any:
        """Removes the button that the product does not need."""
        product = self.get_object(request, str(object_id))
        is_archived = product is not None and product.archived_at is not None
        unneeded = "archive" if is_archived else "restore"
        shown = super().get_actions_detail(request, object_id)
        return [action for action in shown if action.path != unneeded]

    @button(_("Archive"), permissions=["archive"], url_path="archive", icon="archive")
    def archive(self, request: Any, object_id: str) -> HttpResponse:
        """Shows a confirmation, then archives the product."""
        products = [self.shown_object(request, object_id)]
        return self._move(request, products, ARCHIVE) or _list()

    @button(_("Restore"), permissions=["archive"], url_path="restore", icon="unarchive")
    def restore(self, request: Any, object_id: str) -> HttpResponse:
        """Shows a confirmation, then restores the product."""
        products = [self.shown_object(request, object_id)]
        return self._move(request, products, RESTORE) or _list()

    @admin.action(description=_("Archive"), permissions=["archive"])
    def archive_selected(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows a confirmation, then archives every selected product."""
        return self._move(request, selected(self, request, queryset), ARCHIVE)

    @admin.action(description=_("Restore"), permissions=["archive"])
    def restore_selected(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows a confirmation, then restores every selected product."""
        return self._move(request, selected(self, request, queryset), RESTORE)

    def _move(self, request: Any, products: Sequence[Product], move: _Move) -> HttpResponse | None:
        """Returns the question, or None once it is answered."""
        if products and "confirmed" not in request.POST:
            about, sends = [str(product) for product in products], [("confirmed", "yes")]
            question = Question(move.title, move.text, move.title, about, sends, move.variant)
            return ask(self, request, question)
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


def _list() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:catalog_product_changelist"))
