"""The page on which staff add a note about an order or a customer. Notes are never changed."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminTextareaWidget

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_TEXT_LENGTH
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.identity.services.notes import About, add_note
from larder.staff.base import ServiceAdmin
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import Page, PageForm, Text, reopened, show
from larder.staff.recording import user_as_caller


class NoteForm(PageForm):
    """The text of a note."""

    text = Text(
        label=_("Note"),
        max_length=MAX_TEXT_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_("It cannot be changed or deleted later."),
    )


def note_page(request: Any, title: str, back: str, text: str) -> Page:
    """Returns the page of a new note. `text` says who sees it."""
    form = reopened(NoteForm, request, {})
    return Page(title=title, answer=gettext("Add note"), back=back, form=form, text=text)


def take_note(screen: ServiceAdmin, request: Any, page: Page, about: About) -> HttpResponse:
    """Shows the page, then adds the note."""
    if request.method != "POST" or not page.is_valid():
        return show(screen, request, page)
    given, caller, moment = page.form.cleaned_data, user_as_caller(request), now()
    scope = Scope(caller.public_id, f"POST admin/{about.name}/note", str(given["form_key"]))
    claim = Claim(scope, fingerprint(given["text"]), expires_at=moment + RETENTION)
    try:
        add_note(about, given["text"], caller=caller, claim=claim, now=moment)
    except DomainError as refusal:
        page.refuse(refusal, {})
        return show(screen, request, page)
    screen.message_user(request, gettext("The note is added."), messages.SUCCESS)
    return HttpResponseRedirect(page.back)
