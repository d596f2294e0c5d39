"""The form of an order on the telephone."""

from larder.catalog.models import Product

CALL = "orders/order/telephone/"


def lines(*wanted: tuple[int, int]) -> dict[str, str]:
    """The lines of the page: product and quantity, with an empty line before each."""
    sent = {}
    for n, (product, quantity) in enumerate(wanted):
        sent[f"line-{2 * n + 1}-sku"] = Product.objects.get(pk=product).sku
        sent[f"line-{2 * n + 1}-quantity"] = str(quantity)
    return sent
