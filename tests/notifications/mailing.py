"""Requests mails, and runs a worker that sends them."""

import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from larder.db import database
from tests.conftest import Api
from tests.notifications.receiver import Receiver
from tests.ops.job_worker import job_worker as worker
from tests.tiers import LONGEST

EMAIL, NEW = "ada@example.com", "a horse of another colour"
LINK = "https://shop.example.com/reset#{token}"
FROM = "Shop <shop@example.com>"


def ask(email: str = EMAIL) -> None:
    """Requests a password reset."""
    answer = Api()("POST", "auth/password/reset", {"email": email})
    assert (answer.status, answer.body) == (202, None)


def environment(receiver: Receiver, **more: str) -> dict[str, str]:
    """The environment of a worker with this mail server."""
    own = {"EMAIL_URL": receiver.url, "DEFAULT_FROM_EMAIL": FROM, "PASSWORD_RESET_URL": LINK}
    return {**own, "LOG_LEVEL": "INFO", **more}


def work(receiver: Receiver, log: Path, **more: str) -> list[dict[str, Any]]:
    """Runs a worker until no job waits; returns what it logged about mails."""
    with worker(log, "--one-shot", **environment(receiver, **more)) as process:
        process.wait(LONGEST)
    return lines_of(log)


def lines_of(log: Path) -> list[dict[str, Any]]:
    """Returns the log lines about mails."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("logger") == "larder.worker.mails"]


def text_of(mail: EmailMessage) -> str:
    """Returns the plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def jobs() -> list[tuple[str, int]]:
    """Returns status and attempts of each mail's job."""
    return database.rows(
        "SELECT status::text, attempts FROM procrastinate_jobs WHERE task_name = 'send_mail'"
        " ORDER BY id"
    )
