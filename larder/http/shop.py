"""The shop's terms of every order, the same in all APIs."""

from decimal import Decimal

from django.conf import settings

from larder.core.errors import Fault, InvalidInput
from larder.orders.payment_state import Kind
from larder.orders.services.payments import CONFIRMING
from larder.orders.services.placing.placement import Hold, Terms


def terms() -> Terms:
    """Returns the terms from the settings."""
    return Terms(
        currency=settings.CURRENCY,
        minimum_total=Decimal(settings.MIN_ORDER_TOTAL),
        most_holds=settings.OPEN_HOLDS_MAX,
    )


def hold(requested: int | None, *, where: str) -> Hold:
    """Returns the hold of a request that asks for so many seconds, or for none in particular.

    Raises InvalidInput at `where` for more seconds than the shop allows.
    """
    if requested is not None and requested > settings.HOLD_SECONDS_MAX:
        detail = f"Expected at most {settings.HOLD_SECONDS_MAX} seconds."
        raise InvalidInput([Fault(where, "out_of_range", detail)])
    return Hold(settings.HOLD_SECONDS if requested is None else requested, requested)


def confirming() -> frozenset[Kind]:
    """Returns the kinds of payment records that confirm an order whose total they cover."""
    return CONFIRMING | ({Kind.AUTHORISED} if settings.AUTHORISATION_CONFIRMS else set())
