"""The lines, the address, the history and the payments of an order, as tables and sentences for
staff."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext

from larder.catalog.models import Product
from larder.core.limits import MAX_SHOWN_EVENTS, MAX_SHOWN_ROWS
from larder.identity.models import Note
from larder.identity.queries import PARCEL_FIELDS, latest_notes
from larder.notifications.formatting import amount, grouped, minor_amount
from larder.orders import payment_state, queries
from larder.orders.models import OrderStatus, RefundDue
from larder.orders.payment_state import Record, State
from larder.orders.queries import LineView, OrderView
from larder.orders.services.locks import order_name
from larder.orders.services.payments import OWN
from larder.staff.formatting import actor_names, in_one_line, moment
from larder.staff.lists import label
from larder.staff.words import gettext_lazy as _
from larder.staff.words import word

MAX_SHOWN_EVENT_LINES = 20
"""Lines of an event that are shown. If it has more, only their number is shown."""

TITLES: Mapping[str, str] = {
    OrderStatus.PENDING: _("Await payment"),
    OrderStatus.PLACED: _("To pack"),
    OrderStatus.PACKED: _("To ship"),
    OrderStatus.SHIPPED: _("On the way"),
}
"""What has to be done with the orders of a status. Others have their own name."""

VARIANTS: dict[str, str] = {
    OrderStatus.PENDING: "warning",
    OrderStatus.EXPIRED: "danger",
    OrderStatus.PLACED: "info",
    OrderStatus.PACKED: "warning",
    OrderStatus.SHIPPED: "primary",
    OrderStatus.DELIVERED: "success",
    OrderStatus.CANCELLED: "danger",
}
"""The theme's colour of each status."""

PAYMENT_VARIANTS: dict[str, str] = {
    State.PAID: "success",
    State.OVERPAID: "danger",
    State.DISPUTED: "danger",
}
"""The same of each state of the payments; others have none."""


def state(status: str) -> str:
    """Returns the status of an order, as staff read it everywhere."""
    return str(TITLES.get(status) or capfirst(word(status)))


def state_label(status: str) -> str:
    return label(state(status), VARIANTS.get(status, ""))


def shown_lines(order: OrderView) -> list[dict[str, Any]]:
    """Returns the order's lines, of which there are at most a thousand, as texts."""
    return [
        {
            "product": line.product,
            "name": line.name,
            "sku": line.sku,
            "note": ", ".join(_less(line)),
            "quantity": grouped(line.quantity),
            "unit_price": amount(line.unit_price, order.currency),
            "total": amount(line.line_total, order.currency),
        }
        for line in order.lines
    ]


def _less(line: LineView) -> Iterator[str]:
    """Yields what is not with the customer of what was ordered."""
    if line.ordered:
        yield gettext("{} of {} ordered").format(grouped(line.quantity), grouped(line.ordered))
    if line.returned:
        yield gettext("{} returned").format(grouped(line.returned))


def tax_of(order: OrderView) -> str:
    """Returns the net amount and the tax in the order's total, with the decimals of the currency,
    so that they add up; nothing if they are unknown."""
    amounts = order.amounts
    nets = [line.net for line in amounts if line.net is not None]
    if len(nets) < len(amounts):
        return ""
    net, gross = sum(nets), sum(line.gross for line in amounts)
    shown = [minor_amount(units, order.currency) for units in (net, gross - net)]
    return gettext("{} net and {} tax").format(*shown)


def returned_of(order: OrderView) -> str:
    """Returns what of the total came back; nothing without returned units."""
    back = order.total - order.unreturned_total
    return gettext("{} of it returned").format(amount(back, order.currency)) if back else ""


_CITY_FIRST = frozenset({"AU", "CA", "GB", "IE", "IN", "NZ", "US"})
"""Countries in which the postal code follows city and region. In others it is before the city."""


def address_lines(address: Mapping[str, str]) -> list[str]:
    """Returns the lines of an address as on a parcel. City and postal code share a line.

    >>> address_lines({"country": "GB", "line1": "1 Quay", "city": "Leeds", "postal_code": "LS1"})
    ['1 Quay', 'Leeds LS1', '<span data-country>GB</span>']
    >>> address_lines({"city": "Kiel", "postal_code": "24103"})
    ['24103 Kiel']
    """
    place: tuple[str, ...] = ("postal_code", "city")
    if address.get("country") in _CITY_FIRST:
        place = ("city", "region", "postal_code")
    line = " ".join(address[name] for name in place if address.get(name))
    lines = {**address, **dict.fromkeys(place, ""), "city": line}
    if country := address.get("country"):
        # A script shows its name in the language of the page.
        lines["country"] = format_html("<span data-country>{}</span>", country)
    return [lines[name] for name in PARCEL_FIELDS if lines.get(name)]


