"""Writes and deletes rows only in the version that the client has read."""

from typing import Any, NoReturn

from django.db.models import F, QuerySet

from larder.core.errors import NotFound, StaleVersion


def update(rows: QuerySet[Any], version: int | None, **columns: object) -> None:
    """Writes to the one row and increments its version, in one statement. With `version`, only if
    the row has this version. Raises NotFound, StaleVersion."""
    if not _at(rows, version).update(**columns, version=F("version") + 1):
        _explain_miss(rows, version)


def require(rows: QuerySet[Any], version: int | None) -> None:
    """Raises what `update` would raise for the one row now: NotFound, StaleVersion."""
    if not _at(rows, version).exists():
        _explain_miss(rows, version)


def lock(rows: QuerySet[Any], version: int | None) -> None:
    """Locks the one row until the transaction ends; with `version`, only if the row has this
    version. Call it before a deletion: Django may delete a row that it has read, whatever its
    version is by then. Raises NotFound, StaleVersion."""
    if not _at(rows, version).select_for_update().values_list("pk"):
        _explain_miss(rows, version)


def _at(rows: QuerySet[Any], version: int | None) -> QuerySet[Any]:
    return rows if version is None else rows.filter(version=version)


def _explain_miss(rows: QuerySet[Any], version: int | None) -> NoReturn:
    present = rows.values_list("version", flat=True).first()
    if version is None or present is None:
        raise NotFound
    raise StaleVersion(present)
