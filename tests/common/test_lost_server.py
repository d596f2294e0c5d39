"""A pooler that loses its server tells of it in the middle of an answer."""

import socket
import struct
from collections.abc import Iterator
from threading import Thread

import pytest
from django.db import OperationalError, connection, transaction

from larder.common import database
from larder.common.postgresql.base import DatabaseWrapper


def message(kind: bytes, body: bytes = b"") -> bytes:
    """As PostgreSQL's protocol has them. Source: "Message Formats" in its manual."""
    return kind + struct.pack("!I", len(body) + 4) + body


READY = message(b"Z", b"I")
GREETING = (
    message(b"R", struct.pack("!I", 0))
    + message(b"S", b"server_version\x0018.0\x00")
    + message(b"S", b"client_encoding\x00UTF8\x00")
    + message(b"S", b"TimeZone\x00UTC\x00")
    + message(b"K", struct.pack("!II", 1, 2))
    + READY
)
BEGUN = message(b"1") + message(b"2") + message(b"n") + message(b"C", b"BEGIN\x00")
LOST = message(b"E", b"SFATAL\x00C08P01\x00Mserver conn crashed?\x00\x00")


def lose(listening: socket.socket) -> None:
    """Greets a client, begins its transaction, and has lost its server."""
    listening.settimeout(10)
    client, _ = listening.accept()
    with client:
        client.recv(65_536)
        client.sendall(GREETING)
        client.recv(65_536)
        client.sendall(BEGUN + LOST + READY)


@pytest.fixture
def behind_a_pooler() -> Iterator[DatabaseWrapper]:
    """A connection to such a pooler."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        pooler = Thread(target=lose, args=(listening,))
        pooler.start()
        host, port = listening.getsockname()
        options = {"sslmode": "disable", "gssencmode": "disable"}
        address = {"HOST": host, "PORT": str(port), "USER": "any", "PASSWORD": "any"}
        settings = connection.settings_dict | address | {"OPTIONS": options}
        yield DatabaseWrapper(settings, alias="pooler")
        pooler.join()


def test_a_server_that_is_lost_in_a_pipeline_is_a_database_that_is_away(
    behind_a_pooler: DatabaseWrapper,
) -> None:
    behind_a_pooler.connect()
    with pytest.raises(OperationalError), behind_a_pooler.pipeline():
        behind_a_pooler.kept_cursor().execute("SELECT 1")
    assert behind_a_pooler.connection.closed


def test_an_error_of_our_own_in_a_pipeline_stays_what_it_is(transactional_db: None) -> None:
    nothing: list[int] = []
    with pytest.raises(IndexError), transaction.atomic():
        with database.pipeline():
            nothing.pop()
