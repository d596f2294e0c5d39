"""Mails from the request to the mailbox: a real worker, and a real mail server that is not always
well."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from larder.core.clock import now
from larder.db import database
from larder.identity.models import PasswordReset
from larder.notifications.models import Mail
from larder.ops.mails import RETRIES
from tests.conftest import Api, Person
from tests.notifications.receiver import Receiver, receiving
from tests.ops.test_worker import ROOT
from tests.ops.test_worker import _worker as worker
from tools.processes import wait_until

MakePerson = Callable[..., Person]
EMAIL, NEW = "ada@example.com", "a horse of another colour"
LINK = "https://shop.example.com/reset#{token}"
FROM = "Shop <shop@example.com>"


def ask(email: str = EMAIL) -> None:
    """A customer requests a password reset."""
    answer = Api()("POST", "auth/password/reset", {"email": email})
    assert (answer.status, answer.body) == (202, None)


def environment(receiver: Receiver, **more: str) -> dict[str, str]:
    """A worker's, with this mail server."""
    own = {"EMAIL_URL": receiver.url, "DEFAULT_FROM_EMAIL": FROM, "PASSWORD_RESET_URL": LINK}
    return {**own, "LOG_LEVEL": "INFO", **more}


def work(receiver: Receiver, log: Path, **more: str) -> list[dict[str, Any]]:
    """Has a worker do what waits; what it logged of mails."""
    with worker(log, "--one-shot", **environment(receiver, **more)) as process:
        process.wait(30)
    return lines_of(log)


def lines_of(log: Path) -> list[dict[str, Any]]:
    """What was logged of mails."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("logger") == "larder.ops.mails"]


def token_in(receiver: Receiver) -> str:
    """The token that the last mail brings."""
    found = re.search(r"reset#(\S{64})\n", receiver.received[-1].get_content())
    assert found
    return found[1]


def jobs() -> list[tuple[str, int]]:
    """Status and attempts of each mail's."""
    return database.rows(
        "SELECT status::text, attempts FROM procrastinate_jobs WHERE task_name = 'send_mail'"
        " ORDER BY id"
    )


def everything_stored() -> str:
    """All rows of what concerns mails, as text."""
    tables = ("procrastinate_jobs", "procrastinate_events", "mail", "password_reset")
    return str([database.rows(f"SELECT one::text FROM {table} AS one") for table in tables])


