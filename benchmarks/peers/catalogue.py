"""What every system sells, and to whom: the same in all of them."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "demo" / "online_retail" / "products.csv"
PLENTY = 1_000_000
"""Units of a product that never runs out."""
FEW = 20
"""Units of one that many buyers order at once."""


@dataclass(frozen=True, slots=True)
class Product:
    """`price` in pounds, as text with two decimals; `stock` in units."""

    sku: str
    name: str
    price: str
    stock: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Products of the demo catalogue, in its order: those with PLENTY of stock, then those with
    FEW. `buyers` are mail addresses; all have one password."""

    products: list[Product]
    buyers: list[str]
    password: str = "long enough for a benchmark"

    @property
    def plenty(self) -> list[str]:
        """SKUs of what there is enough of."""
        return [one.sku for one in self.products if one.stock == PLENTY]

    @property
    def scarce(self) -> list[str]:
        """SKUs of what there are FEW of."""
        return [one.sku for one in self.products if one.stock == FEW]

    def write(self, path: Path) -> Path:
        """Keeps it as JSON, for the systems' own programs."""
        path.write_text(json.dumps(asdict(self)))
        return path


def read(path: Path) -> Catalogue:
    """What write() kept."""
    raw = json.loads(path.read_text())
    products = [Product(**one) for one in raw["products"]]
    return Catalogue(products, raw["buyers"], raw["password"])


def choose(plenty: int, scarce: int, buyers: int) -> Catalogue:
    """The first products of the demo catalogue. Raises ValueError when there are not so many."""
    with DEMO.open(newline="") as file:
        rows = list(islice(csv.DictReader(file), plenty + scarce))
    if len(rows) < plenty + scarce:
        raise ValueError(f"The demo catalogue has {len(rows)} products.")
    products = [
        Product(row["sku"], row["name"], row["price"], PLENTY if number < plenty else FEW)
        for number, row in enumerate(rows)
    ]
    return Catalogue(products, [f"buyer-{number}@example.com" for number in range(buyers)])
