"""Reads of the addresses of customers."""

from dataclasses import dataclass
from uuid import UUID

from larder.core.errors import NotFound
from larder.identity.models import Address


@dataclass(frozen=True, slots=True)
class AddressRow:
    """One of a customer's addresses."""

    id: UUID
    label: str
    name: str
    company: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str
    version: int


_ADDRESS = tuple(AddressRow.__slots__)


ADDRESS_FIELDS = _ADDRESS[1:-1]
"""The fields of an address that its owner writes: the label, and those of an order's `ship_to`."""


SHIP_TO_FIELDS = ADDRESS_FIELDS[1:]
"""The fields of the address of an order."""


PARCEL_FIELDS = SHIP_TO_FIELDS[:-1]
"""Those that are written on a parcel: without the phone number."""


def addresses(customer: int, *, after: UUID | None, limit: int) -> list[AddressRow]:
    """Returns up to `limit` addresses of a customer by id, which is the order of creation."""
    found = Address.objects.filter(customer=customer).order_by("id")
    rows = found if after is None else found.filter(id__gt=after)
    return [AddressRow(*row) for row in rows.values_list(*_ADDRESS)[:limit]]


def address(customer: int, address_id: UUID) -> AddressRow:
    """Returns an address of this customer. Raises NotFound."""
    found = Address.objects.filter(customer=customer, id=address_id)
    row = found.values_list(*_ADDRESS).first()
    if row is None:
        raise NotFound
    return AddressRow(*row)
