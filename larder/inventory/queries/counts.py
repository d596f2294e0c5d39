"""The running count of stock of a member of staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from larder.inventory.models import CountedProduct


@dataclass(frozen=True, slots=True)
class CountRow:
    """A product of a count. `on_shelf`: the units that the stock had on the shelf when it was
    counted last. `is_moved`: whether the shelf changed while it was counted. `available` and
    `committed` are those of now."""

    product: int
    sku: str
    name: str
    shelf_place: str
    counted: int
    on_shelf: int
    is_moved: bool
    available: int
    committed: int

    @property
    def difference(self) -> int:
        """The units that the count found more, or fewer if negative."""
        return self.counted - self.on_shelf


def running_count(actor: UUID, *, limit: int | None = None) -> list[CountRow]:
    """Returns the counted products, the last one first."""
    rows = CountedProduct.objects.filter(actor=actor).select_related("product__product")
    return [_counted(one) for one in rows.order_by("-at", "-id")[:limit]]


def _counted(row: CountedProduct) -> CountRow:
    stock, product = row.product, row.product.product
    return CountRow(
        product.pk,
        product.sku,
        product.name,
        product.shelf_place,
        row.counted,
        row.on_shelf,
        row.is_moved,
        stock.available,
        stock.committed,
    )


def fingerprint_of(lines: Sequence[CountRow]) -> str:
    """Returns a text that differs if a count differs in its products, units or differences."""
    rows = sorted((one.product, one.counted, one.on_shelf, one.is_moved) for one in lines)
    return sha256(repr(rows).encode()).hexdigest()
