"""Reads the samples of /metrics, and places orders that they count."""

from prometheus_client.parser import text_string_to_metric_families

from tests.server import Server


def numbers(text: str) -> dict[str, float]:
    """Every sample, by its name and its labels' values."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def order(server: Server, token: str, product: int, quantity: int = 1) -> int:
    """The status of an order."""
    body = {"lines": [{"product": product, "quantity": quantity}]}
    return server.call("POST", "orders", body, token=token).status
