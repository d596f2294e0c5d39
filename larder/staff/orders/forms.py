"""The fields with which staff move or change an order, above its lines."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from larder.catalog import queries as catalog
from larder.catalog.models import Product
from larder.core.limits import (
    MAX_CODE_LENGTH,
    MAX_SHORT_TEXT_LENGTH,
    MAX_TEXT_LENGTH,
    MAX_UNITS,
    MAX_VERSION,
)
from larder.identity.queries import SHIP_TO_FIELDS
from larder.orders.queries import OrderView
from larder.orders.services.changes import Details
from larder.orders.services.moves import Tracking
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import PageForm, Text, whole, words
from larder.staff.product_choice import UNKNOWN, ProductLineForm, sku_field


class MoveForm(PageForm):
    """Contains the shown version: the order is moved only in this version."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=MAX_VERSION)


class CancelForm(MoveForm):
    """The reason of a cancellation."""

    reason = words(
        _("Reason"),
        most=MAX_SHORT_TEXT_LENGTH,
        required=False,
        help_text=_("The customer sees it."),
    )


class ReturnForm(MoveForm):
    """The reason of a return."""

    reason = words(_("Reason"), most=MAX_SHORT_TEXT_LENGTH, help_text=_("The customer sees it."))


class ShipForm(MoveForm):
    """The carrier and the tracking number of a parcel."""

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

    @staticmethod
    def of(order: OrderView) -> dict[str, Any]:
        """Returns the initial values."""
        return {name: getattr(order, name) for name in ("carrier", "tracking_number")}

    @property
    def tracking(self) -> Tracking:
        given = self.cleaned_data
        return Tracking(given["carrier"], given["tracking_number"])


def _part(label: str, most: int = MAX_SHORT_TEXT_LENGTH, **options: Any) -> forms.CharField:
    return words(label, most=most, required=False, **{"strip": False, **options})


class AddressForm(PageForm):
    """The address that an order goes to."""

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
        """Takes small letters too."""
        return str(self.cleaned_data["country"]).upper()

    @property
    def ship_to(self) -> dict[str, str] | None:
        """The address with all its fields; None if all are empty."""
        address = {name: self.cleaned_data[name] for name in SHIP_TO_FIELDS}
        return address if any(address.values()) else None


class ChangeForm(AddressForm, MoveForm):
    """The details of a placed order, and a product to add to it."""

    field_order = ("requested_for", "reference", "note")
    requested_for = forms.DateField(
        label=_("Requested for"),
        required=False,
        help_text=_("The day on which the customer wants it."),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )
    reference = _part(_("Reference"), help_text=_("The customer's own number of the order."))
    note = Text(
        label=_("Note"),
        help_text=_("What the customer asks for. It is shown when the order is packed."),
        max_length=MAX_TEXT_LENGTH,
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    sku = sku_field(
        _("SKU of a product to add"),
        "orders_order",
        required=False,
        help_text=_("Type words of the name, or the SKU, and choose the product."),
    )
    units = whole(_("Units to add"), least=1, most=MAX_UNITS, required=False)

    class Media:
        js = ProductLineForm.Media.js

    def clean(self) -> dict[str, Any]:
        """Finds the product to add."""
        given = self.cleaned_data
        if given.get("sku"):
            ids = catalog.ids_by_sku([given["sku"]]).values()
            given["product"] = Product.objects.filter(id__in=ids).first()
            if given["product"] is None:
                self.add_error("sku", UNKNOWN)
            elif not given.get("units"):
                self.add_error("units", gettext("Enter how many."))
        elif given.get("units"):
            self.add_error("sku", gettext("Enter the SKU."))
        return given

    @staticmethod
    def of(order: OrderView) -> dict[str, Any]:
        """Returns the initial values."""
        details = {name: getattr(order, name) for name in ("requested_for", "reference", "note")}
        return {**details, **(order.ship_to or {})}

    @property
    def details(self) -> Details:
        given = self.cleaned_data
        return Details(
            note=given["note"],
            reference=given["reference"],
            requested_for=given["requested_for"],
            ship_to=self.ship_to,
        )
