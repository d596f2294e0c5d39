"""Commits are counted for their request."""

import psycopg
import pytest
from django.db import transaction

from larder.core import commits
from larder.db import database

pytestmark = pytest.mark.django_db(transaction=True)


def commit() -> None:
    with transaction.atomic():
        database.rows("SELECT 1")


def test_commits_are_counted_and_reads_and_rollbacks_are_not() -> None:
    commits.restart()
    database.rows("SELECT 1")
    with transaction.atomic():
        database.rows("SELECT 1")
        transaction.set_rollback(True)
    assert commits.count() == 0
    commit()
    assert commits.count() == 1


def test_a_commit_of_an_interrupted_thread_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def end(_: object) -> None:
        raise SystemExit

    commits.restart()
    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Connection, "commit", end)
        with pytest.raises(SystemExit):
            commit()
    assert commits.count() == 1
    assert database.rows("SELECT 1") == [(1,)]
