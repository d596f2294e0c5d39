"""Tells customers by messages to their devices: a channel of the relay.

An order that is shipped is told to its customer's devices, and a product that is back in stock to
those of the customers who watch it, once. A message is true when it is sent, or is not sent.
"""

from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from larder.core.errors import NotFound
from larder.inventory import queries as inventory
from larder.notifications.mail_texts import ORDER
from larder.orders import queries as orders
from larder.orders.lifecycle import SHIPPED
from larder.relay import queries
from larder.relay.channels import Again, Channel, Event, Failed, Gone, Outcome
from larder.relay.queries import Delivery
from larder.relay.services import devices
from larder.worker.outgoing import Client, Network, NoAnswer
from larder.worker.push_services import Message
from larder.worker.push_services.apns import Apns
from larder.worker.push_services.fcm import Fcm
from larder.worker.push_services.web import WebPush

ORDER_SHIPPED, STOCK_BACK = "order.shipped", "stock.back"
APPS: Mapping[str, type[Fcm] | type[Apns]] = {"fcm": Fcm, "apns": Apns}


class Push(Channel):
    """The channel `push`. Its targets are ids of devices."""

    name = "push"
    pauses = (5.0, 60.0, 600.0, 3600.0, 4 * 3600.0)

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        """`networks`: inner ones that services of browsers may be in. A shop has none: customers
        name these services, and WEBHOOK_NETWORKS is for what staff name."""
        # Browsers name their services: those are asked in the simplest way.
        named, ours = Client(networks), Client((), http2=True)
        secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        self._adapters: dict[str, WebPush | Fcm | Apns] = {
            "webpush": WebPush(named, secrets, _subject()),
            **{kind: APPS[kind](ours, account) for kind, account in settings.PUSH_ACCOUNTS.items()},
        }

    def fan_out(self, events: Sequence[Event]) -> list[tuple[Event, str]]:
        """Returns a delivery for each device. Watches that it tells are over."""
        shipped = [event for event in events if event.type == ORDER_SHIPPED]
        owned = devices.devices_of({event.customer for event in shipped})
        back = {int(event.object): event for event in events if event.type == STOCK_BACK}
        return [
            *((event, id) for event in shipped for id in owned.get(event.customer, ())),
            *((back[product], id) for product, id in devices.watchers(back)),
        ]

    def prepare(self, delivery: Delivery) -> Message | None:
        """Returns the message; None if the device is gone, or if the message is not true any
        more."""
        device = queries.device(delivery.target)
        if device is None:
            return None
        words = _order if delivery.type == ORDER_SHIPPED else _product
        try:
            with translation.override(settings.MAIL_LANGUAGE):
                title, body, url = words(device.customer_id, delivery.object)
        except NotFound:
            return None
        return Message(
            event=delivery.event,
            device=device,
            title=title,
            body=body,
            data={"type": delivery.type, "object": delivery.object, "url": url},
        )

    async def send(self, message: Message) -> Outcome:
        """Sends a message by the service of its device."""
        adapter = self._adapters.get(message.device.kind)
        if adapter is None:
            return Failed("The shop has no account of this push service.")
        try:
            return await adapter.send(message)
        except NoAnswer as error:
            return Again(error.reason)

    def ended(self, delivery: Delivery, outcome: Outcome) -> None:
        """Forgets a device that is gone."""
        if isinstance(outcome, Gone):
            devices.forget(delivery.target)


Words = tuple[str, str, str]
"""The title and the body of a message, and the page of the app."""


def _order(customer: int, object: str) -> Words:
    order = orders.order(UUID(object), customer=customer)
    if order.status != SHIPPED:
        raise NotFound
    title = gettext("Order {} is on its way").format(order.number)
    parcel = f"{order.carrier} {order.tracking_number}".strip()
    return title, parcel, settings.APP_ORDER_URL.replace(ORDER, object)


def _product(customer: int, object: str) -> Words:
    product = inventory.product(customer, int(object))
    if product.quantity < product.min_quantity:
        devices.watch_again(customer, product.id)
        raise NotFound
    return gettext("Back in stock"), product.name, ""


def _subject() -> str:
    """Returns where push services reach the shop."""
    url: str = settings.PUBLIC_URL
    return (
        url if url.startswith("https:") else f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"
    )
