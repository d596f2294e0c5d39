"""Places an order for a customer who telephones.

The page contains the id of the new order. If it is sent twice, one order is placed. A script offers
products and saved addresses, and adds up the total (telephone.js).
"""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse, reverse_lazy
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminSelectWidget

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import (
    MAX_ADDRESSES,
    MAX_CODE_LENGTH,
    MAX_PERSON_NAME_LENGTH,
    MAX_UNITS,
    SHOWN_ORDERS,
)
from larder.http.shop import terms
from larder.identity import queries
from larder.identity.models import Customer
from larder.identity.queries import SHIP_TO_FIELDS
from larder.identity.services import audit
from larder.identity.services.accounts import NewCustomer
from larder.notifications.formatting import amount_pattern
from larder.orders.decision import RequestedLine
from larder.orders.models import Order
from larder.orders.services.batches import place_for_new, place_order
from larder.orders.services.placing.placement import Placed, Placement
from larder.staff.base import ServiceAdmin, button
from larder.staff.identity.customers import description, digits_of
from larder.staff.orders.forms import SENTENCES, DeliveryForm
from larder.staff.pages import Page, further_line, lines_of, show, tick, whole, words
from larder.staff.product_choice import ProductLineForm, is_complete, sku_field
from larder.staff.recording import CHANNEL, caller_of
from larder.staff.words import gettext_lazy as _

CUSTOMERS = "identity.view_customer"
"""The permission to see customers, and their addresses."""

CALLER_FIELDS = {"customer", "new_name", "new_phone"}


_SOURCE: Any = Order._meta.get_field("customer")