@pytest.mark.system
def test_who_forgot_their_password_sets_a_new_one_with_what_the_mail_says(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    who = person("Ada Lovelace", email=EMAIL)
    with receiving() as receiver:
        ask("ADA@example.com")
        (line,) = work(receiver, tmp_path / "log")
    (mail,) = receiver.received
    assert (mail["To"], mail["From"]) == (EMAIL, FROM)
    assert "Ada Lovelace" not in mail.get_content()  # a stranger may have written the name
    token = token_in(receiver)
    for text in (everything_stored(), (tmp_path / "log").read_text()):
        for secret in (token, EMAIL, "Ada Lovelace", who.customer.password):
            assert secret not in text
    assert (line["level"], line["tries"]) == ("info", 1)
    assert Mail.objects.get().sent_at is not None
    body = {"reset_token": token, "new_password": NEW}
    assert Api()("POST", "auth/password/reset/confirm", body).status == 204
    credentials = {"username": "Ada Lovelace", "password": NEW}
    assert Api()("POST", "auth/token", credentials).status == 200


@pytest.mark.system
def test_the_worker_sends_no_mail_for_an_unknown_account_and_keeps_no_row(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    person("gone", email="gone@example.com", is_active=False)
    person("deleted")
    with receiving() as receiver:
        for email in ("nobody@example.com", "gone@example.com"):
            ask(email)
        work(receiver, tmp_path / "log")
    assert receiver.received == []
    assert not Mail.objects.exists()
    assert jobs() == [("succeeded", 1)] * 2


@pytest.mark.system
def test_without_a_link_the_mail_brings_a_code(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    person(email=EMAIL)
    with receiving() as receiver:
        ask()
        work(receiver, tmp_path / "log", PASSWORD_RESET_URL="")
    assert re.search(r"\n\n\S{64}\n\n", receiver.received[0].get_content())


@pytest.mark.system
def test_a_mail_that_is_not_taken_at_first_is_tried_again_with_the_same_token(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    person(email=EMAIL)
    log = tmp_path / "log"
    with receiving(**{".": "451 try later"}) as receiver:
        ask()
        with worker(log, **environment(receiver)):
            assert wait_until(lambda: len(receiver.received) > 0, 60)
            first = token_in(receiver)
            receiver.replies = {}
            assert wait_until(lambda: jobs() == [("succeeded", 2)], 60)
    assert [line["level"] for line in lines_of(log)] == ["warning", "info"]
    assert (len(receiver.received), token_in(receiver)) == (2, first)


def give_up(tries: int, reply: str, log: Path) -> dict[str, Any]:
    """What is said of a mail that was tried so often when it is refused once more."""
    with receiving(RCPT=reply) as receiver:
        ask()
        database.execute("UPDATE procrastinate_jobs SET attempts = %s", [tries - 1])
        line = work(receiver, log)[-1]
    assert receiver.received == []
    return line


@pytest.mark.system
@pytest.mark.parametrize(
    ("tries", "reply"), [(1, f"550 who is {EMAIL}?"), (RETRIES + 1, "450 later")]
)
def test_a_mail_that_is_given_up_is_logged_with_what_to_do(
    transactional_db: None, person: MakePerson, tmp_path: Path, tries: int, reply: str
) -> None:
    person(email=EMAIL)
    line = give_up(tries, reply, tmp_path / "log")
    assert (line["level"], line["tries"]) == ("error", tries)
    assert "EMAIL_URL" in line["do"]
    assert jobs() == [("failed", tries)]
    mail = Mail.objects.get()
    assert (mail.sent_at, mail.given_up_at is None) == (None, False)
    assert EMAIL not in (tmp_path / "log").read_text()


@pytest.mark.system
@pytest.mark.parametrize(
    ("tries", "level", "status"), [(1, "warning", "todo"), (RETRIES + 1, "error", "failed")]
)
def test_a_mail_of_a_kind_that_a_worker_does_not_know_is_left_to_one_that_does(
    transactional_db: None, person: MakePerson, tmp_path: Path, tries: int, level: str, status: str
) -> None:
    """A newer one, while a release is under way; in the end it is given up, and never another."""
    person(email=EMAIL)
    with receiving() as receiver:
        ask()
        Mail.objects.update(kind="welcome")
        database.execute("UPDATE procrastinate_jobs SET attempts = %s", [tries - 1])
        (line,) = work(receiver, tmp_path / "log")
    assert receiver.received == []
    assert (line["level"], line["kind"], jobs()) == (level, "welcome", [(status, tries)])
    assert "no mail of the kind welcome" in line["reason"]
    assert Mail.objects.filter(given_up_at=None).exists() is (status == "todo")


@pytest.mark.system
def test_the_last_but_one_try_is_not_the_last(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    person(email=EMAIL)
    assert give_up(RETRIES, "450 later", tmp_path / "log")["level"] == "warning"
    assert jobs() == [("todo", RETRIES)]


@pytest.mark.system
def test_a_mail_whose_worker_is_killed_is_sent_all_the_same(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    """At least once: here it had arrived, and arrives again as the same message."""
    person(email=EMAIL)
    with receiving(**{".": "stall"}) as receiver:
        ask()
        killed_at_work(receiver, tmp_path / "1")
        receiver.replies = {}
        # As it is once the heart-beats have been missing for half a minute.
        database.execute("UPDATE procrastinate_workers SET last_heartbeat = %s", [long_ago()])
        _defer_retry()
        work(receiver, tmp_path / "2")
        work(receiver, tmp_path / "3")
    # Once more if the retry of this minute runs beside the one above.
    first, *again = receiver.received
    assert again
    assert {one["Message-ID"] for one in again} == {first["Message-ID"]}
    assert {one.get_content() for one in again} == {first.get_content()}
    assert Mail.objects.get().sent_at is not None


def killed_at_work(receiver: Receiver, log: Path) -> None:
    """A worker that is killed when the mail has arrived, before it hears so."""
    command = [sys.executable, "manage.py", "procrastinate", "worker"]
    own = os.environ | environment(receiver)
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=ROOT, env=own, stdout=output, stderr=output) as process,
    ):
        arrived = wait_until(lambda: len(receiver.received) == 1, 60)
        process.kill()
    assert arrived, log.read_text()


def long_ago() -> Any:
    """Before any heart-beat counts."""
    return now() - timedelta(minutes=10)


def _defer_retry() -> None:
    """As happens once a minute; the worker that was killed may have left it to do."""
    with suppress(AlreadyEnqueued):
        app.configure_task("larder.ops.tasks.retry_stalled_jobs").defer(timestamp=0)


@pytest.mark.system
def test_a_mail_that_was_sent_is_not_sent_again(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    person(email=EMAIL)
    with receiving() as receiver:
        ask()
        work(receiver, tmp_path / "1")
        database.execute("UPDATE procrastinate_jobs SET status = 'todo'")
        work(receiver, tmp_path / "2")
    assert len(receiver.received) == 1


@pytest.mark.system
def test_a_mail_that_comes_too_late_to_be_of_use_is_not_sent(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    person(email=EMAIL)
    with receiving() as receiver:
        ask()
        PasswordReset.objects.update(created_at=long_ago() - timedelta(hours=1))
        work(receiver, tmp_path / "log")
    assert receiver.received == []
