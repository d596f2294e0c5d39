"""Archives products, and puts archived ones on sale again: buttons of a product, and actions of the
list."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import ngettext

from larder.catalog.models import Product
from larder.catalog.services.products import archive_product, restore_product
from larder.core.clock import now
from larder.core.errors import DomainError
from larder.staff.base import Question, ServiceAdmin, ask, button, selected
from larder.staff.formatting import grouped
from larder.staff.language import gettext_lazy as _
from larder.staff.recording import user_as_caller
from larder.staff.refusals import Sentence


class _Move(NamedTuple):
    """What a page does to products: its service and its words. `done` is said of how many."""

    name: str
    service: Callable[..., None]
    title: str
    answer: str
    text: str
    done: Callable[[int], str]
    already: str
    changed: str
    variant: str


def _archived(number: int) -> str:
    return ngettext("{} product archived.", "{} products archived.", number)


def _restored(number: int) -> str:
    return ngettext("{} product restored.", "{} products restored.", number)


ARCHIVE = _Move(
    "archive",
    archive_product,
    _("Archive products"),
    _("Archive"),
    _("Archived products are not on sale; orders and stock keep them. You can restore them later."),
    _archived,
    _("It is archived already."),
    _("Another user changed it meanwhile. Check it again before you archive it."),
    "danger",
)
RESTORE = _Move(
    "restore",
    restore_product,
    _("Restore products"),
    _("Restore"),
    _("Restored products are on sale at once, with their prices and the stock that they have."),
    _restored,
    _("It is on sale already."),
    _("Another user changed it meanwhile. Check it again before you restore it."),
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
        return [one for one in shown if one.path != unneeded]

    @button(_("Archive"), permissions=["archive"], url_path="archive", icon="archive")
    def archive(self, request: Any, object_id: str) -> HttpResponse:
        """Shows a confirmation, then archives the version that was shown."""
        return self._one(request, object_id, ARCHIVE)

    @button(_("Restore"), permissions=["archive"], url_path="restore", icon="unarchive")
    def restore(self, request: Any, object_id: str) -> HttpResponse:
        """Shows a confirmation, then restores the version that was shown."""
        return self._one(request, object_id, RESTORE)

    @admin.action(description=_("Archive"), permissions=["archive"])
    def archive_selected(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows a confirmation, then archives every selected product, whatever its version."""
        return self._selected(request, queryset, ARCHIVE)

    @admin.action(description=_("Restore"), permissions=["archive"])
    def restore_selected(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows a confirmation, then restores every selected product, whatever its version."""
        return self._selected(request, queryset, RESTORE)

    def _one(self, request: Any, object_id: str, move: _Move) -> HttpResponse:
        product = self.get_object(request, object_id)
        if product is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        seen = request.POST.get("seen_version", "")
        if request.method == "POST" and seen.isdecimal() and len(seen) < 10:
            self._carry_through(request, [product], move, version=int(seen))
            return HttpResponseRedirect(reverse("admin:catalog_product_changelist"))
        return self._ask(request, [product], move, [("seen_version", str(product.version))])

    def _selected(self, request: Any, queryset: Any, move: _Move) -> HttpResponse | None:
        products = selected(self, request, queryset)
        if not products:
            return None
        if "confirmed" in request.POST:
            self._carry_through(request, products, move)
            return None
        chosen = [(ACTION_CHECKBOX_NAME, str(one.pk)) for one in products]
        action = ("action", f"{move.name}_selected")
        return self._ask(
            request, products, move, [*chosen, action, ("index", "0"), ("confirmed", "yes")]
        )

    def _ask(
        self,
        request: Any,
        products: Sequence[Product],
        move: _Move,
        sends: Sequence[tuple[str, str]],
    ) -> HttpResponse:
        about = [str(product) for product in products]
        question = Question(move.title, move.text, move.answer, about, sends, move.variant)
        return ask(self, request, question)

    def _carry_through(
        self, request: Any, products: Sequence[Product], move: _Move, version: int | None = None
    ) -> None:
        done = 0
        for product in products:
            try:
                caller = user_as_caller(request)
                move.service(product.pk, caller=caller, now=now(), version=version)
            except DomainError as refusal:
                self.tell_refusal(request, refusal, _sentences(move), about=f"{product.sku}: ")
            else:
                done += 1
        if done:
            text = move.done(done).format(grouped(done))
            self.message_user(request, text, messages.SUCCESS)


def _sentences(move: _Move) -> Mapping[str, Sentence]:
    return {
        "not_found": Sentence(None, move.already),
        "precondition_failed": Sentence(None, move.changed),
    }
