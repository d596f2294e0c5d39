"""What the settings of the shop mean, the same in all APIs and in the admin."""

from datetime import datetime
from functools import partial

from django.conf import settings

from larder.core.errors import Fault, InvalidInput
from larder.identity.services.accounts import Notify
from larder.orders.payment_state import Kind
from larder.orders.services.payments import CONFIRMING
from larder.orders.services.placing.placement import Hold, Terms
from larder.relay.services.account_mails import EMAIL_CHANGED, queue_mail

HOUR = 3600


def terms() -> Terms:
    """Returns the terms from the settings."""
    return Terms(
        currency=settings.CURRENCY,
        minimum_total=settings.MIN_ORDER_TOTAL,
        own_hold=hold(None) if settings.ORDERS_NEED_PAYMENT else None,
        unpaid_units=settings.QUOTA_UNPAID_UNITS or None,
    )


def hold(requested: int | None) -> Hold:
    """Returns the hold of a request that asks for so many seconds, or for none in particular.
    Raises InvalidInput above an hour, or above HOLD_SECONDS if that is more."""
    most = max(settings.HOLD_SECONDS, HOUR)
    if requested is not None and requested > most:
        detail = f"Expected at most {most} seconds."
        raise InvalidInput([Fault("/payment/hold_seconds", "out_of_range", detail)])
    return Hold(settings.HOLD_SECONDS if requested is None else requested, requested)


def confirming() -> frozenset[Kind]:
    """Returns the kinds of payment records that confirm an order whose total they cover."""
    return CONFIRMING | ({Kind.AUTHORISED} if settings.AUTHORISATION_CONFIRMS else set())


def former_address_notifier(now: datetime) -> Notify | None:
    """Returns a function that queues a mail to the former address of an account about its change;
    None without a mail server."""
    return partial(queue_mail, EMAIL_CHANGED, now=now) if settings.EMAIL_URL else None
