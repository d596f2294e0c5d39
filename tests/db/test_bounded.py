"""A database that does not answer: how long it is waited for, and how its absence is noticed."""

import os
import socket
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import pq
from psycopg.conninfo import make_conninfo

from config.settings import database
from larder.db.postgresql import bounded
from larder.db.postgresql.bounded import ANSWER_TIMEOUT, TCP_OPTIONS, PrimaryConnection
from larder.ops.roles import TIME_LIMITS
from tools.local_postgres import Cluster, temporary_cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with temporary_cluster() as running:
        yield running


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a server, and a fifth of a second is too long."""
    monkeypatch.setattr(PrimaryConnection, "longest", None)
    monkeypatch.setattr(bounded, "ANSWER_TIMEOUT", 0.2)
    bounded.limit_answers()


@pytest.mark.system
def test_who_is_not_answered_in_time_waits_for_nothing_more(
    cluster: Cluster, hurried: None
) -> None:
    with PrimaryConnection.connect(cluster.superuser_url()) as connection:
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(30)")
        assert connection.closed
        with pytest.raises(psycopg.OperationalError):
            connection.rollback()


@pytest.mark.system
def test_a_command_waits_as_long_as_it_takes(cluster: Cluster) -> None:
    assert PrimaryConnection.longest is None
    with PrimaryConnection.connect(cluster.superuser_url()) as connection:
        assert connection.execute("SELECT pg_sleep(0.3), 1").fetchone() == ("", 1)


def test_what_the_server_would_still_answer_is_waited_for() -> None:
    assert float(TIME_LIMITS["statement_timeout"].removesuffix("s")) < ANSWER_TIMEOUT


def test_a_machine_that_is_gone_without_a_word_is_noticed_soon() -> None:
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


def test_an_address_may_say_otherwise() -> None:
    assert database("postgresql:///larder?keepalives_idle=60")["OPTIONS"]["keepalives_idle"] == "60"
