"""Products: the list, single products, and changes by staff."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType

from larder.catalog.fields import CODE, DECIMALS, FIELDS, INTERNAL, SHOWN
from larder.catalog.queries import internal_fields
from larder.catalog.search import words
from larder.catalog.services import products as catalog
from larder.core import money
from larder.core.clock import now
from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_SHORT_TEXT_LENGTH
from larder.core.money import PRICE_PATTERN
from larder.core.structs import with_fields
from larder.http import pagination
from larder.http.pagination import Links
from larder.http.preconditions import wants_none
from larder.identity.caller import Caller
from larder.inventory import queries
from larder.inventory.queries import Position, ProductFilter, StockedProduct
from larder.inventory.services import products
from larder.inventory.services.products import Author
from larder.orders.queries.carts import ordered_products
from larder.v1.bodies import each_fault
from larder.v1.http import Answer, PageParameters, claim, version_wanted
from larder.v1.operations import (
    CACHED,
    CREATING,
    ECHOED,
    KEYED,
    LOCATED,
    TAGGED,
    VERSIONED,
    Declaration,
)
from larder.v1.shapes import Id, Ids, Link, Money, Name, Price, Request, Sku, Time, Units

operation = partial(Declaration, tag="products")


@with_fields([(field.name, field.shown | UnsetType, UNSET) for field in INTERNAL], behind="version")
@with_fields([(field.name, field.shown) for field in SHOWN], behind="quantity")
class Product(msgspec.Struct):
    """A product; `quantity` is the number of units that can be ordered now. A line of an order has
    at least `min_quantity` and at most `max_per_order` of them (null: any number), in multiples of
    `step`. `unit` is what one of them is, such as bottle; `barcode` the code on the packing, such
    as a GTIN; `tax_rate` the percent of tax in the price, null if none is known.

    Fields that are not required are only in answers about one product, for staff who may view or
    change products: `shelf_place` in the warehouse, and the number of units from which on
    the shop is warned (`low_stock_threshold`, null: never)."""

    id: Id
    public_id: UUID
    sku: str
    name: str
    description: str
    category: Id | None
    price: Money
    currency: str
    net_price: Money | None
    quantity: int
    updated_at: Time
    version: int


class ProductPage(msgspec.Struct):
    """A page of products. `count` only if it was requested."""

    results: list[Product]
    next: Link | None
    count: int | UnsetType = UNSET


@with_fields([(field.name, field.written | UnsetType, UNSET) for field in FIELDS], behind="sku")
class ProductFields(Request):
    """The fields of a product that staff can change. Only given fields are changed."""

    sku: Sku | UnsetType = UNSET


class NewProduct(ProductFields, kw_only=True):
    """A new product; `quantity` is its opening stock."""

    sku: Sku
    name: Name
    price: Price
    quantity: Units = 0


class PutProduct(ProductFields, kw_only=True):
    """The whole product: missing fields get their defaults. `tax_rate`, and what staff alone see,
    is kept if it is missing. `quantity` is the opening stock of a new product, and is ignored for
    an existing one. `sku`, if sent, must be the one in the path."""

    name: Name
    price: Price
    quantity: Units = 0


Ordering = Annotated[
    Literal["id", "-id", "name", "-name", "price", "-price", "sku", "-sku"],
    Meta(description="With a minus: in descending order.", extra_json_schema={"type": "string"}),
]


Barcode = Annotated[str, CODE, Meta(min_length=1)]

SEARCHED = """Words in name or SKU, in upper or lower case, with or without accents; the first ten
different words count. A search with only words of one or two characters, which are not in the
index, is slower."""


OF_BARCODE = "Those of this barcode, with or without the zero that makes an EAN-13 of a UPC-A."


class ListParameters(PageParameters, kw_only=True):
    """The parameters of the product list."""

    q: Annotated[str, Meta(max_length=MAX_SHORT_TEXT_LENGTH, description=SEARCHED)] = ""
    category: Annotated[Id | None, Meta(description="Includes the categories below it.")] = None
    min_price: Annotated[Price | None, Meta(description="Of one unit, tax included.")] = None
    max_price: Annotated[Price | None, Meta(description="Of one unit, tax included.")] = None
    in_stock: Annotated[
        bool | None,
        Meta(description="true: only those of which the smallest order can be filled now."),
    ] = None
    ordered_before: Annotated[
        bool, Meta(description="true: only those in one of the caller's last 1,000 orders.")
    ] = False
    ids: Ids | None = None
    sku: Annotated[Sku | None, Meta(description="The one of this SKU, in any case of letters.")] = (
        None
    )
    barcode: Annotated[Barcode | None, Meta(description=OF_BARCODE)] = None
    ordering: Ordering = "id"
    count: Annotated[bool, Meta(description="Also returns the total number.")] = False


class ProductCursor(pagination.Cursor, array_like=True, tag="products"):
    """The last row of a page of products: the value that it is ordered by, and the id."""

    ordering: str
    value: Annotated[str, Meta(pattern=r"^[^\0]*\Z")]
    id: Id

    def fits(self, customer: int, parameters: Mapping[str, str]) -> bool:
        """Returns whether the list has this order, and the value is one of it."""
        is_price = re.fullmatch(PRICE_PATTERN, self.value) is not None
        same = self.ordering == parameters.get("ordering", "id")
        return same and (is_price or not self.ordering.endswith("price"))

    @property
    def position(self) -> Position:
        """The same for the query."""
        value = Decimal(self.value) if self.ordering.endswith("price") else self.value
        return Position(value, self.id)


PAGE = "larder.page"
"""The key of the environ for the function that reads a page, without the request."""


@operation(answers={200: ProductPage}, traits=[CACHED, ECHOED])
def list_products(
    request: HttpRequest, caller: Caller, query: ListParameters, cursor: ProductCursor | None
) -> ProductPage:
    """A page of the catalogue."""
    page = _page(caller.id, query, cursor, pagination.links(request))
    if not query.ordered_before:
        request.META[PAGE] = page
    return page()


def _page(
    customer: int, query: ListParameters, cursor: ProductCursor | None, links: Links
) -> Callable[[], ProductPage]:
    """Returns a function that reads the page. The event loop keeps it after the request."""
    filters, after = _filter(query, customer), cursor.position if cursor else None

    def page() -> ProductPage:
        part = queries.page(customer, filters, after=after, limit=query.rows)
        results, link = pagination.part(links, part, _cursor_of(query.ordering))
        count = queries.count_products(filters) if query.count else UNSET
        return ProductPage(shown(results), link, count)

    return page


@operation(
    answers={201: Product},
    problems=["sku_taken", "unknown_category"],
    traits=[KEYED, LOCATED, TAGGED],
    permissions=["catalog.add_product"],
    example={"sku": "LANTERN-1", "name": "Storm lantern", "price": "12.50", "quantity": 20},
)
def create_product(request: HttpRequest, caller: Caller, body: NewProduct) -> Answer:
    """Staff: creates a product with its opening stock."""
    fields = _fields(body)
    id, replayed = products.create_stocked_product(
        fields,
        quantity=body.quantity,
        author=Author(caller, now()),
        claim=claim(request, caller, money.with_texts(fields), body.quantity),
    )
    return Answer(_product(caller, int(id), archived=replayed), replayed)


@operation(answers={200: Product}, traits=[CACHED, ECHOED])
def get_product(caller: Caller, product: int) -> Product:
    """One product, with its current stock."""
    return _product(caller, product)


@operation(
    answers={200: Product},
    problems=["sku_taken", "unknown_category"],
    traits=[VERSIONED, TAGGED],
    permissions=["catalog.change_product"],
    example={"price": "11.90", "max_per_order": 10},
)
def change_product(
    caller: Caller, product: int, body: ProductFields, version: int | None
) -> Product:
    """Staff: changes the given fields of a product."""
    catalog.change_product(product, _fields(body), caller=caller, now=now(), version=version)
    return _product(caller, product)


@operation(
    answers={204: None},
    traits=[VERSIONED],
    permissions=["catalog.delete_product"],
)
def archive_product(caller: Caller, product: int, version: int | None) -> None:
    """Staff: archives a product, which is then no longer sold. Orders keep it."""
    catalog.archive_product(product, caller=caller, now=now(), version=version)


@operation(
    answers={200: Product, 201: Product},
    problems=["sku_taken", "unknown_category"],
    traits=[VERSIONED, CREATING, LOCATED, TAGGED],
    permissions=["catalog.add_product", "catalog.change_product"],
    example={"name": "Lamp oil", "price": "4.20", "unit": "bottle", "quantity": 12},
)
def put_product(request: HttpRequest, caller: Caller, sku: str, body: PutProduct) -> Answer:
    """Staff: creates the product with this SKU, or replaces all of it except its stock."""
    sku_faults = list(each_fault(sku, Sku, "sku"))
    if body.sku not in {UNSET, sku}:
        sku_faults.append(Fault("/sku", "not_of_the_path", "The SKU must be the one in the path."))
    if sku_faults:
        raise InvalidInput(sku_faults)
    fields = _fields(body)
    fields.pop("sku", None)
    product, is_new = products.put_product(
        sku,
        fields,
        quantity=body.quantity,
        author=Author(caller, now()),
        expected=_expected(request),
    )
    answer, status = _product(caller, product), 201 if is_new else 200
    return Answer(answer, status=status, location=f"/api/v1/products/{product}")


def _expected(request: HttpRequest) -> int | products.Expected:
    """Returns what `If-Match` and `If-None-Match: *` say. Both headers together never match."""
    if wants_none(request):
        has_both = "HTTP_IF_MATCH" in request.META
        return products.Expected.NEVER if has_both else products.Expected.ABSENT
    version = version_wanted(request)
    return products.Expected.ANY if version is None else version


def _product(caller: Caller, id: int, *, archived: bool = False) -> Product:
    """Returns the product as the API shows it, for staff with its internal fields."""
    product = queries.product(caller.id, id, archived=archived)
    if caller.may("catalog.view_product") or caller.may("catalog.change_product"):
        return for_staff(product)
    (answer,) = shown([product])
    return answer


def for_staff(product: StockedProduct) -> Product:
    """Returns the product with its internal fields."""
    (answer,) = shown([product])
    for name, value in internal_fields(product.id).items():
        setattr(answer, name, value)
    return answer


def _filter(query: ListParameters, customer: int) -> ProductFilter:
    ids = None if query.ids is None else {int(text) for text in query.ids.split(",")}
    if query.ordered_before:
        ordered = ordered_products(customer)
        ids = ordered if ids is None else ordered & ids
    return ProductFilter(
        words=words(query.q),
        category=query.category,
        min_price=None if query.min_price is None else Decimal(query.min_price),
        max_price=None if query.max_price is None else Decimal(query.max_price),
        in_stock=query.in_stock,
        ids=None if ids is None else tuple(ids),
        sku=query.sku,
        barcode=query.barcode,
        ordering=query.ordering,
    )


def _cursor_of(ordering: str) -> Callable[[StockedProduct], ProductCursor]:
    column = ordering.removeprefix("-")
    return lambda product: ProductCursor(ordering, str(getattr(product, column)), product.id)


def _fields(body: ProductFields) -> dict[str, Any]:
    """Returns the given fields, by their names in the model."""
    values = [(field, getattr(body, field.name)) for field in FIELDS]
    return {
        field.column: Decimal(value) if field.kind in DECIMALS and value is not None else value
        for field, value in values
        if value is not UNSET
    }


_STORED = StockedProduct.__struct_fields__
_PRICE, _RATE = _STORED.index("price"), _STORED.index("tax_rate")
_values = attrgetter(*_STORED)
_made: Callable[..., Product] = Product


def shown(products: Sequence[StockedProduct]) -> list[Product]:
    """Returns products as the API shows them: the price as text, followed by the currency and the
    net price."""
    currency = settings.CURRENCY
    return [_shown(row, currency) for row in map(_values, products)]


def _shown(row: Sequence[Any], currency: str) -> Product:
    price, rate = row[_PRICE], row[_RATE]
    return _made(
        *row[:_PRICE],
        money.text(price),
        currency,
        money.text_or_none(money.net(price, rate)),
        *row[_PRICE + 1 : _RATE],
        money.text_or_none(rate),
        *row[_RATE + 1 :],
    )
