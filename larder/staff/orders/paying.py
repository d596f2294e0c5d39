"""The forms and the service with which staff record what they took of a customer, or gave back,
themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext

from larder.core.limits import MAX_PAYMENT, MAX_SHORT_TEXT_LENGTH, MONEY_DECIMALS, TOTAL_DIGITS
from larder.core.money import from_minor, to_minor
from larder.http import shop
from larder.notifications.formatting import minor_amount
from larder.orders import queries
from larder.orders.payment_state import Kind, amount_due
from larder.orders.queries import OrderView
from larder.orders.services.payments import NewPayment, own_id, record_payment
from larder.orders.services.transitions import Moved, TransitionRequest
from larder.staff.orders.contents import METHODS, refunds_due
from larder.staff.orders.forms import Lines, MoveForm
from larder.staff.pages import Amount, choice, long_text, words
from larder.staff.words import gettext_lazy as _


def open_amount(order: OrderView, kind: Kind) -> int:
    """Returns what is to be paid or to be refunded, in minor units of the order's currency."""
    if kind is Kind.REFUNDED:
        return refunds_due(order.id).get(order.currency, 0)
    return amount_due(order.sums, order.payable)


class PaymentForm(MoveForm):
    """An amount in the currency of the order, and how it was paid."""

    kind = Kind.CAPTURED
    amount = Amount(max_digits=TOTAL_DIGITS, decimal_places=MONEY_DECIMALS, min_value=0)
    method = choice(_("Method"), lambda: [(name, capfirst(text)) for name, text in METHODS.items()])
    reference = words(
        _("Reference"),
        most=MAX_SHORT_TEXT_LENGTH,
        required=False,
        help_text=_("Such as the number of the receipt. The customer sees it."),
    )
    note = long_text(_("Note"), help_text=_("The customer sees it."))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        currency = self.initial["currency"]
        self.fields["amount"].label = gettext("Amount ({})").format(currency)

    @classmethod
    def first(cls, order: OrderView) -> Mapping[str, Any]:
        amount = from_minor(open_amount(order, cls.kind), order.currency)
        return {"amount": amount, "currency": order.currency}

    def facts(self, order: OrderView) -> Sequence[tuple[str, str]]:
        due = minor_amount(open_amount(order, self.kind), order.currency)
        return [(gettext("Due"), due)]

    def clean_amount(self) -> int:
        """Returns minor units."""
        amount, currency = self.cleaned_data["amount"], self.initial["currency"]
        units = to_minor(amount, currency)
        if from_minor(units, currency) != amount or not 0 < units <= MAX_PAYMENT:
            raise ValidationError(gettext("This is no amount in {}.").format(currency))
        return units

    def arguments(self, lines: Lines) -> Mapping[str, Any]:
        sent = self.cleaned_data
        named = {name: sent[name] for name in ("amount", "reference", "note")}
        own = {"kind": self.kind, "provider": sent["method"]}
        return {**named, **own, "currency": self.initial["currency"]}


class RefundForm(PaymentForm):
    """An amount that was paid back."""

    kind = Kind.REFUNDED


def record(request: TransitionRequest, **values: Any) -> Moved:
    """Records a payment. Raises what `record_payment` raises."""
    once: dict[str, Any] = {"by_hand": True, "claim": request.claim, "at": request.now}
    recorded = record_payment(
        request.order,
        NewPayment(transaction_id=own_id(), **values, **once),
        caller=request.caller,
        now=request.now,
        confirming=shop.confirming(),
    )
    return Moved(queries.order(request.order, customer=None), recorded.replayed)
