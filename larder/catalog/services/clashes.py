"""Names the faults that the database finds in a product or a category."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, OperationalError, connection, transaction

from larder.catalog.errors import UnknownCategory
from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_NAME_BYTES, MAX_NAME_LENGTH
from larder.db import database
from larder.db.constraints import refusing_taken, violated

MOST_BELOW_LEAST = "max_per_order must not be less than min_quantity."


STEP_MISSES = "No multiple of step lies between min_quantity and max_per_order."
"""The faults of rules that allow no quantity at all."""


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
    except OperationalError as error:
        raise _over_limit(error) from error


def _clash(error: IntegrityError) -> Exception:
    constraint = violated(error)
    if constraint == "product_rules":
        return InvalidInput([Fault("/max_per_order", "out_of_range", MOST_BELOW_LEAST)])
    if constraint == "product_step":
        return InvalidInput([Fault("/step", "out_of_range", STEP_MISSES)])
    field = next((one for one in ("parent", "category") if one in constraint), None)
    return error if field is None else UnknownCategory(field)


def _over_limit(error: OperationalError) -> Exception:
    """Returns the error for a name with too many bytes for PostgreSQL's index."""
    if database.sqlstate(error) != "54000":
        return error
    always, mostly_latin = MAX_NAME_BYTES // 4, MAX_NAME_LENGTH
    fit = f"{always} characters always fit, {mostly_latin:,} if most are Latin"
    detail = f"Too long in bytes: {fit}."
    return InvalidInput([Fault("/name", "too_long", detail)])
