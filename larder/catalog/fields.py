"""The product fields that staff write, each declared once: for statements, files, services, v1 and
the admin. Defaults are those of the model. How to add a field: docs/extend.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from django.utils.translation import gettext_noop
from msgspec import Meta

from larder.core.limits import (
    MAX_CODE_LENGTH,
    MAX_DESCRIPTION_LENGTH,
    MAX_ID,
    MAX_NAME_LENGTH,
    MAX_SKU_LENGTH,
    MAX_STOCK,
    MAX_UNIT_NAME_LENGTH,
    MAX_UNITS,
    MAX_WEB_ADDRESS_LENGTH,
)
from larder.core.money import PRICE_PATTERN, TAX_RATE_PATTERN


class Kind(Enum):
    """The type of a field's values. A rate is percent, a reference the id of another row."""

    TEXT = "text"
    WHOLE = "whole"
    AMOUNT = "amount"
    RATE = "rate"
    REFERENCE = "reference"

    @property
    def json(self) -> Any:
        """The type in JSON."""
        return int if self in {Kind.WHOLE, Kind.REFERENCE} else str


TEXT, WHOLE, AMOUNT, RATE, REFERENCE = Kind
DECIMALS = (AMOUNT, RATE)
"""The kinds whose values are texts in JSON, and Decimal in the code."""

RULES_OF_A_LINE = gettext_noop("What an order line may hold")
IN_THE_WAREHOUSE = gettext_noop("In the warehouse")
PICTURE = gettext_noop("Picture")


@dataclass(frozen=True, slots=True)
class ProductField:
    """A field, with its name in the model, in JSON and in files. `rules` apply to bodies, to cells
    of files and to the admin's form: the maximum length of a text, both limits of a number."""

    name: str
    kind: Kind
    rules: Meta
    is_required: bool = False
    is_nullable: bool = False
    section: str | None = None
    """The section of the admin's form. The first one has no title."""

    @property
    def is_internal(self) -> bool:
        """Whether only staff see it. Lists and feeds of v1 do not contain it, and replacing a
        product keeps it unless it is given: the body is often made from an answer without it."""
        return self.section == IN_THE_WAREHOUSE

    @property
    def column(self) -> str:
        return f"{self.name}_id" if self.kind is REFERENCE else self.name

    @property
    def shown(self) -> Any:
        """The type in answers."""
        return self.kind.json | None if self.is_nullable else self.kind.json

    @property
    def written(self) -> Any:
        """The type in bodies."""
        type: Any = Annotated[self.kind.json, self.rules]
        return type | None if self.is_nullable else type


VISIBLE: Mapping[str, Any] = {
    "pattern": r"\S",
    "extra": {"form": gettext_noop("Expected more than spaces.")},
}
TRIMMED: Mapping[str, Any] = {
    "pattern": r"^\S(.*\S)?\Z",
    "extra": {"form": gettext_noop("Expected one line of text without spaces at its ends.")},
}
SKU = Meta(min_length=1, max_length=MAX_SKU_LENGTH, **TRIMMED)
NAME = Meta(min_length=1, max_length=MAX_NAME_LENGTH, **VISIBLE)
PRICE = Meta(
    pattern=PRICE_PATTERN,
    description="Of one unit, tax included, in the currency.",
    extra={"form": gettext_noop("Expected an amount with at most three decimals, such as 2.55.")},
)
TAX_RATE = Meta(
    pattern=TAX_RATE_PATTERN,
    extra={
        "form": gettext_noop(
            "Expected percent from 0 to 100 with at most two decimals, such as 20.00."
        )
    },
)
_WEB_ADDRESS = Meta(
    max_length=MAX_WEB_ADDRESS_LENGTH,
    pattern=r"^\Z|^https?://\S+\Z",
    extra={"form": gettext_noop("Expected an http or https address, or an empty text.")},
)
_ID = Meta(ge=1, le=MAX_ID, extra_json_schema={"format": "int64"})
_UNITS = Meta(ge=1, le=MAX_UNITS)
_STOCK = Meta(ge=0, le=MAX_STOCK)
CODE = Meta(max_length=MAX_CODE_LENGTH)

FIELDS = (
    ProductField("sku", TEXT, SKU, is_required=True),
    ProductField("name", TEXT, NAME, is_required=True),
    ProductField("description", TEXT, Meta(max_length=MAX_DESCRIPTION_LENGTH)),
    ProductField("category", REFERENCE, _ID, is_nullable=True),
    ProductField("price", AMOUNT, PRICE, is_required=True),
    ProductField("unit", TEXT, Meta(max_length=MAX_UNIT_NAME_LENGTH)),
    ProductField("barcode", TEXT, CODE),
    ProductField("image_url", TEXT, _WEB_ADDRESS, section=PICTURE),
    ProductField("min_quantity", WHOLE, _UNITS, section=RULES_OF_A_LINE),
    ProductField("max_per_order", WHOLE, _UNITS, is_nullable=True, section=RULES_OF_A_LINE),
    ProductField("step", WHOLE, _UNITS, section=RULES_OF_A_LINE),
    ProductField("tax_rate", RATE, TAX_RATE, is_nullable=True),
    ProductField("shelf_place", TEXT, CODE, section=IN_THE_WAREHOUSE),
    ProductField("low_stock_threshold", WHOLE, _STOCK, is_nullable=True, section=IN_THE_WAREHOUSE),
)
"""The fields in the order of bodies and answers. Add a new field at the end."""

IN_FILES = sorted(FIELDS, key=lambda field: not field.is_required)
"""The fields in the order of a file's columns."""

REQUIRED = tuple(field.name for field in IN_FILES if field.is_required)
"""The columns that a file needs to add products. One of existing products needs only the SKU."""

SHOWN = [field for field in FIELDS if not field.is_internal]
"""The fields that customers see."""

INTERNAL = [field for field in FIELDS if field.is_internal]

COLUMNS = {field.name: field.column for field in FIELDS}
"""The column of the table for each field."""
