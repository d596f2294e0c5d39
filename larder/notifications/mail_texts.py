"""A mail, and the names that settings have for mails and their parts."""

from dataclasses import dataclass, field

TOKEN = "{token}"
"""The placeholder of the token in PASSWORD_RESET_URL."""

ORDER = "{order}"
"""The placeholder of an order's id in APP_ORDER_URL."""

ORDER_MAILS = (
    *("placed", "held", "changed", "cancelled", "shipped", "returned", "refunded"),
    *("new_order", "refund_due", "low_stock"),
)
"""The kinds of mails about orders: those to customers, and those to the shop."""


@dataclass(frozen=True, slots=True)
class MailText:
    """A mail to be sent, as text and perhaps also as HTML. No log and no error report shows its
    content."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
