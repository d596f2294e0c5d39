"""Requests mails, and sends them to a mail server of the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from django.db.models.functions import Now

from larder.relay.models import Delivery
from larder.relay.services.account_mails import ACCOUNT
from larder.worker.mails import Mails
from tests.conftest import Api
from tests.notifications.receiver import Receiver, receiving
from tests.relay.listening import sending
from tools.processes import wait_until

EMAIL, NEW = "ada@example.com", "a horse of another colour"
LINK = "https://shop.example.com/reset#{token}"
FROM = "Shop <shop@example.com>"


def ask(email: str = EMAIL) -> None:
    """Requests a password reset."""
    answer = Api()("POST", "auth/password/reset", {"email": email})
    assert (answer.status, answer.body) == (202, None)


@contextmanager
def mail_server(settings: Any, **replies: str) -> Iterator[Receiver]:
    """The mail server of this process."""
    with receiving(**replies) as receiver:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", receiver.port
        settings.EMAIL_HOST_USER, settings.DEFAULT_FROM_EMAIL = None, FROM
        settings.PASSWORD_RESET_URL = LINK
        yield receiver


def send_mails() -> None:
    """Attempts the mails that wait once."""
    account_mails().filter(next_at__isnull=False).update(next_at=Now())
    with sending(Mails()):
        assert wait_until(lambda: not account_mails().filter(next_at__lte=Now()).exists())


def account_mails() -> Any:
    """The deliveries of mails about accounts, in their order."""
    return Delivery.objects.filter(channel="mail", target=ACCOUNT).order_by("id")


def environment(receiver: Receiver, **more: str) -> dict[str, str]:
    """The environment of a worker with this mail server."""
    own = {"EMAIL_URL": receiver.url, "DEFAULT_FROM_EMAIL": FROM, "PASSWORD_RESET_URL": LINK}
    return {**own, "LOG_LEVEL": "INFO", **more}


def text_of(mail: EmailMessage) -> str:
    """Returns the plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
