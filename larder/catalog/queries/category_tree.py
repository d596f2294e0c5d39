"""Reads categories."""

from dataclasses import dataclass

from larder.catalog.category_names import CategoryNames
from larder.catalog.models import Category
from larder.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A category. `parent` is an id."""

    id: int
    name: str
    parent: int | None
    version: int


_CATEGORY = ("id", "name", "parent_id", "version")


def category(category_id: int) -> CategoryRow:
    """Returns a category. Raises NotFound."""
    row = Category.objects.filter(id=category_id).values_list(*_CATEGORY).first()
    if row is None:
        raise NotFound
    return CategoryRow(*row)


def categories(*, after: int, limit: int) -> list[CategoryRow]:
    """Returns up to `limit` categories with an id above `after`, by id."""
    page = Category.objects.filter(id__gt=after).order_by("id")[:limit]
    return [CategoryRow(*row) for row in page.values_list(*_CATEGORY)]


def category_names() -> CategoryNames:
    """Returns the names and paths of all categories."""
    rows = Category.objects.values_list("id", "name", "parent_id")
    return CategoryNames({id: (name, parent) for id, name, parent in rows})
