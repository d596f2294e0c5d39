"""The forms with which staff place, move or change an order, and the sentences for refusals."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.validators import RegexValidator
from django.utils.html import format_html_join
from django.utils.translation import gettext

from larder.catalog import queries as catalog
from larder.catalog.models import Product
from larder.core.limits import MAX_CODE_LENGTH, MAX_ORDERED_UNITS, MAX_SHORT_TEXT_LENGTH, MAX_UNITS
from larder.core.money import from_minor, minor_digits
from larder.http.shop import terms
from larder.identity.queries import SHIP_TO_FIELDS
from larder.notifications.formatting import amount_pattern, day_of, grouped
from larder.orders.decision import RequestedLine
from larder.orders.queries import LineView, OrderView
from larder.orders.services.moves import Picked, ReturnedLine, Tracking
from larder.staff.orders.contents import address_lines, to_refund
from larder.staff.pages import LineForm, PageForm, choice, day, long_text, tick, whole, words
from larder.staff.product_choice import UNKNOWN, ProductLineForm, sku_field
from larder.staff.refusals import Sentence
from larder.staff.words import gettext_lazy as _

MAX_VERSION = 2**31 - 1
"""Versions of an object: the columns are integers."""


class OrderLineForm(LineForm):
    """Units of a line, at first all of them."""

    heads: tuple[str, ...] = (_("SKU"), _("Name"))

    def __init__(self, line: LineView, sent: Any, **initial: Any) -> None:
        initial = {"quantity": line.quantity, **initial}
        super().__init__(sent, prefix=f"line-{line.product}", initial=initial)
        self.line = line
        self.cells = (line.sku, line.name)

    @classmethod
    def of(cls, order: OrderView, sent: Any) -> Sequence[Any]:
        """Returns the forms of all lines."""
        return [cls(line, sent) for line in order.lines]

    @property
    def product(self) -> int:
        return self.line.product

    @property
    def is_filled(self) -> bool:
        return bool(self.cleaned_data.get("quantity"))


class PickedForm(OrderLineForm):
    """The picked units of a line."""

    heads = (_("Place"), *OrderLineForm.heads, _("Ordered"))
    quantity = whole(_("Picked"), least=0, most=MAX_ORDERED_UNITS)
    rest = choice(
        _("If fewer, the others"),
        [
            ("", "–"),
            ("missing", _("are missing from the shelf")),
            ("back", _("go back on the shelf")),
        ],
        required=False,
    )

    def __init__(self, line: LineView, sent: Any, place: str = "") -> None:
        super().__init__(line, sent)
        self.cells = (place or "–", line.sku, line.name, grouped(line.quantity))

    @classmethod
    def of(cls, order: OrderView, sent: Any) -> Sequence[Any]:
        """Returns the forms of all lines by place. Products without a place come last."""
        products = Product.objects.filter(pk__in=[line.product for line in order.lines])
        places = dict(products.values_list("pk", "shelf_place"))
        lines = sorted(
            order.lines, key=lambda line: (not places[line.product], places[line.product])
        )
        return [cls(line, sent, places[line.product]) for line in lines]

    def clean(self) -> dict[str, Any]:
        """Never takes units off the stock because a field was forgotten."""
        sent = self.cleaned_data
        if sent.get("quantity", self.line.quantity) < self.line.quantity and not sent.get("rest"):
            self.add_error("rest", gettext("Choose what became of the others."))
        return sent

    @property
    def is_filled(self) -> bool:
        """Whether the line was not picked completely: only such lines are sent."""
        return bool(self.cleaned_data.get("quantity") != self.line.quantity)

    @property
    def is_missing(self) -> bool:
        return bool(self.cleaned_data["rest"] == "missing")


class ChangedForm(OrderLineForm):
    """The units of a line; 0 removes it."""

    quantity = whole(_("Units"), least=0, most=MAX_ORDERED_UNITS)


class ReturnedForm(OrderLineForm):
    """The returned units of a line. The initial value is 0."""

    heads = (*OrderLineForm.heads, _("Still with the customer"))
    quantity = whole(_("Came back"), least=0, most=MAX_ORDERED_UNITS)
    restock = tick(_("Can be sold again"))

    def __init__(self, line: LineView, sent: Any) -> None:
        super().__init__(line, sent, quantity=0, restock=True)
        self.fields["quantity"].widget.attrs["data-price"] = str(line.unit_price)
        self.cells = (line.sku, line.name, grouped(line.quantity - line.returned))


Lines = Sequence[Any]
"""The forms of the filled lines of a page."""


class MoveForm(PageForm):
    """Contains the shown version: the order is moved only in this version."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=MAX_VERSION)
    line: ClassVar[type[OrderLineForm] | None] = None
    nothing = ""
    """The error if no line is filled; empty if that is allowed."""

    @classmethod
    def first(cls, order: OrderView) -> Mapping[str, Any]:
        """Returns the initial values."""
        names = ("requested_for", "reference", "note", "carrier", "tracking_number")
        return {name: getattr(order, name) for name in names} | (order.ship_to or {})

    def facts(self, order: OrderView) -> Sequence[tuple[str, str]]:
        """Returns what staff need to see while they fill in the page: titles and texts."""
        return ()

    def refund(self, order: OrderView) -> Mapping[str, str]:
        """Returns what a script needs to say what is to be refunded."""
        return {}

    def arguments(self, lines: Lines) -> Mapping[str, Any]:
        """Returns what the service of the move is called with, beside the request."""
        return {}


