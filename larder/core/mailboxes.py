"""Email addresses, by email-validator: one spelling for each mailbox.

A domain with letters beyond ASCII has two forms (IDNA): `a@xn--mnchen-3ya.de` and `a@münchen.de`
are one mailbox. So are `a@example.com`, `a@EXAMPLE.com` and `a@example.com.`, with the dot of a
complete domain.
"""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from larder.core.limits import MAX_EMAIL_LENGTH

_LAST_DOT = re.compile("[.\u3002\uff0e\uff61]\\Z")
"""What IDNA reads as the dot of a complete domain (RFC 3490, section 3.1)."""


@lru_cache(256)
def _parsed(address: str) -> ValidatedEmail | None:
    """Returns the address in its parts; None if no mailbox can have it.

    One that is too long is refused before anything of it is converted. Cached, because several
    steps of a request ask for the same address.
    """
    if len(address) > MAX_EMAIL_LENGTH + 1:
        return None
    try:
        return validate_email(
            _LAST_DOT.sub("", address), check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError:
        return None


def canonical(address: str) -> str:
    """Returns the one spelling of an address; unchanged if no mailbox can have it.

    >>> canonical("a@xn--mnchen-3ya.de"), canonical("a@MÜNCHEN.de"), canonical("A@Example.com.")
    ('a@münchen.de', 'a@münchen.de', 'A@example.com')
    """
    parsed = _parsed(address)
    return address if parsed is None else parsed.normalized


def sent_to(address: str) -> str:
    """Returns the address as a mail server takes it; empty if it is none, or needs a server that
    takes letters beyond ASCII before the `@`.

    >>> sent_to("a@münchen.de"), sent_to("ä@example.com"), sent_to("a(b)@example.com")
    ('a@xn--mnchen-3ya.de', '', '')
    """
    parsed = _parsed(address)
    return "" if parsed is None else parsed.ascii_email or ""


def is_malformed(address: str) -> bool:
    """Returns whether no mailbox can have this address.

    >>> [is_malformed(f"a@{domain}.de") for domain in ("münchen", "xn--mnchen-3ya", "xn--9")]
    [False, False, True]
    >>> [is_malformed(address) for address in ("", "a.b@c.de", ".a@c.de", "a..b@c.de", "a@c..de")]
    [False, False, True, True, True]
    """
    return bool(address) and _parsed(address) is None
