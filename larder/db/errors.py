"""Errors of the database that Django does not have."""

from django.db import OperationalError


class CommitUnknown(OperationalError):
    """The commit was sent and its answer is lost: the transaction may be committed or not.

    `is_repeatable` says whether the same request can be repeated without a second effect. None
    means that it depends on the request alone.
    """

    is_repeatable: bool | None = None
