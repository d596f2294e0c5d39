"""Categories: the shelves of the shop."""

from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta
from rest_framework.request import Request

from larder.api import pagination
from larder.api.authentication import IsStaff
from larder.api.v1 import shapes
from larder.api.v1.http import (
    Endpoint,
    read_body,
    read_parameters,
    reply_tagged,
    version_wanted,
)
from larder.api.v1.schema import operation
from larder.catalog import queries, services
from larder.catalog.queries import CategoryRow


class ListParameters(msgspec.Struct):
    """The parameters of the category list."""

    limit: Annotated[int, Meta(ge=1)] = pagination.DEFAULT_LIMIT
    cursor: str | None = None


class Staffed(Endpoint):
    """Everybody reads, staff write."""

    def get_permissions(self) -> list[Any]:
        reads = self.request.method in {"GET", "HEAD", "OPTIONS"}
        return super().get_permissions() if reads else [IsStaff()]


class Categories(Staffed):
    @operation(
        "list_categories",
        tag="categories",
        parameters=ListParameters,
        answers={200: shapes.CategoryPage, 304: None},
    )
    def get(self, request: Request) -> HttpResponse:
        """A page of categories, by id."""
        asked = read_parameters(request, ListParameters)
        limit = min(asked.limit, pagination.LARGEST_LIMIT)
        after = pagination.decode(asked.cursor, list[int]) or [0]
        found = queries.categories(after=after[0], limit=limit + 1)
        results, link = pagination.page(request, found, limit, lambda one: [one.id])
        return reply_tagged(request, shapes.CategoryPage([_shown(one) for one in results], link))

    @operation(
        "create_category",
        tag="categories",
        body=shapes.NewCategory,
        answers={201: shapes.Category},
        problems=["not_staff", "unknown_category"],
    )
    def post(self, request: Request) -> HttpResponse:
        """Staff: adds a category."""
        body = read_body(request, shapes.NewCategory)
        category = services.create_category(name=body.name, parent=body.parent)
        return _answer(request, category, status=201)


class Category(Staffed):
    @operation(
        "get_category",
        tag="categories",
        answers={200: shapes.Category, 304: None},
        problems=["not_found"],
    )
    def get(self, request: Request, category: int) -> HttpResponse:
        """One category."""
        return _answer(request, category)

    @operation(
        "change_category",
        tag="categories",
        body=shapes.CategoryFields,
        answers={200: shapes.Category},
        problems=["not_staff", "not_found", "unknown_category"],
        versioned=True,
    )
    def patch(self, request: Request, category: int) -> HttpResponse:
        """Staff: renames it, or puts it elsewhere in the tree."""
        body = read_body(request, shapes.CategoryFields)
        given = {"name": body.name, "parent_id": body.parent}
        fields = {name: value for name, value in given.items() if value is not UNSET}
        services.change_category(category, fields, version=version_wanted(request))
        return _answer(request, category)

    @operation(
        "delete_category",
        tag="categories",
        answers={204: None},
        problems=["not_staff", "not_found", "category_in_use"],
        versioned=True,
    )
    def delete(self, request: Request, category: int) -> HttpResponse:
        """Staff: deletes an empty category."""
        services.delete_category(category, version=version_wanted(request))
        return HttpResponse(status=204)


def _answer(request: Request, category: int, *, status: int = 200) -> HttpResponse:
    found = queries.category(category)
    return reply_tagged(request, _shown(found), version=found.version, status=status)


def _shown(found: CategoryRow) -> shapes.Category:
    return shapes.Category(found.id, found.name, found.parent, found.version)
