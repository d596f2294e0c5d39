"""The ways the catalogue refuses."""

from larder.core.errors import DomainError


class CategoryInUse(DomainError):
    """The category still has products or categories below it."""

    code = "category_in_use"


class UnknownCategory(DomainError):
    """There is no category with this id, or it cannot stand there in the tree."""

    code = "unknown_category"
