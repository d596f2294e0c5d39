"""Products: the list, one of them, and what staff change."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from msgspec import UNSET, Meta
from rest_framework.request import Request

from larder.api import pagination
from larder.api.authentication import IsStaff
from larder.api.v1 import shapes
from larder.api.v1.http import (
    Endpoint,
    caller,
    claim,
    read_body,
    read_parameters,
    replay_headers,
    reply_tagged,
    version_wanted,
)
from larder.api.v1.schema import operation
from larder.catalog import services as catalog
from larder.common import money
from larder.common.clock import now
from larder.common.errors import Fault, InvalidInput
from larder.common.idempotency import RETENTION, fingerprint
from larder.inventory import queries, services
from larder.inventory.queries import ORDERINGS, Position, ProductFilter, StockedProduct

MOST_IDS = 200
_ORDERING = "^-?(" + "|".join(ORDERINGS) + ")$"


class ListParameters(msgspec.Struct):
    """The parameters of the product list."""

    q: Annotated[str, Meta(max_length=200, description="Words in name or SKU.")] = ""
    category: shapes.Id | None = None
    min_price: shapes.Price | None = None
    max_price: shapes.Price | None = None
    in_stock: bool | None = None
    ids: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9]{1,18}(,[0-9]{1,18}){0,199}$",
                description="1,2,3: at most 200.",
            ),
        ]
        | None
    ) = None
    ordering: Annotated[str, Meta(pattern=_ORDERING)] = "id"
    limit: Annotated[int, Meta(ge=1)] = pagination.DEFAULT_LIMIT
    cursor: str | None = None
    count: bool = False


class Products(Endpoint):
    def get_permissions(self) -> list[Any]:
        return [IsStaff()] if self.request.method == "POST" else super().get_permissions()

    @operation(
        "list_products",
        tag="products",
        parameters=ListParameters,
        answers={200: shapes.ProductPage, 304: None},
    )
    def get(self, request: Request) -> HttpResponse:
        """A page of the catalogue."""
        asked = read_parameters(request, ListParameters)
        wanted, limit = _filter(asked), min(asked.limit, pagination.LARGEST_LIMIT)
        after = _position(asked)
        found = queries.products(caller(request).id, wanted, after=after, limit=limit + 1)
        results, link = pagination.page(request, found, limit, _place(asked.ordering))
        count = queries.count_products(wanted) if asked.count else UNSET
        return reply_tagged(request, shapes.ProductPage(_shown(results), link, count))

    @operation(
        "create_product",
        tag="products",
        body=shapes.NewProduct,
        answers={201: shapes.Product},
        problems=["not_staff", "sku_taken", "unknown_category", "order_rule"],
        keyed=True,
    )
    def post(self, request: Request) -> HttpResponse:
        """Staff: adds a product with its opening stock."""
        body = read_body(request, shapes.NewProduct)
        moment, who = now(), caller(request)
        content = fingerprint(msgspec.to_builtins(body))
        made = services.create_stocked_product(
            _fields(body),
            quantity=body.quantity,
            actor=who.public_id,
            now=moment,
            claim=claim(request, content, expires_at=moment + RETENTION),
        )
        product = queries.product(who.id, made.id)
        headers = {"Location": f"{request.path}/{made.id}"} | replay_headers(made.replayed)
        answer = _shown([product])[0]
        return reply_tagged(request, answer, version=product.version, status=201, headers=headers)


class Product(Endpoint):
    def get_permissions(self) -> list[Any]:
        reads = self.request.method in {"GET", "HEAD", "OPTIONS"}
        return super().get_permissions() if reads else [IsStaff()]

    @operation(
        "get_product",
        tag="products",
        answers={200: shapes.Product, 304: None},
        problems=["not_found"],
    )
    def get(self, request: Request, product: int) -> HttpResponse:
        """One product, with its stock at this moment."""
        return _answer(request, product)

    @operation(
        "change_product",
        tag="products",
        body=shapes.ProductFields,
        answers={200: shapes.Product},
        problems=["not_staff", "not_found", "sku_taken", "unknown_category"],
        versioned=True,
    )
    def patch(self, request: Request, product: int) -> HttpResponse:
        """Staff: changes the fields given."""
        fields = _fields(read_body(request, shapes.ProductFields))
        version = version_wanted(request)
        catalog.change_product(product, fields, now=now(), version=version)
        return _answer(request, product)

    @operation(
        "archive_product",
        tag="products",
        answers={204: None},
        problems=["not_staff", "not_found"],
        versioned=True,
    )
    def delete(self, request: Request, product: int) -> HttpResponse:
        """Staff: takes a product off sale. Orders keep it."""
        catalog.archive_product(product, now=now(), version=version_wanted(request))
        return HttpResponse(status=204)


def _answer(request: Request, product_id: int) -> HttpResponse:
    product = queries.product(caller(request).id, product_id)
    return reply_tagged(request, _shown([product])[0], version=product.version)


def _filter(asked: ListParameters) -> ProductFilter:
    ids = None if asked.ids is None else tuple(int(one) for one in asked.ids.split(","))
    return ProductFilter(
        words=tuple(asked.q.split()[:10]),
        category=asked.category,
        min_price=None if asked.min_price is None else Decimal(asked.min_price),
        max_price=None if asked.max_price is None else Decimal(asked.max_price),
        in_stock=asked.in_stock,
        ids=ids,
        ordering=asked.ordering,
    )


class Cursor(msgspec.Struct, array_like=True):
    """Where a page of products ended."""

    ordering: str
    value: str
    id: int


def _position(asked: ListParameters) -> Position | None:
    cursor = pagination.decode(asked.cursor, Cursor)
    if cursor is None:
        return None
    if cursor.ordering != asked.ordering:
        detail = "The cursor belongs to another ordering."
        raise InvalidInput([Fault("cursor", "invalid", detail)])
    return Position(cursor.value, cursor.id)


def _place(ordering: str) -> Any:
    column = ordering.removeprefix("-")
    return lambda product: (ordering, str(getattr(product, column)), product.id)


def _fields(body: shapes.ProductFields) -> dict[str, Any]:
    """The fields given, under the names of the model."""
    given = {name: getattr(body, name) for name in shapes.ProductFields.__struct_fields__}
    fields = {name: value for name, value in given.items() if value is not UNSET}
    if "price" in fields:
        fields["price"] = Decimal(fields["price"])
    if "category" in fields:
        fields["category_id"] = fields.pop("category")
    return fields


def _shown(products: Sequence[StockedProduct]) -> list[shapes.Product]:
    currency = settings.CURRENCY
    return [
        shapes.Product(
            id=one.id,
            public_id=one.public_id,
            sku=one.sku,
            name=one.name,
            description=one.description,
            category=one.category,
            price=money.text(one.price),
            currency=currency,
            quantity=one.quantity,
            unit=one.unit,
            barcode=one.barcode,
            image_url=one.image_url,
            min_quantity=one.min_quantity,
            max_per_order=one.max_per_order,
            step=one.step,
            updated_at=one.updated_at,
            version=one.version,
        )
        for one in products
    ]
