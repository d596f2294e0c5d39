"""Payment providers: how the events of each are verified and read.

A provider is one file with an `Adapter`. Its `read` is pure: it gets the bytes of an event whose
signature was checked, and returns what the event says, or None if it does not concern payments of
this shop.
"""

from collections.abc import Callable
from dataclasses import dataclass

from larder.core.errors import Invalid, Missing
from larder.orders.services.payments import Report


class ProviderOff(Missing):
    """This shop accepts no events of this payment provider. It has no secret of the provider."""

    code = "provider_off"


class SignatureInvalid(Invalid):
    """The signature of the event is missing, wrong or too old."""

    code = "signature_invalid"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A provider: its name in records, the header of the signature, the setting with the secrets,
    and the reader of an event. `read` raises MalformedJson and InvalidInput."""

    name: str
    header: str
    secrets: str
    read: Callable[[bytes], Report | None]
