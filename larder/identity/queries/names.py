"""Finds the account of a name that a log-in gives."""

from larder.core.limits import MAX_USERNAME_LENGTH
from larder.db import database
from larder.identity import sql
from larder.identity.models import Customer


def account_named(username: str) -> tuple[str | None, int | None, bool]:
    """Returns the folded username, the id of the account with it,
    None where there is none, or can be none, and whether this is one of staff."""
    try:
        username.encode()
    except UnicodeEncodeError:
        return None, None, False
    normal = "" if len(username) > MAX_USERNAME_LENGTH else Customer.normalize_username(username)
    if not normal or "\0" in normal:
        return None, None, False
    ((folded, id, is_staff),) = database.rows(sql.ACCOUNT_NAMED, [normal])
    return folded, id, bool(is_staff)
