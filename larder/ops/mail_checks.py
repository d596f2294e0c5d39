"""System checks of what mails need."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register

from larder.notifications.letters import TOKEN
from larder.ops.mail_settings import PORTS


@register(Tags.security, deploy=True)
def mails_can_be_sent(**options: Any) -> list[CheckMessage]:
    """Looked at by a server that starts, not by tools."""
    return [] if settings.DEMO else list(_faults())


def _faults() -> Iterator[CheckMessage]:
    if not settings.EMAIL_URL:
        hint = "Give EMAIL_URL, or see that staff set forgotten passwords."
        yield checks.Warning("Nobody can reset a password.", hint=hint, id="larder.W004")
        return
    if urlsplit(settings.EMAIL_URL).scheme not in PORTS:
        said = "EMAIL_URL is no mail server: tokens that set passwords would be printed or lost."
        hint = "Give smtp+tls://name:password@host:587, or leave EMAIL_URL empty."
        yield checks.Error(said, hint=hint, id="larder.E019")
    if "@" not in settings.DEFAULT_FROM_EMAIL:
        hint = "Name the address that mails come from: Shop <shop@example.com>."
        yield checks.Error("DEFAULT_FROM_EMAIL is not set.", hint=hint, id="larder.E017")
    link = settings.PASSWORD_RESET_URL
    if link and (TOKEN not in link or ":" not in link):
        hint = f"Give an address of your app, with {TOKEN} in it: https://…/reset#{TOKEN}."
        yield checks.Error("PASSWORD_RESET_URL leads nowhere.", hint=hint, id="larder.E018")