class PackForm(MoveForm):
    """The picked units of each line."""

    line = PickedForm

    def facts(self, order: OrderView) -> Sequence[tuple[str, str]]:
        asked, address = order.requested_for, address_lines(order.ship_to or {})
        facts = [
            (gettext("Ship to"), format_html_join("\n", "{}", ((line,) for line in address))),
            (gettext("Requested for"), day_of(asked) if asked else ""),
            (gettext("Note"), order.note),
        ]
        return [(title, fact) for title, fact in facts if fact]

    def arguments(self, lines: Lines) -> Mapping[str, Any]:
        picked = [
            Picked(line.product, line.cleaned_data["quantity"], line.is_missing) for line in lines
        ]
        return {"picked": picked}


class CancelForm(MoveForm):
    def facts(self, order: OrderView) -> Sequence[tuple[str, str]]:
        refund = to_refund({order.currency: order.sums.held})
        return [(gettext("Payment"), text) for text in refund]

    reason = words(
        _("Reason"),
        most=MAX_SHORT_TEXT_LENGTH,
        required=False,
        help_text=_("The customer sees it."),
    )

    def arguments(self, lines: Lines) -> Mapping[str, Any]:
        return {"reason": self.cleaned_data["reason"].strip()}


class ReturnForm(MoveForm):
    line = ReturnedForm
    nothing = _("Enter the number of returned units in at least one line.")
    reason = words(_("Reason"), most=MAX_SHORT_TEXT_LENGTH, help_text=_("The customer sees it."))

    class Media:
        js = ("staff/returns.js",)

    def refund(self, order: OrderView) -> Mapping[str, str]:
        held, decimals = order.sums.held, min(minor_digits(order.currency), 2)
        amounts = {"held": from_minor(held, order.currency), "rest": order.unreturned_total}
        texts = {name: str(value) for name, value in amounts.items()}
        return (
            {**texts, "decimals": str(decimals), "pattern": amount_pattern(order.currency)}
            if held
            else {}
        )

    def arguments(self, lines: Lines) -> Mapping[str, Any]:
        back = [
            ReturnedLine(line.product, line.cleaned_data["quantity"], line.cleaned_data["restock"])
            for line in lines
        ]
        return {"lines": back, "reason": self.cleaned_data["reason"]}


class ShipForm(MoveForm):
    carrier = words(
        _("Carrier"),
        most=MAX_CODE_LENGTH,
        required=False,
        help_text=_("Who takes the parcel. The customer sees it."),
    )
    tracking_number = words(
        _("Tracking number"),
        most=MAX_CODE_LENGTH,
        required=False,
        help_text=_("The customer sees it."),
    )

    def arguments(self, lines: Lines) -> Mapping[str, Any]:
        sent = self.cleaned_data
        return {"tracking": Tracking(sent["carrier"], sent["tracking_number"])}


def _part(label: str, most: int = MAX_SHORT_TEXT_LENGTH, **options: Any) -> forms.CharField:
    return words(label, most=most, required=False, strip=False, **options)


