"""The one Unicode form in which passwords are hashed and compared."""

import unicodedata


def normal_form(password: str) -> str:
    """Returns Unicode normalization form KC: keyboards make different forms of the same text.

    >>> normal_form("cafe\u0301") == normal_form("caf\u00e9")
    True
    """
    return unicodedata.normalize("NFKC", password)
