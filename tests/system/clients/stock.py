"""Stock, beside a browser."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from django.db.models import F

from larder.inventory.models import Stock


def left(product: int) -> int:
    """Returns the units that can still be ordered."""
    return Stock.objects.get(product_id=product).available


def sell(product: int, units: int) -> None:
    """Sells units to others, in another thread: that of the browser has an event loop."""

    def take() -> None:
        Stock.objects.filter(product_id=product).update(available=F("available") - units)
        connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(take).result()
