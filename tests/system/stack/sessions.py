"""Opens sessions of the database as a service of the stack does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tools.stack import Stack


@contextmanager
def session(stack: Stack, secret: str) -> Iterator[psycopg.Connection[Any]]:
    """A session as the server has it, by one of its secrets; statements go unprepared."""
    given = urlsplit((stack.folder / "secrets" / secret).read_text())
    with psycopg.connect(
        host=stack.addresses[given.hostname or ""],
        port=given.port,
        user=given.username,
        password=given.password,
        dbname=given.path[1:],
        autocommit=True,
        prepare_threshold=None,
    ) as connection:
        yield connection
