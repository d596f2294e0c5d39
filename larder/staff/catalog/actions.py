"""Buttons of a product and actions of the list: archive, restore, prices, on to the stock."""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME as CHOSEN
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from larder.catalog.errors import PricesChanged
from larder.catalog.models import Product
from larder.catalog.services.products import (
    NewPrice,
    archive_product,
    change_prices,
    restore_product,
)
from larder.core import money
from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MONEY_DECIMALS, PRICE_DIGITS
from larder.notifications.formatting import amount, grouped
from larder.staff.base import ServiceAdmin, button, selected
from larder.staff.pages import Amount, Page, ask, choice, show
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


_HIGHEST = Decimal(10) ** (PRICE_DIGITS - MONEY_DECIMALS)
_STEPS = ("0.01", "0.05", "0.10", "0.50", "1.00")


def _shown(price: Decimal) -> str:
    return amount(price, settings.CURRENCY)


class PriceForm(forms.Form):
    """How prices change, and the fields that send the action of the list again."""

    kind = choice(_("Change"), [("percent", _("By a percentage")), ("amount", _("By an amount"))])
    value = Amount(
        label=_("By"),
        max_digits=PRICE_DIGITS,
        decimal_places=MONEY_DECIMALS,
        help_text=_("7.5 raises prices, -7.5 lowers them."),
    )
    step = choice(
        _("Round to a multiple of"),
        lambda: [(step, _shown(Decimal(step))) for step in _STEPS],
        help_text=_("To the nearest one; halves are rounded up."),
    )
    action = forms.CharField(widget=forms.HiddenInput)
    index = forms.CharField(widget=forms.HiddenInput)
    _selected_action = forms.Field(widget=forms.MultipleHiddenInput)

    def new_price(self, former: Decimal) -> Decimal:
        """Returns the price of a valid form for a product with this price."""
        sent = self.cleaned_data
        value, step = Decimal(sent["value"]), Decimal(sent["step"])
        raised = former + (former * value / 100 if sent["kind"] == "percent" else value)
        return (raised / step).quantize(Decimal(1), ROUND_HALF_UP) * step


def _move_all(screen: Any, request: Any, rows: Any, *, move: _Move) -> HttpResponse | None:
    answer: HttpResponse | None = screen.move(request, selected(screen, request, rows), move)
    return answer


class ProductActions(ServiceAdmin):
    """The pages that archive and restore products, for those who may delete them in Django's words;
    that change the prices of selected ones; and the ways to the stock of one."""

    def get_actions(self, request: Any) -> Any:
        """Adds what the listed products need."""
        actions: Any = super().get_actions(request)
        move, name = ARCHIVE, "archive_selected"
        if request.GET.get("archived") == "yes":
            actions.pop("change_prices", None)
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

    @admin.action(description=_("Change prices"), permissions=["change"])
    def change_prices(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows the form, then the former and the new prices, then changes all of them or none."""
        # Not those of the list's filters: a product that was archived since the preview is not left
        # out, but refuses the change.
        chosen = self.get_queryset(request).filter(pk__in=request.POST.getlist(CHOSEN))
        products = selected(self, request, chosen.order_by("sku"))
        if not products:
            return None
        start = {"action": "change_prices", "index": "0", CHOSEN: [row.pk for row in products]}
        form = PriceForm(request.POST if "kind" in request.POST else None, initial=start)
        if form.is_bound and form.is_valid():
            prices = [
                NewPrice(product.pk, product.price, form.new_price(product.price))
                for product in products
            ]
            changed = [price for price in prices if price.former != price.price]
            problem = _problem(changed)
            if not problem and "confirmed" in request.POST:
                self._change(request, products, changed)
                return None
            if not problem:
                return self._price_preview(request, products, changed)
            form.add_error("value", problem)
        text = gettext("The next page shows the new prices: {} products are selected.")
        page = Page(
            title=gettext("Change prices"),
            answer=gettext("Preview"),
            back=self.list_address,
            form=form,
            text=text.format(grouped(len(products))),
        )
        return show(request, page)

    def _price_preview(
        self, request: Any, products: Sequence[Product], changed: Sequence[NewPrice]
    ) -> HttpResponse:
        names = {product.pk: str(product) for product in products}
        about = [
            f"{names[new.product]}: {_shown(new.former)} → {_shown(new.price)}" for new in changed
        ]
        seen = [(_seen(product), money.text(product.price)) for product in products]
        title = gettext("Change prices")
        text = gettext("Orders that are placed keep their prices. All prices change, or none.")
        return ask(self, request, title, about, text=text, sends=seen)

    def _change(
        self, request: Any, products: Sequence[Product], changed: Sequence[NewPrice]
    ) -> None:
        """Changes the prices, if the preview showed the present ones."""
        try:
            other = [
                product.sku
                for product in products
                if request.POST.get(_seen(product)) != money.text(product.price)
            ]
            if other:
                raise PricesChanged(other)
            change_prices(changed, caller=caller_of(request), now=now())
        except PricesChanged as refusal:
            named = ", ".join(refusal.skus)
            text = gettext(
                "Nothing was changed. These products have another price than shown, or are "
                "archived: {}."
            )
            self.message_user(request, text.format(named), messages.ERROR)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
        else:
            done = gettext("Prices changed: {}.").format(grouped(len(changed)))
            self.message_user(request, done, messages.SUCCESS)


def _problem(changed: Sequence[NewPrice]) -> str:
    """Returns why these prices cannot be set; empty if they can."""
    if not changed:
        return gettext("No price would change.")
    if any(new.price < 0 for new in changed):
        return gettext("A price would be below zero.")
    too_high = any(new.price >= _HIGHEST for new in changed)
    return gettext("A price would be too high.") if too_high else ""


def _seen(product: Product) -> str:
    """Returns the name of the field that has the price that the preview showed."""
    return f"seen-{product.pk}"
