"""Payment providers: how the events of each are verified and read.

A provider is one file with an `Adapter`. Its `read` is pure: it gets the bytes of an event whose
signature was checked, and returns what the event says, or None if it does not concern payments of
this shop.
"""

from collections.abc import Callable
from dataclasses import dataclass

from larder.core.errors import DomainError
from larder.orders.services.payments import Report


class ProviderOff(DomainError):
    """The shop has no secret of the provider, so it accepts none of its events."""

    code = "provider_off"


class SignatureInvalid(DomainError):
    """The signature is missing, is of another body or secret, or is too old."""

    code = "signature_invalid"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A provider: its name in records, the header of the signature, the setting with the secrets,
    and the reader of an event. `read` raises MalformedJson and InvalidInput."""

    name: str
    header: str
    secrets: str
    read: Callable[[bytes], Report | None]
