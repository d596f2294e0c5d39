"""Turns conflicts with unique constraints into errors for clients.

The constraint decides. But PostgreSQL logs a failed statement, in some configurations with its
values: so an insert ignores the conflict, and an update of personal data looks the value up first.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import IntegrityError, models

from larder.core.errors import AlreadyTaken

FIELDS: Mapping[str, str] = {
    "auth_group_name_key": "name",
    "customer_email_unique": "email",
    "customer_username_unique": "username",
    "product_sku_key": "sku",
    "product_sku_unique": "sku",
}
"""Every unique constraint that a client's value can violate, and the field of the value.
tests/architecture/test_unique_constraints.py says why no value violates the others."""


def violated(error: IntegrityError) -> str:
    """Returns the name of the violated constraint; empty if the server sent none."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


def insert_unless_taken(row: models.Model, *, using: str | None = None) -> bool:
    """Inserts a row and sets what the database chose of it, such as its key.

    Returns False, without an error of the database, if its values conflict with another row. Waits
    for a concurrent transaction with the same values.
    Assumes that the model has a random `public_id`.
    """
    rows = type(row)._base_manager.db_manager(using)
    rows.bulk_create([row], ignore_conflicts=True)
    names = [field.attname for field in row._meta.db_returning_fields]
    mine = rows.filter(public_id=getattr(row, "public_id"))  # noqa: B009
    written = mine.values_list(*names).first()
    for name, value in zip(names, written or (), strict=False):
        setattr(row, name, value)
    row._state.adding, row._state.db = written is None, rows.db
    return written is not None


@contextmanager
def refusing_taken() -> Iterator[None]:
    """Raises AlreadyTaken if the block violates one of FIELDS."""
    try:
        yield
    except IntegrityError as error:
        field = FIELDS.get(violated(error))
        if field is None:
            raise
        raise AlreadyTaken(field) from error
