"""The answers of `changes`: what a copy on a phone is kept up to date with."""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from larder.core.limits import MAX_SINCE_LENGTH
from larder.v1.shapes import Id, Order, Product

Since = Annotated[
    str,
    Meta(
        max_length=MAX_SINCE_LENGTH,
        description="The `since` of the answer before; empty for a full copy.",
    ),
]


class RemovedProduct(msgspec.Struct):
    """A product that is no longer on sale."""

    id: Id
    deleted: Annotated[bool, Meta(extra_json_schema={"const": True})]


class ProductChanges(msgspec.Struct):
    """What changed. `more`: ask again at once, there is more already."""

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


class OrderChanges(msgspec.Struct):
    """Orders that changed, as they stand, with at most 5,000 lines. `more`: ask again at once,
    there is more already."""

    results: list[Order]
    since: str
    more: bool
