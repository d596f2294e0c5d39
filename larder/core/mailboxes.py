"""Email addresses that spell the mailbox they reach.

A domain with letters beyond ASCII has two forms (IDNA): `a@xn--mnchen-3ya.de` and `a@münchen.de`
are one mailbox. So are `a@example.com` and `a@example.com.`, with the dot of a complete domain.
"""

import re
import unicodedata

_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(\.{_ATOM})*", re.ASCII)
_DOTS = re.compile("[\u3002\uff0e\uff61]")
"""The dots that IDNA reads as a dot (RFC 3490, section 3.1)."""
_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*")


def is_mailbox(address: str) -> bool:
    """Returns whether a mail to this address goes to the mailbox that the address spells.

    In a mail, comments, quotes and names are left out (RFC 5322), and characters of a domain become
    others (IDNA). So many addresses could reach one mailbox, each with separate limits.

    >>> [is_mailbox(f"ada{one}") for one in ("@example.com", "(1)@example.com", "@ｅxample.com")]
    [True, False, False]
    """
    local_part, _, domain = address.rpartition("@")
    if not (_LOCAL_PART.fullmatch(local_part) and _DOMAIN.fullmatch(domain)):
        return False
    try:
        sent = domain.lower().encode("idna")
        return domain.lower() in {sent.decode("ascii"), sent.decode("idna")}
    except UnicodeError:
        return False


def canonical(address: str) -> str:
    """Returns the one spelling of an address whose domain has letters or dots beyond ASCII, or ends
    in a dot. Returns all others unchanged, also those for which mails would reach another domain.

    >>> canonical("a@xn--mnchen-3ya.de"), canonical("a@MÜNCHEN.de"), canonical("A@Example.com")
    ('a@münchen.de', 'a@münchen.de', 'A@Example.com')
    """
    local_part, at, domain = address.rpartition("@")
    if not at:
        return address
    if _DOTS.search(domain):
        domain = _DOTS.sub(".", domain)
        address = f"{local_part}@{domain}"
    if domain.endswith(".") and not domain.endswith(".."):
        domain = domain.removesuffix(".")
        address = f"{local_part}@{domain}"
    lowered = domain.lower()
    if not _is_international(lowered):
        return address
    try:
        shown = lowered.encode("idna").decode("idna")
    except UnicodeError:
        return address
    is_same = lowered.isascii() or unicodedata.normalize("NFC", lowered) == shown
    return f"{local_part}@{shown}" if is_same else address


def spellings(address: str) -> set[str]:
    """Returns the address and the forms of its domain, as they may be stored: those with a dot at
    the end too."""
    one = canonical(address)
    local_part, at, domain = one.rpartition("@")
    try:
        is_international = at and _is_international(domain) and is_mailbox(one)
        sent = domain.encode("idna").decode("ascii") if is_international else domain
    except UnicodeError:
        sent = domain
    dot = "." if at else ""
    forms = {one, f"{local_part}{at}{sent}"}
    return {address, *forms, *(f"{form}{dot}" for form in forms)}


def is_malformed(address: str) -> bool:
    """Returns whether no mailbox can have this address: dots separate nothing, or the domain has
    letters beyond ASCII, and no server can have it. Assumes the canonical address.

    >>> [is_malformed(f"a@{one}.de") for one in ("münchen", "xn--mnchen-3ya", "xn--9", "ü" * 64)]
    [False, False, True, True]
    >>> [is_malformed(one) for one in ("a.b@c.de", ".a@c.de", "a.@c.de", "a..b@c.de", "a@c..de")]
    [False, True, True, True, True]
    """
    local_part, at, domain = address.lower().rpartition("@")
    atoms = [] if '"' in local_part else local_part.split(".")
    if at and not all([*atoms, *domain.split(".")]):
        return True
    try:
        if _is_international(domain):
            domain.encode("idna")
        for label in domain.split("."):
            if label.startswith("xn--"):
                label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return True
    return False


def _is_international(domain: str) -> bool:
    return not domain.isascii() or any(one.startswith("xn--") for one in domain.split("."))
