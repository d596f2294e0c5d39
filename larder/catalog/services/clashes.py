"""Names the faults that the database finds in a product or a category."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.translation import gettext, gettext_noop

from larder.catalog.errors import UnknownCategory
from larder.catalog.models import Category, Product
from larder.catalog.queries import ids_by_sku
from larder.core.errors import AlreadyTaken, DomainError, Fault, InvalidInput, together
from larder.db.constraints import refusing_taken, violated

BROKEN_RULE = {
    "product_rules": (
        "max_per_order",
        gettext_noop("max_per_order must not be less than min_quantity."),
    ),
    "product_step": (
        "step",
        gettext_noop("No multiple of step lies between min_quantity and max_per_order."),
    ),
}
"""The field at which each constraint has its fault, and the detail: no quantity is allowed."""


def _broken(constraint: str) -> InvalidInput:
    field, detail = BROKEN_RULE[constraint]
    return InvalidInput([Fault(f"/{field}", "out_of_range", gettext(detail))])


@contextmanager
def clashes_named(*, durable: bool = False) -> Iterator[None]:
    """Turns a violation of a constraint into a DomainError. Checks deferred foreign keys too.

    With `durable` the block is the whole transaction; otherwise it may be within another.
    """
    try:
        with refusing_taken(), transaction.atomic(durable=durable):
            yield
            connection.check_constraints()
    except IntegrityError as error:
        raise _clash(error) from error


def _clash(error: IntegrityError) -> Exception:
    constraint = violated(error)
    if constraint in BROKEN_RULE:
        return _broken(constraint)
    field = next((field for field in ("parent", "category") if field in constraint), None)
    return error if field is None else UnknownCategory(field)


@contextmanager
def all_clashes_named(fields: Mapping[str, Any], product: int | None = None) -> Iterator[None]:
    """Does what `clashes_named` does for new values of a product (None: a new one), and adds the
    clashes that the database did not report: it reports the first only."""
    try:
        with clashes_named():
            yield
    except (AlreadyTaken, UnknownCategory, InvalidInput) as first:
        others = [clash for clash in _clashes(fields, product) if clash != first]
        raise together([first, *others]) from first


def _clashes(fields: Mapping[str, Any], product: int | None) -> Iterator[DomainError]:
    rules = {"min_quantity": 1, "max_per_order": None, "step": 1}
    present = Product.objects.filter(Q(id=product)).values(*rules).first() or rules
    if broken := broken_rule(**{name: fields.get(name, present[name]) for name in rules}):
        yield _broken(broken)
    if "sku" in fields and set(ids_by_sku([fields["sku"]]).values()) - {product}:
        yield AlreadyTaken("sku")
    category = fields.get("category_id")
    if category is not None and not Category.objects.filter(id=category).exists():
        yield UnknownCategory("category")


def broken_rule(*, min_quantity: int, max_per_order: int | None, step: int) -> str:
    """Returns the constraint that these rules violate, first `product_rules`; empty without one."""
    if max_per_order is None:
        return ""
    if max_per_order < min_quantity:
        return "product_rules"
    return "product_step" if max_per_order // step * step < min_quantity else ""
