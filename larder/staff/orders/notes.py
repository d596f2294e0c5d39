"""Internal notes about an order: staff add them on its page, and never change them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminTextareaWidget

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_TEXT_LENGTH
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.orders.lifecycle import PERMISSIONS, Move
from larder.orders.services.notes import add_note
from larder.staff.base import button
from larder.staff.language import gettext_lazy as _
from larder.staff.orders.moves import MovableOrders
from larder.staff.pages import Page, PageForm, Text, reopened, show
from larder.staff.recording import refuse_former, user_as_caller


class NoteForm(PageForm):
    """The text of a note."""

    text = Text(
        label=_("Note"),
        max_length=MAX_TEXT_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_("It cannot be changed or deleted later."),
    )


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
        address = reverse("admin:orders_order_change", args=[order.id])
        page = Page(
            title=gettext("Internal note about order {}").format(order.number),
            answer=gettext("Add note"),
            back=address,
            form=reopened(NoteForm, request, {}),
            text=gettext("Staff who may see orders see it. The customer does not."),
        )
        if request.method != "POST" or not page.is_valid():
            return show(self, request, page)
        try:
            _add(order.id, page.form.cleaned_data, request)
        except DomainError as refusal:
            refuse_former(request, refusal, PERMISSIONS[Move.CHANGE])
            page.refuse(refusal, {})
            return show(self, request, page)
        self.message_user(request, gettext("The note is added."), messages.SUCCESS)
        return HttpResponseRedirect(address)


def _add(order: UUID, given: dict[str, Any], request: Any) -> None:
    caller, moment = user_as_caller(request), now()
    scope = Scope(caller.public_id, f"POST admin/order/{order}/note", str(given["form_key"]))
    content = fingerprint(given["text"])
    claim = Claim(scope, content, expires_at=moment + RETENTION)
    add_note(order, given["text"], caller=caller, claim=claim, now=moment)
