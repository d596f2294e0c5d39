"""Time limits for a database that does not answer, and how its loss is detected."""

import os
import socket
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import pq
from psycopg.conninfo import make_conninfo

from larder.config.settings import database
from larder.db.postgresql.connection import ANSWER_TIMEOUT, TCP_OPTIONS, BoundedConnection
from larder.local.postgresql import Cluster
from larder.ops.roles import TIME_LIMITS
from tools.with_database import temporary_cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with temporary_cluster() as running:
        yield running


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the time limit of a server to a fifth of a second."""
    monkeypatch.setattr(BoundedConnection, "longest", 0.2)


@pytest.mark.system
def test_a_timed_out_connection_is_closed(cluster: Cluster, hurried: None) -> None:
    with BoundedConnection.connect(cluster.superuser_url()) as connection:
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(30)")
        assert connection.closed
        with pytest.raises(psycopg.OperationalError):
            connection.rollback()


@pytest.mark.system
def test_a_management_command_has_no_time_limit_for_answers(cluster: Cluster) -> None:
    assert BoundedConnection.longest is None
    with BoundedConnection.connect(cluster.superuser_url()) as connection:
        assert connection.execute("SELECT pg_sleep(0.3), 1").fetchone() == ("", 1)


def test_the_answer_timeout_is_longer_than_the_statement_timeout() -> None:
    assert float(TIME_LIMITS["statement_timeout"].removesuffix("s")) < ANSWER_TIMEOUT


def test_a_server_that_disappears_without_closing_is_detected_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        options = database(f"postgresql://somebody@127.0.0.1:{port}/larder")["OPTIONS"]
        answers = make_conninfo(
            host="127.0.0.1", port=port, **{name: options[name] for name in TCP_OPTIONS}
        )
        begun = pq.PGconn.connect_start(answers.encode())
        begun.connect_poll()
        with socket.socket(fileno=os.dup(begun.socket)) as wire:
            idle, between, times, unanswered = (
                wire.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    *(socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT),
                    socket.TCP_USER_TIMEOUT,
                )
            )
        begun.finish()
    assert idle + between * times <= 12
    assert unanswered == 10_000


def test_the_database_url_can_change_the_time_limits() -> None:
    assert database("postgresql:///larder?keepalives_idle=60")["OPTIONS"]["keepalives_idle"] == "60"
