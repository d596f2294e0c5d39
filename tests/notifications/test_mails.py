"""Mails from the request to the mailbox, with a real worker and a real, sometimes failing, mail
server.
"""

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
from larder.notifications.models import Mail
from larder.relay.models import RelayMark
from larder.worker.mails import RETRIES
from tests.conftest import Api, Person
from tests.notifications.mailing import (
    EMAIL,
    FROM,
    NEW,
    ask,
    environment,
    jobs,
    lines_of,
    text_of,
    work,
)
from tests.notifications.receiver import Receiver, receiving
from tests.ops.job_worker import job_worker as worker
from tests.server import ROOT
from tools.processes import wait_until

MakePerson = Callable[..., Person]
As = Callable[[Person], Api]


def token_in(receiver: Receiver) -> str:
    """Returns the token in the last mail."""
    match = re.search(r"reset#(\S{80,})\n", text_of(receiver.received[-1]))
    assert match
    return match[1]


def everything_stored() -> str:
    """Returns all rows about mails, as text."""
    tables = ("procrastinate_jobs", "procrastinate_events", "mail")
    return str([database.rows(f"SELECT one::text FROM {table} AS one") for table in tables])


@pytest.mark.system
def test_a_customer_resets_a_password_with_the_link_of_the_mail(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    who = person("Ada Lovelace", email=EMAIL)
    with receiving() as receiver:
        ask("ADA@example.com")
        (line,) = work(receiver, tmp_path / "log")
    (mail,) = receiver.received
    assert (mail["To"], mail["From"]) == (EMAIL, FROM)
    assert "Ada Lovelace" not in text_of(mail)  # a stranger may have written the name
    token = token_in(receiver)
    for text in (everything_stored(), (tmp_path / "log").read_text()):
        for secret in (token, EMAIL, "Ada Lovelace", who.customer.password):
            assert secret not in text
    assert (line["level"], line["tries"]) == ("info", 1)
    assert not Mail.objects.exists()
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
def test_a_mail_without_a_link_has_a_code(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    person(email=EMAIL)
    with receiving() as receiver:
        ask()
        work(receiver, tmp_path / "log", PASSWORD_RESET_URL="")
    assert re.search(r"\n\n\S{80,}\n\n", text_of(receiver.received[0]))


@pytest.mark.system
def test_an_undelivered_mail_is_retried_with_the_same_token(
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
    """Returns the log line about a mail that is refused after so many attempts."""
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
def test_a_mail_after_its_last_attempt_is_logged_with_instructions(
    transactional_db: None, person: MakePerson, tmp_path: Path, tries: int, reply: str
) -> None:
    person(email=EMAIL)
    line = give_up(tries, reply, tmp_path / "log")
    assert (line["level"], line["tries"]) == ("error", tries)
    assert "EMAIL_URL" in line["do"]
    assert jobs() == [("failed", tries)]
    assert not Mail.objects.exists()
    assert EMAIL not in (tmp_path / "log").read_text()


@pytest.mark.system
@pytest.mark.parametrize(
    ("tries", "level", "status"), [(1, "warning", "todo"), (RETRIES + 1, "error", "failed")]
)
def test_a_mail_of_an_unknown_kind_is_left_to_another_worker(
    transactional_db: None, person: MakePerson, tmp_path: Path, tries: int, level: str, status: str
) -> None:
    """The other worker is newer, as during a release. In the end only this mail is given up."""
    person(email=EMAIL)
    with receiving() as receiver:
        ask()
        Mail.objects.update(kind="welcome")
        database.execute("UPDATE procrastinate_jobs SET attempts = %s", [tries - 1])
        (line,) = work(receiver, tmp_path / "log")
    assert receiver.received == []
    assert (line["level"], line["kind"], jobs()) == (level, "welcome", [(status, tries)])
    assert "no mail of the kind welcome" in line["reason"]
    assert Mail.objects.exists() is (status == "todo")


@pytest.mark.system
def test_the_attempt_before_the_last_is_followed_by_another(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    person(email=EMAIL)
    assert give_up(RETRIES, "450 later", tmp_path / "log")["level"] == "warning"
    assert jobs() == [("todo", RETRIES)]


@pytest.mark.system
def test_a_mail_is_sent_although_its_worker_is_killed(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    """Delivery is at least once: here the same message arrives twice."""
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
    assert {answer["Message-ID"] for answer in again} == {first["Message-ID"]}
    assert {text_of(answer) for answer in again} == {text_of(first)}
    assert not Mail.objects.exists()


def killed_at_work(receiver: Receiver, log: Path) -> None:
    """Runs a worker that is killed after the mail has arrived and before the reply."""
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
    """Returns a time before which no heartbeat counts."""
    return now() - timedelta(minutes=10)


def _defer_retry() -> None:
    """Queues the minutely job that recovers the jobs of killed workers."""
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
def test_a_mail_with_an_expired_token_is_not_sent(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    person(email=EMAIL)
    with receiving() as receiver:
        ask()
        Mail.objects.update(created_at=long_ago() - timedelta(hours=1))
        work(receiver, tmp_path / "log")
    assert receiver.received == []


@pytest.mark.system
def test_an_order_is_mailed_to_its_customer_and_the_shop(
    transactional_db: None, person: MakePerson, as_: As, product: Any, tmp_path: Path
) -> None:
    ada, jam = as_(person(email=EMAIL)), product(name="Jam")
    mails = {"ORDER_MAILS": "placed,new_order", "SHOP_MAIL": "owner@example.com"}
    with receiving() as receiver, worker(tmp_path / "log", **environment(receiver, **mails)):
        assert wait_until(lambda: RelayMark.objects.filter(feed="orders").exists(), 60)
        body = {"lines": [{"product": jam, "quantity": 1}]}
        order = ada("POST", "orders", body).body
        assert wait_until(lambda: len(receiver.received) == 2, 60), (tmp_path / "log").read_text()
    (event,) = ada("GET", f"orders/{order['id']}/events").body["results"]
    assert {mail["To"]: mail["Message-ID"] for mail in receiver.received} == {
        EMAIL: f"<{event['id']}.customer@example.com>",
        "owner@example.com": f"<{event['id']}.shop@example.com>",
    }
