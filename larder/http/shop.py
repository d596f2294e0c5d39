"""The shop's terms of every order, the same in all APIs."""

from decimal import Decimal

from django.conf import settings

from larder.orders.services.placement import Terms


def terms() -> Terms:
    """Returns the terms from the settings."""
    return Terms(currency=settings.CURRENCY, minimum_total=Decimal(settings.MIN_ORDER_TOTAL))
