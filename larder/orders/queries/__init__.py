"""The queries of orders. They return plain data, not models; one file for each kind of query."""

from larder.orders.queries.booked import PLACED, Booking, changes_in_parts, placed_bookings
from larder.orders.queries.changes import OrderChanges, OrderProgress, order_changes
from larder.orders.queries.drafts import (
    DraftLine,
    DraftView,
    draft,
    last_cart,
    order_or_draft,
    orders_and_draft,
)
from larder.orders.queries.event_log import (
    EventView,
    events,
    has_event,
    latest_events,
    orders_of,
)
from larder.orders.queries.history import (
    HistoryPosition,
    OrderFilter,
    count,
    history,
    history_in_parts,
    page,
)
from larder.orders.queries.lines import SoldLine, count_lines, line_history
from larder.orders.queries.notes import latest_notes
from larder.orders.queries.order_views import LineView, OrderView, view_of
from larder.orders.queries.payments import PaymentRow, RefundRow, payment, payments, refunds_due
from larder.orders.queries.placed import (
    PlacedContent,
    by_number,
    id_by_number,
    order,
    orders,
    placed_content,
    submit_existing,
    visible_order,
)
from larder.orders.queries.sales import (
    DaySales,
    OldOrder,
    OpenOrders,
    best_sellers,
    counted_at,
    day_sales,
    due_orders,
    oldest_placed,
    open_orders,
    refused_orders,
)
from larder.orders.queries.tax_sums import TaxSums, tax_sums

__all__ = [
    "PLACED",
    "Booking",
    "DaySales",
    "DraftLine",
    "DraftView",
    "EventView",
    "HistoryPosition",
    "LineView",
    "OldOrder",
    "OpenOrders",
    "OrderChanges",
    "OrderFilter",
    "OrderProgress",
    "OrderView",
    "PaymentRow",
    "PlacedContent",
    "RefundRow",
    "SoldLine",
    "TaxSums",
    "best_sellers",
    "by_number",
    "changes_in_parts",
    "count",
    "count_lines",
    "counted_at",
    "day_sales",
    "draft",
    "due_orders",
    "events",
    "has_event",
    "history",
    "history_in_parts",
    "id_by_number",
    "last_cart",
    "latest_events",
    "latest_notes",
    "line_history",
    "oldest_placed",
    "open_orders",
    "order",
    "order_changes",
    "order_or_draft",
    "orders",
    "orders_and_draft",
    "orders_of",
    "page",
    "payment",
    "payments",
    "placed_bookings",
    "placed_content",
    "refunds_due",
    "refused_orders",
    "submit_existing",
    "tax_sums",
    "view_of",
    "visible_order",
]
