"""The queries of orders. They return plain data, not models; one file for each kind of query."""

from larder.orders.queries.booked import PLACED, Booking, changes_in_parts, placed_bookings
from larder.orders.queries.carts import (
    CartLine,
    CartVersion,
    CartView,
    cart,
    order_or_cart,
    orders_and_cart,
    stored_cart,
)
from larder.orders.queries.changes import OrderChanges, OrderProgress, order_changes
from larder.orders.queries.event_log import (
    EventView,
    events,
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
from larder.orders.queries.order_views import LineView, OrderView
from larder.orders.queries.payments import PaymentRow, RefundRow, payment, payments, refunds_due
from larder.orders.queries.placed import (
    by_number,
    id_by_number,
    order,
    orders,
    submit_existing,
    visible_order,
)
from larder.orders.queries.sales import (
    DaySales,
    OldOrder,
    OpenOrders,
    best_sellers,
    day_sales,
    due_orders,
    oldest_placed,
    open_orders,
)
from larder.orders.queries.tax_sums import TaxSums, tax_sums

__all__ = [
    "PLACED",
    "Booking",
    "CartLine",
    "CartVersion",
    "CartView",
    "DaySales",
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
    "RefundRow",
    "SoldLine",
    "TaxSums",
    "best_sellers",
    "by_number",
    "cart",
    "changes_in_parts",
    "count",
    "count_lines",
    "day_sales",
    "due_orders",
    "events",
    "history",
    "history_in_parts",
    "id_by_number",
    "latest_events",
    "line_history",
    "oldest_placed",
    "open_orders",
    "order",
    "order_changes",
    "order_or_cart",
    "orders",
    "orders_and_cart",
    "orders_of",
    "page",
    "payment",
    "payments",
    "placed_bookings",
    "refunds_due",
    "stored_cart",
    "submit_existing",
    "tax_sums",
    "visible_order",
]