def order_timeline(order: UUID) -> dict[str, Any]:
    """Returns the timeline of an order."""
    log = queries.latest_events(order, limit=MAX_SHOWN_EVENTS)
    return timeline(order_name(order), log.rows, more=log.more)


def timeline(name: str, log: Sequence[Any] = (), *, more: bool = False) -> dict[str, Any]:
    """Returns the last events in sentences and the last notes of staff about the object with this
    name, the newest first, and how many of each they are if there are earlier ones."""
    notes = latest_notes(name, limit=MAX_SHOWN_EVENTS)
    names = _product_names(log)
    happened = list(merge(notes.rows, log, key=attrgetter("at"), reverse=True))
    people = actor_names({row.actor for row in happened})
    events = [
        {"at": moment(row.at), "by": people[row.actor], **_timeline_row(row, names)}
        for row in happened
    ]
    return {"events": events, "limit": MAX_SHOWN_EVENTS if more or notes.more else None}


def _timeline_row(row: Any, names: Mapping[int, str]) -> dict[str, Any]:
    if isinstance(row, Note):
        return {"what": gettext("Internal note"), "details": [row.text], "is_note": True}
    what = _HAPPENED.get(row.type) or capfirst(word(row.type))
    return {"what": what, "details": described(row.data, names)}


_HAPPENED: Mapping[str, str] = {
    "held": _("Placed, to be paid,"),
    "payment": _("Payment recorded"),
    "returned": _("Return booked"),
    "unpacked": _("Packing undone"),
    "unshipped": _("Shipping undone"),
    "tracked": _("Tracking corrected"),
}
"""What happened, for the types of events that do not say it themselves."""


def _product_names(events: Sequence[Any]) -> dict[int, str]:
    """Returns SKU and name of the products in sentences about these events."""
    changes = [_line_changes(event.data) for event in events]
    ids = {
        change.product for rows in changes if len(rows) <= MAX_SHOWN_EVENT_LINES for change in rows
    }
    products = Product.objects.filter(pk__in=ids).values_list("pk", "sku", "name")
    return {id: f"{sku} {name}" for id, sku, name in products}


class _LineChange(NamedTuple):
    """What happened to units of a product: a sentence, and the numbers in it."""

    product: int
    text: str
    units: Sequence[int]


_MISSING = _("{}: {} of {} picked, {} missing from the shelf.")
_BACK = _("{}: {} of {} picked, {} back on the shelf.")
_RESTOCKED = _("{}: {} came back, on the shelf again.")
_UNSOLD = _("{}: {} came back, not to be sold again.")
_TAKEN_OFF = _("{}: {} taken off.")
_ADDED = _("{}: {} added.")
_INSTEAD = _("{}: {} instead of {}.")


def _line_changes(data: Mapping[str, Any]) -> list[_LineChange]:
    """Returns what an event did to the lines of the order."""
    changes = []
    for line in data.get("picked", ()):
        units = (line["quantity"], line["ordered"], line["ordered"] - line["quantity"])
        text = _MISSING if line["missing"] else _BACK
        changes.append(_LineChange(line["product"], text, units))
    for line in data.get("lines", ()):
        text = _RESTOCKED if line["restock"] else _UNSOLD
        changes.append(_LineChange(line["product"], text, [line["quantity"]]))
    before, after = _units(data.get("before", {})), _units(data.get("after", {}))
    for product in {**before, **after}:
        old, new = before.get(product, 0), after.get(product, 0)
        if not new:
            changes.append(_LineChange(product, _TAKEN_OFF, [old]))
        elif not old:
            changes.append(_LineChange(product, _ADDED, [new]))
        elif old != new:
            changes.append(_LineChange(product, _INSTEAD, [new, old]))
    return changes


def _units(data: Mapping[str, Any]) -> dict[int, int]:
    return {line["product"]: line["quantity"] for line in data.get("lines", ())}


def described(data: Mapping[str, Any], names: Mapping[int, str]) -> list[str]:
    """Returns sentences about the data of an event. `names` are the names of the products.

    >>> described({"reason": "too late"}, {})
    ['Reason: too late.']
    >>> picked = [{"product": 7, "ordered": 3, "quantity": 1, "missing": True}]
    >>> described({"picked": picked}, {7: "J"})
    ['J: 1 of 3 picked, 2 missing from the shelf.']
    >>> lines = [{"product": id, "quantity": 1} for id in range(21)]
    >>> described({"before": {"lines": []}, "after": {"lines": lines}}, {})
    ['21 lines changed.']
    """
    changes = _line_changes(data)
    if len(changes) > MAX_SHOWN_EVENT_LINES:
        return [gettext("{} lines changed.").format(grouped(len(changes))), *_details(data)]
    unknown = gettext("product {}")
    sentences = [
        change.text.format(
            names.get(change.product) or unknown.format(change.product),
            *map(grouped, change.units),
        )
        for change in changes
    ]
    return [*sentences, *_details(data)]


