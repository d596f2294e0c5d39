"""Sends mails: a channel of the relay.

The text of a mail is made right before it is sent, from the present state of what it is about. If
that has overtaken the mail, such as that of an order that was cancelled since, it is not sent.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from email.utils import parseaddr
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import translation

from larder.core.clock import now
from larder.core.errors import NotFound
from larder.identity import queries as identity
from larder.identity.services import passwords
from larder.notifications.delivery import CONSOLE, close, hand_over
from larder.notifications.errors import NotSent, NotSentYet
from larder.notifications.mail_texts import TOKEN
from larder.notifications.rendering import render
from larder.orders.queries import OrderView
from larder.relay import queries
from larder.relay.channels import Again, Channel, Event, Failed, Outcome, Sent
from larder.relay.queries import Delivery
from larder.relay.services import account_mails
from larder.relay.services.account_mails import ACCOUNT, CHANNEL
from larder.worker import order_mails
from larder.worker.order_mails import CUSTOMER, LOW_STOCK, MOST_ROWS, SHOP, kind_of, shop_time

logger = logging.getLogger(__name__)

Addressed = tuple[str, str, Mapping[str, Any]]
"""The template of a mail, its recipient, and what the template shows."""


class Message(NamedTuple):
    """A mail of a delivery."""

    delivery: Delivery
    mail: EmailMultiAlternatives


class Mails(Channel):
    """The channel of mails. Its targets are ACCOUNT, CUSTOMER and SHOP."""

    name = CHANNEL
    pauses = tuple(2.0**step for step in range(1, 15))
    """Attempts for nine hours: a mail server may be away for a night."""

    def __init__(self) -> None:
        self._open: list[Any] = []
        """Connections to the mail server, for as long as mails are under way."""
        self._under_way = 0

    def fan_out(self, events: Sequence[Event]) -> list[tuple[Event, str]]:
        """Returns a delivery for each mail. Products that are low together are one mail."""
        told, low = [], []
        for event in events:
            for target in (CUSTOMER, SHOP):
                kind = kind_of(event.type, event.data, target)
                if kind is LOW_STOCK:
                    low.append(event)
                elif kind:
                    told.append((event, target))
        if low:
            products = [int(event.object) for event in low]
            data = {"products": products[:MOST_ROWS], "more": len(products[MOST_ROWS:])}
            told.append((replace(low[0], data=data), SHOP))
        return told

    def read(self, deliveries: Sequence[Delivery], orders: Mapping[UUID, OrderView]) -> None:
        """Reads the addresses of the customers."""
        emails = identity.emails({order.customer for order in orders.values()})
        self._about_order = partial(order_mails.addressed, orders=orders, emails=emails)

    def prepare(self, delivery: Delivery) -> Message | Outcome | None:
        """Returns the mail; None if nobody gets it, or if it is not true any more."""
        about = self._about_order if delivery.target != ACCOUNT else KINDS.get(delivery.type)
        if about is None:
            return Again("This release knows no mail of this kind.")
        try:
            with translation.override(settings.MAIL_LANGUAGE):
                addressed = about(delivery)
                return Message(delivery, _written(*addressed)) if addressed else None
        except NotFound:
            return None

    async def send(self, message: Message) -> Outcome:
        """Hands the mail to the mail server, in a thread."""
        delivery, mail = message
        if settings.EMAIL_BACKEND == CONSOLE and delivery.target != ACCOUNT:
            return Sent("In demo mode /demo/mails shows it.")
        self._under_way += 1
        try:
            id = f"{delivery.event}.{delivery.target}"
            await asyncio.to_thread(hand_over, id, mail, self._open)
        except NotSentYet as fault:
            return Again(fault.reason)
        except NotSent as fault:
            return Failed(fault.reason)
        finally:
            self._under_way -= 1
            if not self._under_way:
                asyncio.get_running_loop().run_in_executor(None, close, self._open)
        return Sent()

    def ended(self, delivery: Delivery, outcome: Outcome) -> None:
        """Logs a mail that was not sent, unless it was overtaken."""
        if not isinstance(outcome, Again | Failed):
            return
        details = {
            "mail": str(delivery.event),
            "kind": delivery.type,
            "tries": delivery.attempts + 1,
            "reason": outcome.note,
            "correlation_id": delivery.data.get("correlation_id"),
        }
        if isinstance(outcome, Again) and delivery.attempts < len(self.pauses):
            details["do"] = f"It is tried again. {_DO}"
            logger.warning("A mail was not sent yet.", extra={"details": details})
        else:
            details["do"] = _DO
            logger.error("A mail could not be sent, and is given up.", extra={"details": details})


_DO = (
    "Check EMAIL_URL, DEFAULT_FROM_EMAIL and the log of the mail server, and that workers and"
    " servers have the same release. Who asked for a new password can ask again."
)


def _written(kind: str, to: str, context: Mapping[str, Any]) -> EmailMultiAlternatives:
    """Returns a mail of the shop, in the current language."""
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    shop = {"shop": name or settings.UNFOLD["SITE_TITLE"], "address": address}
    return render(kind, {**shop, **context}, to=to, own=settings.MAIL_TEMPLATES_DIR)


def _password_reset(delivery: Delivery) -> Addressed | None:
    invited = passwords.invitation(
        UUID(delivery.object),
        requested_at=delivery.at,
        secret=settings.SECRET_KEY,
        now=now(),
    )
    if invited is None:
        return None
    kind, page, link = delivery.type, reverse("new_password"), settings.PASSWORD_RESET_URL
    if invited.newcomer:
        kind, link = "invitation", settings.PUBLIC_URL and f"{settings.PUBLIC_URL}{page}#{TOKEN}"
    context = {
        "username": invited.newcomer,
        "page": page,
        "link": link.replace(TOKEN, invited.token),
        "code": invited.token,
        "until": shop_time(invited.until),
    }
    return kind, invited.email, context


def _email_changed(delivery: Delivery) -> Addressed:
    return delivery.type, delivery.data["recipient"], {"at": shop_time(delivery.at)}


def _webhook_disabled(delivery: Delivery) -> Addressed | None:
    endpoint = queries.endpoint(UUID(delivery.object))
    owner = identity.profile_by_public_id(endpoint.owner)
    if not (owner.email and owner.is_staff and endpoint.disabled_at):
        return None
    return delivery.type, owner.email, {"name": endpoint.name or str(endpoint.id)}


KINDS: Mapping[str, Callable[[Delivery], Addressed | None]] = {
    account_mails.PASSWORD_RESET: _password_reset,
    account_mails.EMAIL_CHANGED: _email_changed,
    account_mails.WEBHOOK_DISABLED: _webhook_disabled,
}
"""What each kind of mail about an account says to whom; None if it has no recipient any more."""
