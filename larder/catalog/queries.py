"""Reads products without their stock, and categories."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from larder.catalog import sql
from larder.catalog.fields import INTERNAL
from larder.catalog.models import Category, Product
from larder.catalog.search import spellings
from larder.core.errors import NotFound
from larder.core.limits import MAX_OFFERED_PRODUCTS
from larder.db import database

MAX_CATEGORY_LEVELS = 20
"""Names in a category's path in a file. Those above them are left out."""


def ids_by_sku(skus: Collection[str]) -> dict[str, int]:
    """Returns product ids by SKU, including archived products, without unknown SKUs. A SKU is known
    if it is that of a product when both are folded."""
    return dict(database.rows(sql.IDS_BY_SKU, [list(skus)]))


def ids_by_code(code: str, *, archived: bool = False) -> list[int]:
    """Returns the product with this SKU, or else those with this barcode, MAX_OFFERED_PRODUCTS at
    most: those on sale, or with `archived` all."""
    if ids := ids_by_sku([code]):
        return [*ids.values()]
    codes = spellings(code)
    coded = Product.objects.filter(barcode__in=codes, barcode__gt="")
    coded = coded if archived else coded.filter(archived_at=None)
    return list(coded.order_by("id").values_list("id", flat=True)[:MAX_OFFERED_PRODUCTS])


def public_ids(products: Collection[int]) -> dict[int, UUID]:
    """Returns public ids by product id, including archived products."""
    return dict(Product.objects.filter(id__in=products).values_list("id", "public_id"))


def ids_by_public_id(public_ids: Collection[UUID]) -> dict[UUID, int]:
    """Returns product ids by public id, including archived products, without unknown ones."""
    return dict(Product.objects.filter(public_id__in=public_ids).values_list("public_id", "id"))


def internal_fields(product: int) -> dict[str, Any]:
    """Returns the fields of a product that only staff see, by their names."""
    names = [field.name for field in INTERNAL]
    return dict(Product.objects.filter(id=product).values(*names).get())


_CATEGORY = ("id", "name", "parent", "version")


def category(category_id: int) -> Any:
    """Returns a category: `id`, `name`, `parent` (an id or None), `version`. Raises NotFound."""
    row = Category.objects.filter(id=category_id).values_list(*_CATEGORY, named=True).first()
    if row is None:
        raise NotFound
    return row


def categories(*, after: int, limit: int) -> list[Any]:
    """Returns up to `limit` categories, as `category` does, with an id above `after`, by id."""
    page = Category.objects.filter(id__gt=after).order_by("id")[:limit]
    return list(page.values_list(*_CATEGORY, named=True))


Node = tuple[str, int | None]
"""The name of a category, and the id of its parent."""


class CategoryNames:
    """The names and paths of all categories, such as "Tea" and "Drinks / Tea", in any case of
    letters and with any spaces around a slash."""

    def __init__(self, nodes: Mapping[int, Node]) -> None:
        self._paths = {id: SEPARATOR.join([*_levels(nodes, id)][::-1]) for id in nodes}
        self._ids: dict[str, list[int]] = defaultdict(list)
        for id, path in self._paths.items():
            for key in {_key(path), _key(nodes[id][0])}:
                self._ids[key].append(id)

    def find(self, text: str) -> Collection[int]:
        """Returns the ids of the categories with this name or path. More than one: the text does
        not say which."""
        return self._ids.get(_key(text), ())

    def path(self, category: int) -> str:
        """Returns the names from the root down to a category; its id if there is none."""
        return self._paths.get(category, str(category))

    def label(self, category: int) -> str:
        """Returns the path by which a file finds the category again, or else its id."""
        path = self.path(category)
        return str(category) if path.isdecimal() or self.find(path) != [category] else path


SEPARATOR = " / "


def _levels(nodes: Mapping[int, Node], category: int) -> Iterator[str]:
    at: int | None = category
    for _ in range(MAX_CATEGORY_LEVELS):
        if at is None or at not in nodes:
            return
        name, at = nodes[at]
        yield name


def _key(text: str) -> str:
    return SEPARATOR.join(part.strip() for part in text.split("/")).casefold()


def category_names() -> CategoryNames:
    """Returns the names and paths of all categories."""
    rows = Category.objects.values_list("id", "name", "parent_id")
    return CategoryNames({id: (name, parent) for id, name, parent in rows})
