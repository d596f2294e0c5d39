"""The names that settings have for mails and their parts."""

TOKEN = "{token}"
"""The placeholder of the token in PASSWORD_RESET_URL."""

ORDER = "{order}"
"""The placeholder of an order's id in APP_ORDER_URL."""

ORDER_MAILS = (
    *("placed", "held", "changed", "cancelled", "shipped", "returned", "refunded"),
    *("new_order", "refund_due", "low_stock"),
)
"""The kinds of mails about orders: those to customers, and those to the shop."""
