"""The quotas of customers. QUOTA_ORDERS is a setting; RATE_LIMITS=wide widens all of them."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from larder.core.limits import MAX_QUOTA
from larder.identity.services import quotas

NORMAL: dict[quotas.Name, str] = {
    "orders": "120/hour",
    "order_changes": "600/hour",
    "addresses": "60/hour",
    "keys": "20/hour",
    "abandoned": "500/day",
}
WIDE = "1000000/hour"


def read() -> quotas.Limits:
    """Returns the quotas. Raises ImproperlyConfigured."""
    is_wide = settings.RATE_LIMITS == "wide"
    rates = dict.fromkeys(NORMAL, WIDE) if is_wide else NORMAL
    rates = rates | {"orders": settings.QUOTA_ORDERS or rates["orders"]}
    try:
        return {name: quotas.parse(rate) for name, rate in rates.items()}
    except ValueError:
        raise ImproperlyConfigured(
            f"QUOTA_ORDERS is {settings.QUOTA_ORDERS!r}: expected a rate such as 120/hour, with one"
            f" of {', '.join(quotas.UNITS)}, at most {MAX_QUOTA:,} and 1,000 in a second; or off."
        ) from None