class OrderForm(DeliveryForm):
    """The customer, or name and phone of a new one for users who may add customers, and the details
    of the order. `form_key` is its id."""

    customer = forms.ModelChoiceField(
        Customer.objects.all(),
        label=_("Customer"),
        widget=AutocompleteSelect(_SOURCE, admin.site, attrs={"data-width": "100%"}),
        help_text=_(
            "Parts of name, username or email address, or a phone number, find the account."
        ),
    )
    new_name = words(_("Name of the new customer"), most=MAX_PERSON_NAME_LENGTH, required=False)
    new_phone = words(
        _("Phone of the new customer"),
        most=MAX_CODE_LENGTH,
        required=False,
        help_text=_("It becomes the username, by which you find the customer again."),
    )
    saved = forms.CharField(
        label=_("Saved address"),
        required=False,
        help_text=_("Fills in the fields of the address, which you can change for this order."),
        widget=UnfoldAdminSelectWidget(
            attrs={"data-addresses": reverse_lazy("admin:orders_order_addresses")},
            choices=[("", _("Choose"))],
        ),
    )

    collected = tick(_("Collected in the shop"))

    class Media:
        js = ("staff/telephone.js",)

    def __init__(self, *args: Any, may_add: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        customer: Any = self.fields["customer"]
        customer.required, customer.label_from_instance = not may_add, description
        if not may_add:
            del self.fields["new_name"], self.fields["new_phone"]

    @property
    def address_fields(self) -> list[Any]:
        return [self[name] for name in ("collected", "saved", *SHIP_TO_FIELDS)]

    def clean_new_phone(self) -> str:
        """Returns the number as a username: without the marks between its digits."""
        typed = str(self.cleaned_data["new_phone"]).strip()
        digits = digits_of(typed)
        if typed and not digits:
            raise forms.ValidationError(gettext("Enter a phone number."))
        return f"+{digits}" if typed.startswith("+") else digits

    def clean(self) -> dict[str, Any]:
        """Asks for one customer, and whether an order without an address is collected."""
        sent = self.cleaned_data
        new = [sent.get(name) for name in ("new_name", "new_phone")]
        if sent.get("customer") and any(new):
            self.add_error("customer", gettext("Choose a customer or enter a new one, not both."))
        elif not sent.get("customer") and not all(new) and not self.errors.keys() & CALLER_FIELDS:
            text = gettext("Choose a customer, or enter name and phone of a new one.")
            self.add_error("customer", text)
        has_address = self.errors.keys() & SHIP_TO_FIELDS or any(map(sent.get, SHIP_TO_FIELDS))
        if not (has_address or sent["collected"]):
            self.add_error("collected", gettext("Collected in the shop? Else enter an address."))
        return sent

    @property
    def details(self) -> dict[str, Any]:
        details = super().details
        return details | {"ship_to": None} if self.cleaned_data["collected"] else details


class WantedForm(ProductLineForm):
    sku = sku_field(_("Product"))
    quantity = whole(_("Quantity"), least=1, most=MAX_UNITS)


class PlaceableOrders(ServiceAdmin):
    """The page of a telephone order, for staff who may add orders."""

    def get_urls(self) -> list[Any]:
        addresses = self.admin_site.admin_view(self.addresses)
        return [path("addresses/", addresses, name="orders_order_addresses"), *super().get_urls()]

    def add_view(self, request: Any, form_url: str = "", extra_context: Any = None) -> Any:
        if not self.may(request, "add"):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:orders_order_telephone"))

    def addresses(self, request: Any) -> HttpResponse:
        """Returns the addresses of a customer, and the id of the one to choose: that of the last
        order, or the only one. For users who may see customers."""
        if not (self.may(request, "add") and request.user.has_perm(CUSTOMERS)):
            raise PermissionDenied
        customer = Customer.objects.filter(pk=request.GET.get("customer") or 0).first()
        saved = queries.addresses(customer.pk).page(limit=MAX_ADDRESSES).rows if customer else []
        rows = [address._asdict() for address in saved]
        last = _last_address(customer.pk) if customer and self.may(request, "view") else None
        chosen = [row for row in rows if {name: row[name] for name in SHIP_TO_FIELDS} == last]
        if last and not chosen:
            chosen = [{"id": "last", "label": "", **last}]
            rows = chosen + rows
        elif len(rows) == 1:
            chosen = rows
        return JsonResponse({"results": rows, "chosen": chosen[0]["id"] if chosen else ""})

    @button(
        _("Telephone order"), permissions=["orders.add_order"], icon="call", url_path="telephone"
    )
    def telephone(self, request: Any) -> HttpResponse:
        may_add = request.user.has_perm("identity.add_customer")
        first = _chosen_customer(request)
        form = OrderForm(request.POST or None, initial=first, may_add=may_add)
        page = Page(
            title=gettext("Order for a customer"),
            answer=gettext("Place order"),
            back=self.list_address,
            form=form,
            lines=lines_of(WantedForm, request, {}),
            text=gettext(
                "At today's prices. All lines are placed or none. To find a product, type words "
                "of its name, or its SKU, and choose it."
            ),
            further=further_line(WantedForm),
            total_in=amount_pattern(settings.CURRENCY),
            template="staff/telephone.html",
        )
        nothing = gettext("An order has at least one line.")
        if request.method == "POST" and is_complete(page, nothing):
            try:
                placed = _place(page, form, request)
                text = gettext("Order {} is placed.").format(placed.order.number)
                self.message_user(request, text, messages.SUCCESS)
                return HttpResponseRedirect(self.change_address(placed.order.id))
            except DomainError as refusal:
                page.refuse(refusal, SENTENCES)
        return show(request, page)


def _last_address(customer: int) -> dict[str, str] | None:
    """Returns the address of the last of the newest orders that has one: index order_history."""
    orders = Order.objects.filter(customer_id=customer).order_by("-placed_at", "-id")
    newest = orders.values_list("ship_to", flat=True)[:SHOWN_ORDERS]
    last = next(filter(None, newest), None)
    return last and {name: last.get(name, "") for name in SHIP_TO_FIELDS}


def _chosen_customer(request: Any) -> dict[str, Any]:
    """Returns the customer that the address names, for users who may see customers."""
    chosen = request.GET.get("customer", "")
    if not (chosen and request.user.has_perm(CUSTOMERS)):
        return {}
    customers = Customer.objects.filter(pk=chosen, deleted_at=None)
    return {"customer": customers.values_list("pk", flat=True).first()}


def _place(page: Page, form: OrderForm, request: Any) -> Placed:
    """Places the order, with its customer if that is a new one."""
    sent = form.cleaned_data
    customer = sent["customer"]
    placement = Placement(
        customer=customer.pk if customer else 0,
        actor=request.user.public_id,
        lines=[
            RequestedLine(line.product, line.cleaned_data["quantity"])
            for line in page.filled
            if line.product is not None
        ],
        **form.details,
        order_id=sent["form_key"],
        acting=audit.StaffActing(request.user.public_id, CHANNEL, caller_of(request)),
    )
    if customer:
        return place_order(placement, terms=terms(), now=now())
    first, _, last = sent["new_name"].rpartition(" ")
    names = {"username": sent["new_phone"], "first_name": first.strip(), "last_name": last}
    new = NewCustomer(**names, password=None)
    return place_for_new(new, placement, terms=terms(), now=now())
