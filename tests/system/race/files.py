"""Files of products for races."""

from collections.abc import Iterable

from larder.catalog.tables import decoded_table
from larder.core.clock import now
from larder.inventory.services.products import Author, import_products
from tests.system.race.shops import OK, Answer, answered

AUTHOR = Author(None, now())


def imported(header: str, rows: Iterable[str]) -> Answer:
    """Imports a file; the content is what it did."""
    text = "\n".join([header, *rows])

    def call() -> Answer:
        return Answer(
            OK, import_products(decoded_table(text.encode()), author=AUTHOR, currency="GBP")[0]
        )

    return answered(call)