class DeliveryForm(PageForm):
    """When and where an order goes, and what the customer said about it."""

    requested_for = day(
        _("Requested for"),
        required=False,
        help_text=_("The day on which the customer wants it; empty for as soon as possible."),
    )
    reference = _part(_("Reference"), help_text=_("The customer's own number of the order."))
    note = long_text(
        _("Note"),
        strip=False,
        help_text=_("What the customer asks for. It is shown when the order is packed."),
    )
    name = _part(_("Name"), help_text=_("Who receives the parcel."))
    company = _part(_("Organisation"))
    line1 = _part(_("Street"))
    line2 = _part(_("Street, second line"))
    city = _part(_("City"))
    region = _part(_("Region"))
    postal_code = _part(_("Postal code"), MAX_CODE_LENGTH)
    country = _part(
        _("Country"),
        MAX_CODE_LENGTH,
        help_text=_("Two letters, such as GB."),
        validators=[RegexValidator(r"^[A-Za-z]{2}\Z", _("Two letters, such as GB."))],
    )
    phone = _part(_("Phone"), MAX_CODE_LENGTH, help_text=_("For questions about the delivery."))

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).upper()

    @property
    def details(self) -> dict[str, Any]:
        """The details of a valid form. The address has all its fields; it is None if all are
        empty."""
        sent = self.cleaned_data
        address = {name: sent[name] for name in SHIP_TO_FIELDS}
        names = ("note", "reference", "requested_for")
        ship_to = address if any(address.values()) else None
        return {**{name: sent[name] for name in names}, "ship_to": ship_to}


class ChangeForm(DeliveryForm, MoveForm):
    """The details of a placed order, and a product to add to it."""

    line = ChangedForm
    sku = sku_field(
        _("Product to add"),
        required=False,
        help_text=_("Type words of the name, or the SKU, and choose the product."),
    )
    units = whole(_("Units to add"), least=1, most=MAX_UNITS, required=False)

    class Media:
        js = ProductLineForm.Media.js

    def clean(self) -> dict[str, Any]:
        """Finds the product to add."""
        sent = self.cleaned_data
        if sent.get("sku"):
            sent["product"] = catalog.ids_by_sku([sent["sku"]]).get(sent["sku"])
            if sent["product"] is None:
                self.add_error("sku", UNKNOWN)
            elif not sent.get("units"):
                self.add_error("units", gettext("Enter how many."))
        elif sent.get("units"):
            self.add_error("sku", gettext("Choose the product."))
        return sent

    @property
    def nothing(self) -> str:  # type: ignore[override]
        if self.cleaned_data.get("product"):
            return ""
        return gettext("An order has at least one line: cancel it to remove all.")

    def arguments(self, lines: Lines) -> Mapping[str, Any]:
        ordered = [RequestedLine(line.product, line.cleaned_data["quantity"]) for line in lines]
        if product := self.cleaned_data.get("product"):
            ordered.append(RequestedLine(product, self.cleaned_data["units"]))
        return {"terms": terms(), "lines": ordered, "details": self.details}


SENTENCES: Mapping[str, Sentence] = {
    "unknown_product": Sentence("sku", _("This product is not on sale any more.")),
    "insufficient_stock": Sentence("quantity", _("Only {available} are available.")),
    "order_rule": Sentence(
        "quantity", _("At least {min_quantity}, at most {max_per_order}, in steps of {step}.")
    ),
    "ordering_not_allowed": Sentence("customer", _("This account is not allowed to order.")),
    "username_taken": Sentence(
        "new_phone", _("A customer has this phone number. Choose the customer above.")
    ),
    "idempotency_key_reused": Sentence(
        None, _("This page was sent before with other values, which were saved.")
    ),
    "order_abandoned": Sentence(None, _("This order was abandoned. Open the page again.")),
    "not_found": Sentence("customer", _("This account does not exist any more.")),
    "currency_changed": Sentence(
        None,
        _("The shop sells in {offered} now: no product can be added to an order in {currency}."),
    ),
    "precondition_failed": Sentence(
        None,
        _(
            "changed by another user after you opened the page. Nothing was done: check the "
            "current state."
        ),
    ),
    "invalid_transition": Sentence(None, _("the status is {from} now. Nothing was done.")),
    "hold_expired": Sentence(
        None, _("the hold has expired, and its units were sold to others. Nothing was done.")
    ),
    "conflicting_repeat": Sentence(
        None, _("this was already done, with different values. Nothing was changed.")
    ),
    "refund_exceeds_due": Sentence("amount", _("This is more than is due.")),
    "return_exceeds_shipped": Sentence(
        "quantity", _("Too many: {shipped} were shipped, and {returned} were already returned.")
    ),
    "stock_limit_exceeded": Sentence(
        "quantity", _("No product can have more than {limit} units, and {available} are there.")
    ),
}

OF_THE_ORDER = {
    "hold_expired",
    "precondition_failed",
    "invalid_transition",
    "conflicting_repeat",
    "not_found",
}
"""Refusals that no input can correct. They are shown as a message on the page of the order."""
