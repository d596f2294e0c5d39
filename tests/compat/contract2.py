"""Places orders by contract 2."""

from typing import Any

from larder.catalog.models import Product
from tests.compat.conftest import ApiClient
from tests.server import Reply

ORDERS = "/api/orders/orders/"


def uuid_of(product: int) -> str:
    return str(Product.objects.get(pk=product).public_id)


def place(client: ApiClient, *lines: tuple[int, int], **more: Any) -> Reply:
    items = [{"product": uuid_of(product), "quantity": units} for product, units in lines]
    return client("POST", ORDERS, {"order_items": items} | more)
