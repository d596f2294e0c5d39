"""Whole months of the audit trail are removed by the owner, and by no other role."""

import os
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from larder.identity.models import AuditEntry

OLD, NEW = "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"


@pytest.fixture
def entries(transactional_db: None) -> None:
    """An entry of the end of a month, and one of the beginning of the next."""
    for at in (OLD, NEW):
        AuditEntry.objects.create(at=at, actor=uuid4(), channel="v1", object="x:1", action="y")


def remaining() -> list[str]:
    rows = AuditEntry.objects.order_by("at").values_list("at", flat=True)
    return [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in rows]


def test_the_owner_removes_the_months_before_and_keeps_the_others(entries: None) -> None:
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        owner.execute("SELECT set_config('larder.audit_before', %s, true)", [NEW])
        owner.execute("DELETE FROM identity.audit_entry WHERE at < %s", [NEW])
    assert remaining() == [NEW]


@pytest.mark.parametrize("setting", ["", "2026-01-02T00:00:00Z", "2025-12-01T00:00:00Z"])
def test_the_owner_cannot_remove_part_of_a_month_or_a_later_entry(
    entries: None, setting: str
) -> None:
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        owner.execute("SELECT set_config('larder.audit_before', %s, true)", [setting])
        with pytest.raises(errors.RestrictViolation):
            owner.execute("DELETE FROM identity.audit_entry")


def test_the_servers_role_cannot_remove_entries(entries: None) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as server:
        server.execute("SELECT set_config('larder.audit_before', %s, true)", [NEW])
        with pytest.raises(errors.InsufficientPrivilege):
            server.execute("DELETE FROM identity.audit_entry")
