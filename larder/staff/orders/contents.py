"""The lines, the address and the history of an order, as tables and sentences for staff."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge
from operator import attrgetter
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext

from larder.core.limits import MAX_SHOWN_EVENT_LINES, MAX_SHOWN_EVENTS
from larder.identity.queries import PARCEL_FIELDS, AddressRow
from larder.identity.queries.notes import NoteView, latest_notes
from larder.inventory import queries as inventory
from larder.inventory.queries import ProductFilter
from larder.orders import queries
from larder.orders.queries import EventView, LineView, OrderView
from larder.orders.services.locks import order_name
from larder.staff.formatting import (
    actor_names,
    amount,
    change_link,
    grouped,
    in_one_line,
    minor_amount,
    moment,
)
from larder.staff.language import gettext_lazy as _
from larder.staff.words import word


def lines_table(order: OrderView) -> dict[str, Any]:
    """Returns the table of the order's lines, of which there are at most a thousand."""
    rows = [
        [
            change_link("catalog_product", line.product, line.sku),
            line.name,
            _quantity(line),
            grouped(line.returned),
            in_one_line(amount(line.unit_price, order.currency)),
            in_one_line(amount(line.line_total, order.currency)),
        ]
        for line in order.lines
    ]
    headers = [
        *(_("SKU"), _("Name"), _("Quantity"), _("Returned")),
        *(_("Unit price"), _("Line total")),
    ]
    return {"headers": headers, "rows": rows}


def _quantity(line: LineView) -> str:
    if not line.ordered:
        return grouped(line.quantity)
    return gettext("{} of {} ordered").format(grouped(line.quantity), grouped(line.ordered))


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
    back = order.total - order.kept
    return gettext("{} of it returned").format(amount(back, order.currency)) if back else ""


_CITY_FIRST = frozenset({"AU", "CA", "GB", "IE", "IN", "NZ", "US"})
"""Countries in which the postal code follows city and region. In others it is before the city."""


def address_lines(address: Mapping[str, str]) -> list[str]:
    """Returns the lines of an address as on a parcel. City and postal code share a line.

    >>> address_lines({"country": "GB", "line1": "1 Quay", "city": "Leeds", "postal_code": "LS1"})
    ['1 Quay', 'Leeds LS1', 'GB']
    >>> address_lines({"city": "Kiel", "postal_code": "24103", "region": "", "country": "DE"})
    ['24103 Kiel', 'DE']
    """
    place: tuple[str, ...] = ("postal_code", "city")
    if address.get("country") in _CITY_FIRST:
        place = ("city", "region", "postal_code")
    line = " ".join(address[name] for name in place if address.get(name))
    lines = {**address, **dict.fromkeys(place, ""), "city": line}
    return [lines[name] for name in PARCEL_FIELDS if lines.get(name)]


def address_summary(one: AddressRow) -> str:
    """Returns a saved address in a line."""
    lines = ", ".join(address_lines({name: getattr(one, name) for name in PARCEL_FIELDS}))
    return f"{one.label}: {lines}" if one.label else lines


def timeline(order: OrderView) -> dict[str, Any]:
    """Returns the order's last events in sentences and the last notes of staff, the newest first,
    and how many of each they are if there are earlier ones."""
    found = queries.latest_events(order.id, limit=MAX_SHOWN_EVENTS)
    notes = latest_notes(order_name(order.id), limit=MAX_SHOWN_EVENTS)
    names = _product_names(order, found.rows)
    both: tuple[Iterator[EventView | NoteView], ...] = (iter(notes.rows), reversed(found.rows))
    happened = list(merge(*both, key=attrgetter("at"), reverse=True))
    people = actor_names({one.actor for one in happened})
    events = [
        {"at": moment(one.at), "by": people[one.actor], **_timeline_row(one, names)}
        for one in happened
    ]
    return {"events": events, "limit": MAX_SHOWN_EVENTS if found.more or notes.more else None}


def _timeline_row(one: EventView | NoteView, names: Mapping[int, str]) -> dict[str, Any]:
    if isinstance(one, NoteView):
        return {"what": gettext("Internal note"), "details": [one.text], "is_note": True}
    what = _HAPPENED.get(one.type) or capfirst(word(one.type))
    return {"what": what, "details": described(one.data, names)}


_HAPPENED: Mapping[str, str] = {
    "held": _("Placed, to be paid,"),
    "payment": _("Payment recorded"),
    "returned": _("Return booked"),
    "unpacked": _("Packing undone"),
    "unshipped": _("Shipping undone"),
    "tracked": _("Tracking corrected"),
}
"""What happened, for the types of events that do not say it themselves."""


def _product_names(order: OrderView, events: Sequence[EventView]) -> dict[int, str]:
    """Returns SKU and name of every product that is or was in the order."""
    names = {line.product: f"{line.sku} {line.name}" for line in order.lines}
    gone = {one for event in events for one in _products(event.data)} - names.keys()
    if gone:
        wanted = ProductFilter(ids=tuple(gone), archived=True)
        found = inventory.products(order.customer, wanted, limit=None)
        names |= {one.id: f"{one.sku} {one.name}" for one in found}
    return names


