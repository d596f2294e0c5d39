"""Commits are noted for their request."""

import psycopg
import pytest
from django.db import transaction

from larder.db import database

pytestmark = pytest.mark.django_db(transaction=True)


def commit() -> None:
    with transaction.atomic():
        database.rows("SELECT 1")


def test_commits_are_noted_and_reads_and_rollbacks_are_not() -> None:
    database.note_committed(committed=False)
    database.rows("SELECT 1")
    with transaction.atomic():
        database.rows("SELECT 1")
        transaction.set_rollback(True)
    assert not database.has_committed()
    commit()
    assert database.has_committed()


def test_a_commit_of_an_interrupted_thread_is_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def end(_: object) -> None:
        raise SystemExit

    database.note_committed(committed=False)
    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Connection, "commit", end)
        with pytest.raises(SystemExit):
            commit()
    assert database.has_committed()
    assert database.rows("SELECT 1") == [(1,)]
