"""Turns violations of unique constraints into errors for clients.

A value is never looked up first: another transaction could take it before this one writes. The
write fails, and its error becomes the refusal.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import IntegrityError

from larder.core.errors import AlreadyTaken

FIELDS: Mapping[str, str] = {
    "auth_group_name_key": "name",
    "customer_email_unique": "email",
    "customer_username_unique": "username",
    "product_sku_key": "sku",
}
"""Every unique constraint that a client's value can violate, and the field of the value.
tests/architecture/test_unique_constraints.py says why no value violates the others."""


def violated(error: IntegrityError) -> str:
    """Returns the name of the violated constraint; empty if the server sent none."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


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