def _products(data: Mapping[str, Any]) -> Iterator[int]:
    """Yields the ids of the products that the sentences about an event contain."""
    for name in ("picked", "lines"):
        if len(data.get(name, ())) <= MAX_SHOWN_EVENT_LINES:
            yield from (one["product"] for one in data.get(name, ()))
    changed = _changed_units(data.get("before", {}), data.get("after", {}))
    if len(changed) <= MAX_SHOWN_EVENT_LINES:
        yield from changed


def described(data: Mapping[str, Any], names: Mapping[int, str]) -> list[str]:
    """Returns sentences about the data of an event. `names` are the names of the products.

    >>> described({"reason": "too late"}, {})
    ['Reason: too late.']
    >>> picked = [{"product": 7, "ordered": 3, "quantity": 1, "missing": True}]
    >>> described({"picked": picked}, {7: "J"})
    ['J: 1 of 3 picked, 2 missing from the shelf.']
    >>> lines = [{"product": one, "quantity": 1} for one in range(21)]
    >>> described({"before": {"lines": []}, "after": {"lines": lines}}, {})
    ['21 lines changed.']
    """
    sentences: list[str] = []
    for name, value in data.items():
        describe = _DESCRIPTIONS.get(name)
        sentences += describe(value, names) if describe else [f"{capfirst(word(name))}: {value}."]
    if "before" in data and "after" in data:
        sentences += _changed(data["before"], data["after"], names)
    return sentences


def _reason(reason: str, names: Mapping[int, str]) -> list[str]:
    return [gettext("Reason: {}.").format(reason)]


def _picked(lines: Sequence[Mapping[str, Any]], names: Mapping[int, str]) -> list[str]:
    if len(lines) > MAX_SHOWN_EVENT_LINES:
        return [gettext("{} lines picked short.").format(grouped(len(lines)))]
    missing = gettext("{}: {} of {} picked, {} missing from the shelf.")
    back = gettext("{}: {} of {} picked, {} back on the shelf.")
    return [
        (missing if one["missing"] else back).format(
            _named(one, names),
            *map(grouped, (one["quantity"], one["ordered"], one["ordered"] - one["quantity"])),
        )
        for one in lines
    ]


def _returned(lines: Sequence[Mapping[str, Any]], names: Mapping[int, str]) -> list[str]:
    if len(lines) > MAX_SHOWN_EVENT_LINES:
        return [gettext("Units of {} lines came back.").format(grouped(len(lines)))]
    again = gettext("{}: {} came back, on the shelf again.")
    unsold = gettext("{}: {} came back, not to be sold again.")
    return [
        (again if one["restock"] else unsold).format(_named(one, names), grouped(one["quantity"]))
        for one in lines
    ]


def _payment(payment: Mapping[str, Any], names: Mapping[int, str]) -> list[str]:
    kind = capfirst(word(payment["kind"]).replace("_", " "))
    amount = minor_amount(payment["amount"], payment["currency"])
    return [f"{kind}: {amount}, {payment['provider']} {payment['transaction_id']}."]


def _tracking(number: str, names: Mapping[int, str]) -> list[str]:
    return [gettext("Tracking number: {}.").format(number)]


def _nothing(value: Any, names: Mapping[int, str]) -> list[str]:
    """Returns nothing: `before` and `after` are described together."""
    return []


_DESCRIPTIONS: Mapping[str, Callable[[Any, Mapping[int, str]], list[str]]] = {
    "reason": _reason,
    "picked": _picked,
    "lines": _returned,
    "payment": _payment,
    "tracking_number": _tracking,
    "before": _nothing,
    "after": _nothing,
}


def _changed(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[int, str]
) -> list[str]:
    sentences = _changed_lines(_changed_units(before, after), names)
    for detail in sorted(after.keys() - {"lines"}):
        name = capfirst(word(detail).replace("_", " "))
        former, present = _worded(before.get(detail)), _worded(after[detail])
        sentences.append(gettext("{}: {} instead of {}.").format(name, present, former))
    return sentences


def _changed_lines(units: Mapping[int, tuple[int, int]], names: Mapping[int, str]) -> list[str]:
    if len(units) > MAX_SHOWN_EVENT_LINES:
        return [gettext("{} lines changed.").format(grouped(len(units)))]
    sentences = []
    for product, (old, new) in units.items():
        name = _named({"product": product}, names)
        if not new:
            sentences.append(gettext("{}: {} taken off.").format(name, grouped(old)))
        elif not old:
            sentences.append(gettext("{}: {} added.").format(name, grouped(new)))
        else:
            text = gettext("{}: {} instead of {}.")
            sentences.append(text.format(name, grouped(new), grouped(old)))
    return sentences


def _changed_units(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[int, tuple[int, int]]:
    """Returns the units before and after of each product whose units changed."""
    was, becomes = _units(before), _units(after)
    pairs = {one: (was.get(one, 0), becomes.get(one, 0)) for one in {**was, **becomes}}
    return {one: (old, new) for one, (old, new) in pairs.items() if old != new}


def _worded(value: Any) -> str:
    """Returns a detail of an order as text: a text, a date, or the parts of an address."""
    parts = value.values() if isinstance(value, Mapping) else [value]
    text = ", ".join(str(part) for part in parts if part)
    return gettext("“{}”").format(text) if text else gettext("nothing")


def _units(data: Mapping[str, Any]) -> dict[int, int]:
    return {one["product"]: one["quantity"] for one in data.get("lines", ())}


def _named(one: Mapping[str, Any], names: Mapping[int, str]) -> str:
    return names.get(one["product"]) or gettext("product {}").format(one["product"])
