"""What the shop asks of every order, whichever API it comes through."""

from decimal import Decimal

from django.conf import settings

from larder.orders.services.placement import Terms


def terms() -> Terms:
    """The terms that the settings give."""
    return Terms(currency=settings.CURRENCY, minimum_total=Decimal(settings.MIN_ORDER_TOTAL))
