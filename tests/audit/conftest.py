"""Reads the audit trail in tests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from larder.identity.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Trail:
    """Reads the entries that were written since it was made."""

    since: int

    def __call__(self, object: str = "") -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
        """Returns channel, action, before and after of each entry, of one object or of all."""
        rows = AuditEntry.objects.filter(id__gt=self.since).order_by("id")
        entries = rows.filter(object=object) if object else rows
        return list(entries.values_list("channel", "action", "before", "after"))

    def objects(self) -> list[str]:
        """Returns the objects of the entries."""
        rows = AuditEntry.objects.filter(id__gt=self.since).order_by("id")
        return list(rows.values_list("object", flat=True))


@pytest.fixture
def trail(db: None) -> Trail:
    """`trail("product:12")`: what was recorded of it in this test."""
    last = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first()
    return Trail(last or 0)


MakeProduct = Callable[..., int]
