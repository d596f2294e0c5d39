"""Rows with a version: written or deleted only in the version that the client has read."""

from typing import Any, NoReturn

from django.db.models import F, QuerySet

from larder.core.errors import NotFound, StaleVersion


def update(rows: QuerySet[Any], version: int | None, **columns: object) -> None:
    """Writes to the one row and counts its version up; with `version` only if that is the present
    one, in one statement. Raises NotFound, StaleVersion."""
    if not _at(rows, version).update(**columns, version=F("version") + 1):
        _explain_miss(rows, version)


def delete(rows: QuerySet[Any], version: int | None) -> None:
    """Deletes the one row; with `version` only if that is the present one. Raises NotFound,
    StaleVersion."""
    if not _at(rows, version).delete()[0]:
        _explain_miss(rows, version)


def _at(rows: QuerySet[Any], version: int | None) -> QuerySet[Any]:
    return rows if version is None else rows.filter(version=version)


def _explain_miss(rows: QuerySet[Any], version: int | None) -> NoReturn:
    """Nothing was written: because the row is gone, or because it has another version."""
    present = rows.values_list("version", flat=True).first()
    if version is None or present is None:
        raise NotFound
    raise StaleVersion(present)
