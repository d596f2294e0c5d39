"""Mails from the request to the mailbox, with a real, sometimes failing, mail server."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from larder.core.clock import now
from larder.core.ids import CORRELATION_ID
from larder.db import database
from larder.notifications.models import Mail
from larder.relay.models import RelayMark
from larder.relay.services.account_mails import PASSWORD_RESET
from larder.relay.services.relaying import Relay
from larder.worker.mails import Mails
from tests.conftest import Api, Person
from tests.notifications.mailing import (
    EMAIL,
    FROM,
    NEW,
    account_mails,
    ask,
    environment,
    mail_server,
    send_mails,
    text_of,
)
from tests.notifications.receiver import Receiver, receiving
from tests.ops.worker import worker
from tests.server import ROOT
from tests.tiers import LONGEST
from tools.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

MakePerson = Callable[..., Person]
As = Callable[[Person], Api]
RETRIES = len(Mails.pauses)


def token_in(receiver: Receiver) -> str:
    """Returns the token in the last mail."""
    match = re.search(r"reset#(\S{80,})\n", text_of(receiver.received[-1]))
    assert match
    return match[1]


@pytest.mark.system
def test_a_customer_resets_a_password_with_the_link_of_the_mail(
    person: MakePerson, tmp_path: Path
) -> None:
    who = person("Ada Lovelace", email=EMAIL)
    with receiving() as receiver, worker(tmp_path / "log", **environment(receiver)):
        ask("ADA@example.com")
        assert wait_until(lambda: account_mails().filter(is_sent=True).exists(), LONGEST)
    (mail,) = receiver.received
    assert (mail["To"], mail["From"]) == (EMAIL, FROM)
    assert "Ada Lovelace" not in text_of(mail)  # a stranger may have written the name
    token = token_in(receiver)
    stored = str(database.rows("SELECT delivery::text FROM delivery"))
    for text in (stored, (tmp_path / "log").read_text()):
        for secret in (token, EMAIL, "Ada Lovelace", who.customer.password):
            assert secret not in text
    body = {"reset_token": token, "new_password": NEW}
    assert Api()("POST", "auth/password/reset/confirm", body).status == 204
    credentials = {"username": "Ada Lovelace", "password": NEW}
    assert Api()("POST", "auth/token", credentials).status == 200


def test_no_mail_is_sent_for_an_unknown_account(person: MakePerson, settings: Any) -> None:
    person("gone", email="gone@example.com", is_active=False)
    with mail_server(settings) as receiver:
        for email in ("nobody@example.com", "gone@example.com"):
            ask(email)
        send_mails()
    assert (receiver.received, account_mails().filter(next_at__isnull=False).count()) == ([], 0)


def test_a_mail_without_a_link_has_a_code(person: MakePerson, settings: Any) -> None:
    person(email=EMAIL)
    with mail_server(settings) as receiver:
        settings.PASSWORD_RESET_URL = ""
        ask()
        send_mails()
    assert re.search(r"\n\n\S{80,}\n\n", text_of(receiver.received[0]))


def test_an_undelivered_mail_is_retried_with_the_same_token(
    person: MakePerson, settings: Any
) -> None:
    person(email=EMAIL)
    with mail_server(settings, **{".": "451 try later"}) as receiver:
        ask()
        send_mails()
        first = token_in(receiver)
        receiver.replies = {}
        send_mails()
    assert (len(receiver.received), token_in(receiver)) == (2, first)
    assert [(mail.attempts, mail.is_sent) for mail in account_mails()] == [(2, True)]


@pytest.mark.parametrize(
    ("before", "reply", "level"),
    [
        (0, f"550 who is {EMAIL}?", "ERROR"),
        (RETRIES - 1, "450 later", "WARNING"),
        (RETRIES, "450 later", "ERROR"),
    ],
)
def test_a_mail_that_was_not_sent_is_logged_with_instructions_and_its_request(
    person: MakePerson,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    before: int,
    reply: str,
    level: str,
) -> None:
    person(email=EMAIL)
    request = CORRELATION_ID.set(uuid4().hex)
    with mail_server(settings, RCPT=reply) as receiver:
        ask()
        account_mails().update(attempts=before)
        send_mails()
    CORRELATION_ID.reset(request)
    assert receiver.received == []
    (line,) = [line for line in caplog.records if line.name == "larder.worker.mails"]
    details = line.__dict__["details"]
    assert (line.levelname, details["tries"]) == (level, before + 1)
    assert re.fullmatch("[0-9a-f]{32}", details["correlation_id"])
    assert "EMAIL_URL" in details["do"]
    assert EMAIL not in str(details)
    assert account_mails().filter(next_at=None).exists() is (level == "ERROR")


def test_a_mail_of_an_unknown_kind_is_left_to_another_worker(
    person: MakePerson, settings: Any
) -> None:
    """The other worker is newer, as during a release."""
    person(email=EMAIL)
    with mail_server(settings) as receiver:
        ask()
        account_mails().update(type="welcome")
        send_mails()
    assert receiver.received == []
    assert [(mail.attempts, mail.next_at is None) for mail in account_mails()] == [(1, False)]


@pytest.mark.system
def test_a_mail_is_sent_although_its_worker_is_killed(person: MakePerson, tmp_path: Path) -> None:
    """Delivery is at least once: here the same message arrives twice."""
    person(email=EMAIL)
    with receiving(**{".": "stall"}) as receiver:
        ask()
        killed_at_work(receiver, tmp_path / "1")
        receiver.replies = {}
        with worker(tmp_path / "2", **environment(receiver)):
            assert wait_until(lambda: account_mails().filter(is_sent=True).exists(), LONGEST)
    first, again = receiver.received
    assert again["Message-ID"] == first["Message-ID"]
    assert text_of(again) == text_of(first)


def killed_at_work(receiver: Receiver, log: Path) -> None:
    """Runs a worker that is killed after the mail has arrived and before the reply."""
    command = [sys.executable, "manage.py", "worker"]
    own = os.environ | environment(receiver)
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=ROOT, env=own, stdout=output, stderr=output) as process,
    ):
        arrived = wait_until(lambda: len(receiver.received) == 1, LONGEST)
        process.kill()
    assert arrived, log.read_text()


def test_a_mail_with_an_expired_token_is_not_sent(person: MakePerson, settings: Any) -> None:
    person(email=EMAIL)
    with mail_server(settings) as receiver:
        ask()
        account_mails().update(at=now() - timedelta(minutes=70))
        send_mails()
    assert receiver.received == []


def test_the_mails_of_servers_of_the_former_release_are_sent(
    person: MakePerson, settings: Any
) -> None:
    who = person(email=EMAIL)
    Mail.objects.create(kind=PASSWORD_RESET, about=who.customer.public_id, created_at=now())
    old = "old@example.com"
    Mail.objects.create(kind="email_changed", about=uuid4(), recipient=old, created_at=now())
    Relay([]).once(now=now())
    assert not Mail.objects.exists()
    with mail_server(settings) as receiver:
        send_mails()
    assert {mail["To"] for mail in receiver.received} == {EMAIL, old}


@pytest.mark.system
def test_an_order_is_mailed_to_its_customer_and_the_shop(
    person: MakePerson, as_: As, product: Any, tmp_path: Path
) -> None:
    ada, jam = as_(person(email=EMAIL)), product(name="Jam")
    mails = {"ORDER_MAILS": "placed,new_order", "SHOP_MAIL": "owner@example.com"}
    with receiving() as receiver, worker(tmp_path / "log", **environment(receiver, **mails)):
        assert wait_until(lambda: RelayMark.objects.filter(feed="orders").exists(), LONGEST)
        body = {"lines": [{"product": jam, "quantity": 1}]}
        order = ada("POST", "orders", body).body
        assert wait_until(lambda: len(receiver.received) == 2, LONGEST), (
            tmp_path / "log"
        ).read_text()
    (event,) = ada("GET", f"orders/{order['id']}/events").body["results"]
    assert {mail["To"]: mail["Message-ID"] for mail in receiver.received} == {
        EMAIL: f"<{event['id']}.customer@example.com>",
        "owner@example.com": f"<{event['id']}.shop@example.com>",
    }
