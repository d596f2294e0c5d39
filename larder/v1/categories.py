"""Categories: the tree of the products."""

from functools import partial
from typing import Annotated

import msgspec
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType

from larder.catalog import queries
from larder.catalog.fields import VISIBLE
from larder.catalog.services import categories
from larder.core.clock import now
from larder.core.limits import MAX_SHORT_TEXT_LENGTH
from larder.core.parts import first
from larder.identity.caller import Caller
from larder.v1.http import Answer, IdCursor, Listed, PageParameters, claim, shaped
from larder.v1.operations import CACHED, ECHOED, KEYED, LOCATED, TAGGED, VERSIONED, Declaration
from larder.v1.shapes import Id, Page, Request

operation = partial(Declaration, tag="categories")

CategoryName = Annotated[str, Meta(min_length=1, max_length=MAX_SHORT_TEXT_LENGTH, **VISIBLE)]


class Category(msgspec.Struct):
    """A category; `parent` is the category above it."""

    id: Id
    name: str
    parent: Id | None
    version: int


class CategoryPage(Page[Category]):
    """A page of categories."""


class NewCategory(Request):
    """A new category."""

    name: CategoryName
    parent: Id | None = None


class CategoryFields(Request):
    """The fields of a category that staff can change."""

    name: CategoryName | UnsetType = UNSET
    parent: Id | UnsetType | None = UNSET


@operation(answers={200: CategoryPage}, traits=[CACHED, ECHOED])
def list_categories(query: PageParameters, cursor: IdCursor | None) -> Listed:
    """A page of categories, by id."""
    rows = queries.categories(after=cursor.id if cursor else 0, limit=query.rows + 1)
    return Listed(first(rows, query.rows), _shown)


@operation(
    answers={201: Category},
    problems=["unknown_category", "too_many_categories"],
    traits=[KEYED, LOCATED, TAGGED],
    permissions=["catalog.add_category"],
    example={"name": "Lanterns"},
)
def create_category(request: HttpRequest, caller: Caller, body: NewCategory) -> Answer:
    """Staff: creates a category."""
    id, replayed = categories.create_category(
        name=body.name,
        parent=body.parent,
        caller=caller,
        now=now(),
        claim=claim(request, caller, body.name, body.parent),
    )
    return Answer(_shown(queries.category(int(id))), replayed)


@operation(answers={200: Category}, traits=[CACHED, ECHOED])
def get_category(category: int) -> Category:
    """One category."""
    return _shown(queries.category(category))


@operation(
    answers={200: Category},
    problems=["unknown_category"],
    traits=[VERSIONED, TAGGED],
    permissions=["catalog.change_category"],
    example={"name": "Lanterns and lamps"},
)
def change_category(
    caller: Caller, category: int, body: CategoryFields, version: int | None
) -> Category:
    """Staff: changes the name of a category, or its place in the tree."""
    values = {"name": body.name, "parent_id": body.parent}
    fields = {name: value for name, value in values.items() if value is not UNSET}
    categories.change_category(category, fields, caller=caller, version=version)
    return _shown(queries.category(category))


@operation(
    answers={204: None},
    problems=["category_in_use"],
    traits=[VERSIONED],
    permissions=["catalog.delete_category"],
)
def delete_category(caller: Caller, category: int, version: int | None) -> None:
    """Staff: deletes an empty category."""
    categories.delete_category(category, caller=caller, version=version)


_shown = partial(shaped, kind=Category)
