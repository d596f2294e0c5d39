"""Errors that the catalogue raises."""

from dataclasses import dataclass

from larder.core.errors import Conflict, FieldRefused, Telling, TooMany, Unusable


@dataclass
class CategoryInUse(Telling, Conflict):
    """The category is not empty. It has `products`, archived ones too, or `categories` below it."""

    products: int
    categories: int
    code = "category_in_use"


class TooManyCategories(TooMany):
    """The shop has the maximum number of categories."""

    code = "too_many_categories"


class UnknownCategory(FieldRefused, Unusable):
    """The category does not exist, or cannot be the parent. `name`: category or parent."""

    code = "unknown_category"
