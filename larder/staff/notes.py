"""The page on which staff add a note about an order or a customer. Notes are never changed."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.identity.services.notes import About, add_note
from larder.staff.base import ServiceAdmin, button
from larder.staff.pages import Page, PageForm, long_text, show
from larder.staff.recording import caller_of, claim
from larder.staff.words import gettext_lazy as _


class NoteForm(PageForm):
    text = long_text(
        _("Note"), required=True, help_text=_("It cannot be changed or deleted later.")
    )


class NotableAdmin(ServiceAdmin):
    """An admin of objects with notes, for staff who may change them."""

    def about(self, request: Any, obj: Any) -> About:
        """Returns the object as that of a note by the user."""
        return About(self.audited_name(obj), f"{self.opts.app_label}.change_{self.opts.model_name}")

    def has_note_permission(self, request: Any, object_id: Any = None) -> bool:
        return self.may(request, "change")

    @button(_("Add note"), permissions=["note"], icon="add_notes", url_path="note")
    def note(self, request: Any, object_id: str) -> HttpResponse:
        obj = self.shown_object(request, object_id)
        page = Page(
            title=gettext("Internal note: {}").format(obj),
            answer=gettext("Add note"),
            back=self.change_address(obj.pk),
            form=NoteForm(request.POST or None),
            text=gettext("Staff who may see this page see it. The customer does not."),
        )
        if request.method == "POST" and page.is_valid():
            about, caller = self.about(request, obj), caller_of(request)
            text, key = page.form.cleaned_data["text"], page.form.cleaned_data["form_key"]
            once = claim(caller, f"{about.name}/note", key, text)
            try:
                add_note(about, text, caller=caller, claim=once, now=now())
                self.message_user(request, gettext("The note is added."), messages.SUCCESS)
                return HttpResponseRedirect(page.back)
            except DomainError as refusal:
                page.refuse(refusal, {})
        return show(request, page)
