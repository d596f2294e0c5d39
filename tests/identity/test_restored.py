"""Sessions, keys and links from the time of the backup are invalid after a restore."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import StringIO
from urllib.parse import urlsplit

import psycopg
import pytest
from django.contrib.sessions.models import Session as AdminSession
from django.core.management import call_command
from django.db import ProgrammingError, connection
from psycopg import sql

from larder.identity.errors import SessionEnded
from larder.identity.models import Key, Session
from larder.identity.queries import credentials
from larder.identity.services import keys
from larder.identity.services.sessions import NUMBERS_LEFT_OUT
from larder.ops.management.commands.prepare import MARK
from tests.conftest import Person
from tests.database import superuser_url
from tests.identity.conftest import LogIn

MakePerson = Callable[..., Person]
MakeLogIn = Callable[..., LogIn]
SECRETS = ["a secret of these tests alone, long enough to be one"]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def stolen(person: MakePerson, log_in: MakeLogIn, now: datetime) -> tuple[LogIn, str]:
    """A session and a key; also a session of the admin exists."""
    who = person()
    AdminSession.objects.create(
        session_key="admin", session_data="", expire_date=now + timedelta(days=1)
    )
    text = keys.create_key(who.caller, "till", now=now).text
    assert text is not None
    return log_in(who), text


def live() -> dict[str, int]:
    """Returns the number of each kind."""
    return {
        "sessions": Session.objects.filter(ended_at=None).count(),
        "keys": Key.objects.filter(ended_at=None).count(),
        "admin": AdminSession.objects.count(),
    }


ALL = {"sessions": 1, "keys": 1, "admin": 1}
NONE = dict.fromkeys(ALL, 0)


def test_the_command_ends_all_sessions_and_keys_and_prints_their_number(
    stolen: tuple[LogIn, str],
) -> None:
    log_in, key = stolen
    assert live() == ALL
    output = StringIO()
    call_command("end_sessions_and_keys", format="json", stdout=output)
    assert json.loads(output.getvalue()) == {"sessions": 1, "keys": 1}
    assert live() == NONE
    with pytest.raises(SessionEnded):
        log_in.refresh(log_in.pair.refresh, at=1)
    assert credentials.key_use(key, secrets=SECRETS) is None
    assert not Session.objects.filter(ended_at=None).exists()


def test_sessions_that_had_ended_keep_their_time(stolen: tuple[LogIn, str], now: datetime) -> None:
    earlier = now - timedelta(hours=1)
    Session.objects.update(ended_at=earlier)
    output = StringIO()
    call_command("end_sessions_and_keys", stdout=output)
    assert output.getvalue() == "Ended: 0 log-ins, 1 keys.\n"
    assert Session.objects.get().ended_at == earlier


def test_a_new_account_does_not_reuse_the_number_of_a_lost_one(person: MakePerson) -> None:
    before = person().id
    call_command("end_sessions_and_keys", stdout=StringIO())
    assert person().id > before + NUMBERS_LEFT_OUT


def test_all_sessions_and_keys_end_or_none(stolen: tuple[LogIn, str]) -> None:
    """The server's role may not set a sequence: only the owner may run the command."""
    with pytest.raises(ProgrammingError, match="permission denied"):
        call_command("end_sessions_and_keys", database="default")
    assert live() == ALL


@pytest.fixture
def marked() -> Iterator[Callable[[str | None], None]]:
    """Writes the comment of this process's database."""
    name = urlsplit(os.environ["DATABASE_URL"]).path[1:]

    def comment(text: str | None) -> None:
        with psycopg.connect(superuser_url(), autocommit=True) as superuser:
            said = sql.SQL("COMMENT ON DATABASE {} IS {}")
            superuser.execute(said.format(sql.Identifier(name), sql.Literal(text)))

    yield comment
    comment(None)


def comment_now() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname = current_database()"
        )
        comment: str | None = cursor.fetchone()[0]
    return comment


def prepare() -> None:
    call_command("prepare", stdout=StringIO())


def test_prepare_ends_all_sessions_once_after_a_restore(
    stolen: tuple[LogIn, str], marked: Callable[[str | None], None], prepares: None
) -> None:
    marked(MARK)
    prepare()
    assert live() == NONE
    assert comment_now() is None
    Session.objects.update(ended_at=None)
    prepare()
    assert live() == NONE | {"sessions": 1}


@pytest.mark.parametrize("said", [None, "The shop of Larder & Sons."])
def test_prepare_ends_no_session_without_the_mark_of_a_restore(
    stolen: tuple[LogIn, str],
    marked: Callable[[str | None], None],
    prepares: None,
    said: str | None,
) -> None:
    marked(said)
    prepare()
    assert live() == ALL
    assert comment_now() == said
