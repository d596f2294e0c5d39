"""The filters of lists and exports of orders."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from larder.core.limits import MAX_SHORT_TEXT_LENGTH
from larder.identity.caller import Caller
from larder.orders.lifecycle import STATUSES
from larder.orders.queries import OrderFilter
from larder.v1.shapes import Id

_ONE_OF_THEM = f"({'|'.join(STATUSES)})"
Statuses = Annotated[
    str,
    Meta(
        description="The current status of the orders: one, or several with commas between them.",
        examples=["placed", "placed,packed"],
        pattern=rf"^{_ONE_OF_THEM}(,{_ONE_OF_THEM})*\Z",
        extra={
            "fault": "unknown_value",
            "form": f"Expected a comma-separated list of: {', '.join(STATUSES)}.",
        },
    ),
]
Reference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_SHORT_TEXT_LENGTH,
        description="Orders with exactly this `reference`; case matters.",
    ),
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with a time zone.")]
StaffId = Annotated[Id, Meta(description="Only for staff: searches the orders of all customers.")]


class FilterParameters(msgspec.Struct, kw_only=True):
    """Filters of the history. With a filter, staff search the orders of all customers."""

    status: Statuses | None = None
    placed_after: Moment | None = None
    placed_before: Moment | None = None
    reference: Reference | None = None
    customer: StaffId | None = None
    number: StaffId | None = None
    product: StaffId | None = None


FILTERS = [(field.name, field.type, None) for field in msgspec.structs.fields(FilterParameters)]
"""The same fields, for the parameters of a list."""


def order_filter(query: msgspec.Struct, who: Caller) -> OrderFilter:
    """Returns the filter of the orders, by the FILTERS in the query: the caller's own; for staff
    who send a filter, those of all customers. Raises NotStaff, PermissionMissing and
    SecondFactorRequired for the filters of staff.
    """
    filters = {name: getattr(query, name) for name in FilterParameters.__struct_fields__}
    requested = filters.pop("status")
    filters["statuses"] = tuple(dict.fromkeys(requested.split(","))) if requested else ()
    if not who.may("orders.view_order"):
        if any(filters[name] is not None for name in ("customer", "number", "product")):
            who.require("orders.view_order")
        filters["customer"] = who.id
    elif not any(filters.values()):
        filters["customer"] = who.id
    return OrderFilter(**filters)
