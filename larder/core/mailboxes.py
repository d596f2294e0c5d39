"""Email addresses that spell the mailbox they reach."""

import re

_LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+", re.ASCII)
_DOMAIN = re.compile(r"[\w.-]+")


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
