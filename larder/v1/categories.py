"""Categories: the shelves of the shop."""

from django.http import HttpRequest, HttpResponse
from msgspec import UNSET

from larder.catalog import queries, services
from larder.catalog.queries import CategoryRow
from larder.core.clock import now
from larder.db.idempotency import RETENTION, fingerprint
from larder.http import pagination
from larder.identity.caller import Caller
from larder.v1 import shapes
from larder.v1.freshness import causal
from larder.v1.http import (
    PageParameters,
    claim,
    no_content,
    read_page,
    reply_created,
    reply_tagged,
    version_wanted,
)
from larder.v1.operations import CACHED, ECHOED, KEYED, LOCATED, TAGGED, VERSIONED, operation


class CategoryPlace(pagination.Place, array_like=True, tag="categories"):
    """Where a page of categories ended."""

    id: shapes.Id


@operation(tag="categories", answers={200: shapes.CategoryPage, 304: None}, traits=[CACHED, ECHOED])
@causal
def list_categories(request: HttpRequest, caller: Caller, query: PageParameters) -> HttpResponse:
    """A page of categories, by id."""

    def find(place: CategoryPlace | None, rows: int) -> list[CategoryRow]:
        return queries.categories(after=place.id if place else 0, limit=rows)

    results, link = read_page(request, query, CategoryPlace, find, _place)
    return reply_tagged(request, shapes.CategoryPage([_shown(one) for one in results], link))


@operation(
    tag="categories",
    answers={201: shapes.Category},
    problems=["unknown_category"],
    traits=[KEYED, LOCATED, TAGGED],
    staff=True,
)
def create_category(request: HttpRequest, caller: Caller, body: shapes.NewCategory) -> HttpResponse:
    """Staff: adds a category."""
    moment = now()
    content = fingerprint(body.name, body.parent)
    made = services.create_category(
        name=body.name,
        parent=body.parent,
        now=moment,
        claim=claim(request, caller, content, expires_at=moment + RETENTION),
    )
    found = queries.category(made.id)
    return reply_created(
        request,
        _shown(found),
        location=f"{request.path}/{made.id}",
        version=found.version,
        replayed=made.replayed,
    )


@operation(
    tag="categories",
    answers={200: shapes.Category, 304: None},
    problems=["not_found"],
    traits=[CACHED, ECHOED],
)
@causal
def get_category(request: HttpRequest, caller: Caller, category: int) -> HttpResponse:
    """One category."""
    return _answer(request, category)


@operation(
    tag="categories",
    answers={200: shapes.Category},
    problems=["not_found", "unknown_category"],
    traits=[VERSIONED, TAGGED],
    staff=True,
)
def change_category(
    request: HttpRequest, caller: Caller, category: int, body: shapes.CategoryFields
) -> HttpResponse:
    """Staff: renames it, or puts it elsewhere in the tree."""
    given = {"name": body.name, "parent_id": body.parent}
    fields = {name: value for name, value in given.items() if value is not UNSET}
    services.change_category(category, fields, version=version_wanted(request))
    return _answer(request, category)


@operation(
    tag="categories",
    answers={204: None},
    problems=["not_found", "category_in_use"],
    traits=[VERSIONED],
    staff=True,
)
def delete_category(request: HttpRequest, caller: Caller, category: int) -> HttpResponse:
    """Staff: deletes an empty category."""
    services.delete_category(category, version=version_wanted(request))
    return no_content()


def _answer(request: HttpRequest, category: int) -> HttpResponse:
    found = queries.category(category)
    return reply_tagged(request, _shown(found), version=found.version)


def _place(found: CategoryRow) -> CategoryPlace:
    return CategoryPlace(found.id)


def _shown(found: CategoryRow) -> shapes.Category:
    return shapes.Category(found.id, found.name, found.parent, found.version)
