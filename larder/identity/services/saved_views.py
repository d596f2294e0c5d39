"""Keeps views of lists of the admin: their filters, search and order, under a name of its owner.

A view has no rights: it is the address of a list, which checks them. It is deleted with the account
of its owner.
"""

from django.db import transaction

from larder.core.errors import Fault, InvalidInput, NotFound
from larder.core.invisible import has_invisible
from larder.core.limits import MAX_LABEL_LENGTH, MAX_TEXT_LENGTH, MAX_VIEWS
from larder.identity.caller import Caller
from larder.identity.models import SavedView
from larder.identity.services.credentials import lock_account


def save_view(page: str, name: str, query: str, *, is_shared: bool, caller: Caller) -> None:
    """Adds a view, or gives the caller's view of this name another query.

    Raises InvalidInput (name, query; too many views), SessionEnded.
    """
    _refuse_faulty(name, query)
    with transaction.atomic(durable=True):
        # Under the account's lock: no other transaction adds one meanwhile.
        lock_account(caller)
        own = SavedView.objects.filter(owner=caller.id)
        changed = own.filter(page=page, name=name).update(query=query, is_shared=is_shared)
        if changed:
            return
        if own.count() >= MAX_VIEWS:
            detail = f"You have {MAX_VIEWS} views, and cannot have more. Delete one first."
            raise InvalidInput([Fault("/name", "too_many", detail)])
        SavedView.objects.create(
            owner_id=caller.id, page=page, name=name, query=query, is_shared=is_shared
        )


def change_view(page: str, view: int, name: str, *, is_shared: bool, caller: Caller) -> None:
    """Renames a view of the caller. Raises NotFound, InvalidInput (name), SessionEnded."""
    _refuse_faulty(name, "")
    with transaction.atomic(durable=True):
        lock_account(caller)
        own = SavedView.objects.filter(owner=caller.id, page=page)
        if own.filter(name=name).exclude(id=view).exists():
            raise InvalidInput([Fault("/name", "taken", "You have a view of this name.")])
        if not own.filter(id=view).update(name=name, is_shared=is_shared):
            raise NotFound


def delete_view(page: str, view: int, *, caller: Caller) -> None:
    """Deletes a view of the caller. Raises NotFound, SessionEnded."""
    with transaction.atomic(durable=True):
        lock_account(caller)
        if not SavedView.objects.filter(owner=caller.id, page=page, id=view).delete()[0]:
            raise NotFound


def _refuse_faulty(name: str, query: str) -> None:
    """Raises InvalidInput with all faults."""
    found = []
    if not name.strip() or len(name) > MAX_LABEL_LENGTH or has_invisible(name):
        detail = f"Expected one line of at most {MAX_LABEL_LENGTH} characters."
        found.append(Fault("/name", "invalid_format", detail))
    if len(query) > MAX_TEXT_LENGTH:
        detail = "The filters and the search are too long to be saved."
        found.append(Fault("/name", "too_long", detail))
    if found:
        raise InvalidInput(found)