def _details(data: Mapping[str, Any]) -> Iterator[str]:
    """Yields sentences about what is not of the lines."""
    before, after = data.get("before", {}), data.get("after", {})
    for name in sorted(after.keys() - {"lines"}):
        yield _INSTEAD.format(_title(name), _worded(after[name]), _worded(before.get(name)))
    if payment := data.get("payment"):
        paid = minor_amount(payment["amount"], payment["currency"])
        provider = METHODS.get(payment["provider"], payment["provider"])
        named = payment.get("reference") or given(payment["transaction_id"])
        yield f"{_title(payment['kind'])}: {paid}, {f'{provider} {named}'.strip()}."
    for name, value in data.items():
        if name not in _SHOWN_APART:
            yield f"{_title(name)}: {value}."


_SHOWN_APART = {"picked", "lines", "before", "after", "payment"}


def _title(code: str) -> str:
    return capfirst(word(code).replace("_", " "))


def _worded(value: Any) -> str:
    """Returns a detail of an order as text: a text, a date, or the parts of an address."""
    parts = value.values() if isinstance(value, Mapping) else [value]
    text = ", ".join(str(part) for part in parts if part)
    return gettext("“{}”").format(text) if text else gettext("nothing")


METHODS: Mapping[str, str] = {
    "cash": _("cash"),
    "transfer": _("bank transfer"),
    "terminal": _("card terminal"),
    "other": _("other"),
}
"""How staff take money, and give it back, themselves."""


def payment_tables(order: OrderView, *, with_refunds: bool) -> list[dict[str, Any]]:
    """Returns the table of what was paid, and that of the records, the oldest first, if there are
    any. The refunds that are due are shown to those who may see them."""
    summary = _summary(order, with_refunds=with_refunds)
    return [summary] if order.payments is None else [summary, _records(order)]


def _records(order: OrderView) -> dict[str, Any]:
    records = queries.payments(order.id, after=0, limit=MAX_SHOWN_ROWS)
    people = actor_names({row.actor for row in records.rows})
    rows = [
        [
            in_one_line(moment(row.at)),
            word(row.kind),
            in_one_line(minor_amount(row.amount, row.currency)),
            METHODS.get(row.provider, row.provider),
            format_html('<span class="breakable">{}</span>', _named(row)),
            people[row.actor],
        ]
        for row in records.rows
    ]
    if records.more:
        limit = gettext("Only the first {} are shown.").format(MAX_SHOWN_ROWS)
        rows.append(["…", "", "", "", "", limit])
    headers = [_("When"), _("What"), _("Amount"), _("Provider"), _("Transaction"), _("By")]
    return {"title": _("Payment records"), "content": {"headers": headers, "rows": rows}}


def _named(row: Record) -> str:
    """Returns what identifies a payment, and the note about it."""
    return " · ".join(filter(None, [row.reference or given(row.transaction_id), row.note]))


def given(id: str) -> str:
    """Returns the id of a transaction; nothing for one that the shop made."""
    return "" if id.startswith(OWN) else id


def refunds_due(order: UUID) -> dict[str, int]:
    """Returns what is to be refunded of the id of an order, by currency."""
    rows = RefundDue.objects.filter(order=order).order_by("currency")
    return dict(rows.values_list("currency", "amount"))


def to_refund(amounts: Mapping[str, int]) -> list[str]:
    """Returns a sentence for each currency in which something is to be refunded."""
    text = gettext("{} to refund.")
    return [
        text.format(minor_amount(units, currency)) for currency, units in amounts.items() if units
    ]


def _summary(order: OrderView, *, with_refunds: bool) -> dict[str, Any]:
    due = payment_state.amount_due(order.sums, order.payable)
    state = word(payment_state.state(order.sums, order.payable).value)
    row = [state, minor_amount(due, order.currency)]
    if not order.payable and order.sums == payment_state.NOTHING:
        row = [gettext("nothing to pay"), "–"]
    headers = [_("State"), _("Due")]
    if with_refunds:
        headers.append(_("To refund"))
        owed = [
            minor_amount(amount, currency) for currency, amount in refunds_due(order.id).items()
        ]
        row.append(", ".join(owed) or "–")
    return {"title": _("Payment"), "content": {"headers": headers, "rows": [row]}}
