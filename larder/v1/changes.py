"""The change feeds, by which an app updates its offline copy."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from larder.core.limits import MAX_ID
from larder.db.feed import Mark
from larder.http import pagination
from larder.identity.caller import Caller
from larder.inventory.changes import product_changes
from larder.orders.queries import HistoryPosition
from larder.orders.queries.changes import OrderProgress, order_changes
from larder.v1.operations import CACHED, operation
from larder.v1.order_shapes import Order
from larder.v1.order_shapes import shown as shown_order
from larder.v1.products import Product, shown
from larder.v1.shapes import Id, Time

MAX_CHANGED_PRODUCTS = 500
"""Rows of the product feed, or products of a full copy, in one answer."""

MAX_CHANGED_ORDERS = 100
"""Events, or orders of a full copy, in one answer: an order has up to MAX_LINES lines."""

MAX_EPOCH_LENGTH = 100

MAX_SINCE_LENGTH = 1_000
"""The `since` of a request for changes: those that a server creates are shorter."""

Since = Annotated[
    str,
    Meta(
        max_length=MAX_SINCE_LENGTH,
        description="The `since` of the previous answer; empty for a full copy.",
    ),
]


class RemovedProduct(msgspec.Struct):
    """A product that is no longer on sale."""

    id: Id
    deleted: bool


class ProductChanges(msgspec.Struct):
    """The changes: products and removals in `results`, or, with `split`, apart in `products` and
    `deleted`. `more`: there are more changes, so send the next request at once."""

    REFERS_TO: ClassVar[tuple[type[msgspec.Struct], ...]] = (Product, RemovedProduct)

    results: list[
        Annotated[
            Any,
            Meta(
                extra_json_schema={
                    "anyOf": [
                        {"$ref": f"#/components/schemas/{kind.__name__}"}
                        for kind in (Product, RemovedProduct)
                    ]
                }
            ),
        ]
    ]
    since: str
    more: bool
    products: list[Product] | UnsetType = UNSET
    deleted: Annotated[
        list[Id] | UnsetType,
        Meta(description="With `split`: the ids of products that are no longer on sale."),
    ] = UNSET


class OrderChanges(msgspec.Struct):
    """The current state of the changed orders, with at most 5,000 lines.
    `more`: there are more changes, so send the next request at once."""

    results: list[Order]
    since: str
    more: bool


Count = Annotated[int, Meta(ge=0, le=MAX_ID)]
Epoch = Annotated[str, Meta(max_length=MAX_EPOCH_LENGTH, pattern=r"^[^\0]*\Z")]


class _Changes(msgspec.Struct):
    """The state of the client's copy."""

    since: Since = ""


class ProductChangesParameters(_Changes):
    """The state of the client's copy, how many changes to return, and the form of the answer."""

    limit: Annotated[int, Meta(ge=1, description=f"Changes, at most {MAX_CHANGED_PRODUCTS}.")] = (
        MAX_CHANGED_PRODUCTS
    )
    split: Annotated[
        bool,
        Meta(
            description="`true`: the changes are in `products` and `deleted`, each of one type, "
            "and `results` is empty. For clients that are generated from this document."
        ),
    ] = False


class OrderChangesParameters(_Changes):
    """The state of the client's copy, and how many orders to return at most."""

    limit: Annotated[int, Meta(ge=1, description=f"Orders, at most {MAX_CHANGED_ORDERS}.")] = (
        MAX_CHANGED_ORDERS
    )


class ProductToken(pagination.Cursor, array_like=True, tag="product-changes"):
    """The state of a copy of the catalogue."""

    epoch: Epoch
    transaction_id: Count
    number: Count
    copied: Count | None


class OrderToken(pagination.Cursor, array_like=True, tag="order-changes"):
    """The state of a copy of a customer's orders."""

    customer: Id
    epoch: Epoch
    transaction_id: Count
    number: Count
    copied: tuple[Time, UUID] | None

    def fits(self, customer: int, parameters: Mapping[str, str]) -> bool:
        """Returns whether the orders are the customer's."""
        return self.customer == customer


@operation(
    tag="products",
    answers={200: ProductChanges},
    problems=["since_expired"],
    traits=[CACHED],
)
def list_product_changes(
    caller: Caller, query: ProductChangesParameters, since: ProductToken | None
) -> ProductChanges:
    """The changes in the catalogue since the previous answer; without `since` all products."""
    mark = Mark(since.epoch, since.transaction_id, since.number) if since else None
    limit, copied = min(query.limit, MAX_CHANGED_PRODUCTS), since.copied if since else None
    changes = product_changes(caller.id, mark, copied, limit=limit)
    reached = pagination.encode(ProductToken(*changes.mark, changes.copied))
    products = list(shown(changes.products))
    if query.split:
        return ProductChanges([], reached, changes.more, products, list(changes.gone))
    removed = [RemovedProduct(id, deleted=True) for id in changes.gone]
    return ProductChanges([*products, *removed], reached, changes.more)


@operation(
    tag="orders",
    key_permission="orders.view_order",
    answers={200: OrderChanges},
    problems=["since_expired"],
    traits=[CACHED],
)
def list_order_changes(
    caller: Caller, query: OrderChangesParameters, since: OrderToken | None
) -> OrderChanges:
    """The customer's orders that changed since the previous answer; without `since` all orders."""
    before = None
    if since is not None:
        mark = Mark(since.epoch, since.transaction_id, since.number)
        before = OrderProgress(mark, HistoryPosition(*since.copied) if since.copied else None)
    changes = order_changes(caller.id, before, limit=min(query.limit, MAX_CHANGED_ORDERS))
    last = changes.progress.copied
    copied = (last.placed_at, last.id) if last else None
    reached = pagination.encode(OrderToken(caller.id, *changes.progress.mark, copied))
    return OrderChanges([shown_order(order) for order in changes.orders], reached, changes.more)
