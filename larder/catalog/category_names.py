"""Finds categories by what people call them in a file: an id, a name, or a path."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from larder.core.limits import MAX_CATEGORY_LEVELS

Node = tuple[str, int | None]
"""The name of a category, and the id of its parent."""


class CategoryNames:
    """The names and paths of all categories, such as "Tea" and "Drinks / Tea".

    Letter case does not matter, nor do spaces around a slash.
    """

    def __init__(self, nodes: Mapping[int, Node]) -> None:
        self._paths = {id: tuple(_levels(nodes, id))[::-1] for id in nodes}
        self._by_path: dict[str, list[int]] = defaultdict(list)
        self._by_end: dict[str, list[int]] = defaultdict(list)
        for id, names in self._paths.items():
            self._by_path[_key(SEPARATOR.join(names))].append(id)
            for level in range(1, len(names)):
                self._by_end[_key(SEPARATOR.join(names[level:]))].append(id)

    def find(self, text: str) -> Collection[int]:
        """Returns the ids of the categories with this path; if there are none, of those whose path
        ends with it. More than one: the text does not say which."""
        key = _key(text)
        return self._by_path.get(key) or self._by_end.get(key) or ()

    def path(self, category: int) -> str:
        """Returns the names from the root down to a category; its id if there is none."""
        return SEPARATOR.join(self._paths.get(category, (str(category),)))

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
