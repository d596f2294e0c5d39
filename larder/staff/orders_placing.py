"""Places an order for a customer who telephones.

The page contains the id of the new order. If it is sent twice, one order is placed.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_SHORT_TEXT_LENGTH, MAX_UNITS
from larder.http.shop import terms
from larder.identity import audit
from larder.identity.models import Customer
from larder.orders.decision import Wanted
from larder.orders.errors import OrderTooSmall
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import Placed, Placement
from larder.staff.base import Sentence, ServiceAdmin, amount, button
from larder.staff.pages import (
    MORE,
    LineForm,
    Page,
    PageForm,
    empty_lines,
    long_text,
    reopened,
    show,
    whole,
    words,
)
from larder.staff.recording import refuse_former

SENTENCES: Mapping[str, Sentence] = {
    "unknown_product": Sentence("chosen", "This product is not on sale any more."),
    "insufficient_stock": Sentence("quantity", "Only {available} are available."),
    "order_rule": Sentence(
        "quantity", "At least {min_quantity}, at most {max_per_order}, in steps of {step}."
    ),
    "ordering_not_allowed": Sentence("customer", "This account is not allowed to order."),
    "idempotency_key_reused": Sentence(
        None, "This page was sent before with other values, and an order was placed with them."
    ),
    "order_abandoned": Sentence(None, "This order was abandoned. Open the page again."),
    "not_found": Sentence("customer", "This account does not exist any more."),
}


def _chosen(model: str, name: str, label: str, **options: Any) -> Any:
    """Returns a field that searches the list of another screen, for staff who may see it."""
    source = apps.get_model("orders", model)._meta.get_field(name)
    rows = source.related_model._default_manager.all()
    widget = AutocompleteSelect(source, admin.site, attrs={"data-width": "100%"})
    return forms.ModelChoiceField(rows, label=label, widget=widget, **options)


class OrderForm(PageForm):
    """The customer and the details of the order. `form_key` is its id."""

    customer = _chosen("order", "customer", "Customer")
    requested_for = forms.DateField(
        label="Wanted on",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )
    reference = words("The customer's reference", most=MAX_SHORT_TEXT_LENGTH, required=False)
    note = long_text("Note")


class WantedForm(LineForm):
    """A product and its quantity."""

    chosen = _chosen("orderline", "product", "Product")
    quantity = whole("Quantity", least=1, most=MAX_UNITS)

    @property
    def product(self) -> int | None:
        chosen = self.cleaned_data.get("chosen")
        return chosen and int(chosen.pk)


class PlaceableOrders(ServiceAdmin):
    """The page of a telephone order, for staff who may add orders."""

    actions_list: Any = ("telephone",)

    def has_place_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may place orders for customers."""
        return self.may(request, "add")

    @button("Telephone order", permissions=["place"], icon="call", url_path="telephone")
    def telephone(self, request: Any) -> HttpResponse:
        """Shows the form, then places the order."""
        page = Page(
            title="Order for a customer",
            answer="Place order",
            back=reverse("admin:orders_order_changelist"),
            form=reopened(OrderForm, request, _chosen_customer(request)),
            lines=empty_lines(WantedForm, request, {}),
            text="At today's prices. All lines are placed or none.",
            can_grow=True,
        )
        is_sent = request.method == "POST" and MORE not in request.POST
        if not (is_sent and page.is_complete("An order has at least one line.")):
            return show(self, request, page)
        try:
            placed = _place(page, request)
        except OrderTooSmall as refusal:
            least = amount(refusal.minimum, settings.CURRENCY)
            total = amount(refusal.total, settings.CURRENCY)
            page.form.add_error(None, f"The total is {total}; the minimum is {least}.")
        except DomainError as refusal:
            refuse_former(request, refusal, "orders.add_order")
            page.refuse(refusal, SENTENCES)
        else:
            text = f"Order {placed.order.number} is placed."
            self.message_user(request, text, messages.SUCCESS)
            address = reverse("admin:orders_order_change", args=[placed.order.id])
            return HttpResponseRedirect(address)
        return show(self, request, page)


def _chosen_customer(request: Any) -> dict[str, Any]:
    """Returns the customer that the address names, for users who may see customers."""
    chosen = request.GET.get("customer", "")
    if not (chosen and request.user.has_perm("identity.view_customer")):
        return {}
    found = Customer.objects.filter(pk=chosen, deleted_at=None)
    return {"customer": found.values_list("pk", flat=True).first()}


def _place(page: Page, request: Any) -> Placed:
    given = page.form.cleaned_data
    asked = Placement(
        customer=given["customer"].pk,
        actor=request.user.public_id,
        lines=[
            Wanted(line.cleaned_data["chosen"].pk, line.cleaned_data["quantity"])
            for line in page.filled
        ],
        note=given["note"],
        reference=given["reference"],
        requested_for=given["requested_for"],
        order_id=given["form_key"],
        acting=audit.current(),
    )
    return place_order(asked, terms=terms(), now=now())
