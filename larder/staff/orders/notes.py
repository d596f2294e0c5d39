"""Internal notes about an order: staff add them on its page, and never change them."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from larder.identity.services.notes import About
from larder.orders.lifecycle import PERMISSIONS, Move
from larder.orders.services.locks import order_name
from larder.staff.base import button
from larder.staff.language import gettext_lazy as _
from larder.staff.notes import note_page, take_note
from larder.staff.orders.moves import MovableOrders


class NotableOrders(MovableOrders):
    """The page of a new note, for staff who may change orders."""

    actions_detail: Any = (*MovableOrders.actions_detail, "note")

    def has_note_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may add notes."""
        return self.may(request, "change")

    def note_link(self, request: Any, order: UUID) -> str:
        """Returns the address of the page of a new note; empty for users who may not add one."""
        page = reverse("admin:orders_order_note", args=[order])
        return page if self.has_note_permission(request) else ""

    @button(_("Add note"), permissions=["note"], icon="add_notes", url_path="note")
    def note(self, request: Any, object_id: str) -> HttpResponse:
        """Shows the form, then adds the note."""
        order = self.shown_order(request, object_id)
        if order is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        title = gettext("Internal note about order {}").format(order.number)
        address = reverse("admin:orders_order_change", args=[order.id])
        seen_by = gettext("Staff who may see orders see it. The customer does not.")
        page = note_page(request, title, address, seen_by)
        about = About(order_name(order.id), PERMISSIONS[Move.CHANGE])
        return take_note(self, request, page, about)
