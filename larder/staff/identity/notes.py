"""Internal notes about a customer: staff add them on the page of the account."""

from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.limits import MAX_SHOWN_EVENTS
from larder.identity.queries.notes import latest_notes
from larder.identity.services.audit import customer_name
from larder.identity.services.notes import about_customer
from larder.staff.base import ServiceAdmin, button
from larder.staff.formatting import actor_names, moment
from larder.staff.language import gettext_lazy as _
from larder.staff.notes import note_page, take_note
from larder.staff.recording import user_as_caller


def customer_notes(customer: Any) -> dict[str, Any]:
    """Returns the last notes about a customer, and how many they are if there are earlier ones."""
    found = latest_notes(customer_name(customer.public_id), limit=MAX_SHOWN_EVENTS)
    people = actor_names({one.actor for one in found.rows})
    rows = [{"at": moment(n.at), "by": people[n.actor], "text": n.text} for n in found.rows]
    return {"rows": rows, "limit": MAX_SHOWN_EVENTS if found.more else None}


class NotableCustomers(ServiceAdmin):
    """The page of a new note, for staff who may change customers."""

    def has_note_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may add notes."""
        return self.may(request, "change")

    @button(_("Add note"), permissions=["note"], icon="add_notes", url_path="note")
    def note(self, request: Any, object_id: str) -> HttpResponse:
        """Shows the form, then adds the note."""
        customer = self.get_object(request, unquote(object_id))
        if customer is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        title = gettext("Internal note about {}").format(customer.username)
        address = reverse("admin:identity_customer_change", args=[customer.pk])
        seen_by = gettext("Staff who may see customers see it. The customer does not.")
        page = note_page(request, title, address, seen_by)
        about = about_customer(user_as_caller(request), customer.pk, customer.public_id)
        return take_note(self, request, page, about)
