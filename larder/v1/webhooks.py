"""Webhooks: the addresses of other systems that are told events (larder/relay/event_types.py)."""

import re
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from django.http import HttpRequest
from msgspec import UNSET, Meta, UnsetType, structs

from larder.core.clock import now
from larder.core.limits import MAX_NAME_LENGTH
from larder.core.parts import first
from larder.http.authentication import secrets
from larder.identity.caller import Caller
from larder.relay import queries
from larder.relay.event_types import EVENT_TYPES
from larder.relay.services import endpoints
from larder.relay.services.endpoints import CHANNEL, MANAGE
from larder.v1.http import Answer, IdCursor, Listed, PageParameters, UuidCursor, claim, shaped
from larder.v1.operations import CACHED, KEYED, LOCATED, TAGGED, VERSIONED, Declaration
from larder.v1.shapes import MAX_IDS, Actor, Id, Page, Request, Short, Time

operation = partial(Declaration, tag="webhooks", permissions=[MANAGE])
acting = partial(operation, answers={202: None})

Url = Annotated[
    str,
    Meta(
        max_length=MAX_NAME_LENGTH,
        pattern=endpoints.ADDRESS,
        description="https; http only into networks that the shop opened.",
        extra={"form": "Expected an address such as https://shop.example.com/events."},
        examples=["https://shop.example.com/events"],
    ),
]
EventName = Annotated[
    str,
    Meta(
        pattern=rf"^({'|'.join(map(re.escape, EVENT_TYPES))})\Z",
        extra={
            "fault": "unknown_value",
            "form": f"Expected one of: {', '.join(EVENT_TYPES)}.",
        },
        examples=["order.placed"],
    ),
]
EventNames = Annotated[list[EventName], Meta(min_length=1, max_length=len(EVENT_TYPES))]


class NewWebhook(Request):
    """A webhook to create. The caller must be allowed to see what its `events` tell."""

    url: Url
    events: EventNames
    name: Short = ""


class WebhookFields(Request):
    """The fields of a webhook that can be changed."""

    url: Url | UnsetType = UNSET
    events: EventNames | UnsetType = UNSET
    name: Short | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class Webhook(msgspec.Struct):
    """An address that is told `events`, as far as its `owner` may see them. It is disabled when it
    answers 410, or has failed for five days; what waits is kept for 30 days."""

    id: UUID
    url: str
    name: str
    events: list[str]
    owner: Actor
    created_at: Time
    failing_since: Time | None
    disabled_at: Time | None
    version: int


class MadeWebhook(Webhook):
    """A new webhook. `secret` is shown only once: in answers to repeats it is null."""

    secret: str | None


class WebhookPage(Page[Webhook]):
    """A page of webhooks, oldest first."""


class WebhookSecret(msgspec.Struct):
    """A new secret. Requests are signed with the former one too, until the next rotation."""

    secret: str


class WebhookDelivery(msgspec.Struct):
    """An event told to a webhook. `outcome` is the status of the last answer, or says why there is
    none. With `next_at` it waits."""

    id: Id
    event: UUID
    type: str
    object: str
    at: Time
    attempts: int
    next_at: Time | None
    is_sent: bool
    outcome: str


class WebhookDeliveryPage(Page[WebhookDelivery]):
    """A page of deliveries of the last 30 days, newest first."""


class Since(Request):
    """A time from which on deliveries are tried again."""

    since: Time


class Recovered(msgspec.Struct):
    """The number of deliveries that are tried again, at most 10,000 with one request."""

    deliveries: int


class Objects(Request):
    """Orders and products whose present state is told."""

    orders: Annotated[list[UUID], Meta(max_length=MAX_IDS)] = []
    products: Annotated[list[Id], Meta(max_length=MAX_IDS)] = []


_shown = partial(shaped, kind=Webhook)


@operation(answers={200: WebhookPage}, traits=[CACHED])
def list_webhooks(query: PageParameters, cursor: UuidCursor | None) -> Listed:
    """Staff: a page of webhooks, oldest first."""
    rows = queries.endpoints(after=cursor.id if cursor else None, limit=query.rows + 1)
    return Listed(first(rows, query.rows), _shown)


@operation(
    answers={201: MadeWebhook},
    problems=["too_many_webhooks"],
    traits=[KEYED, LOCATED],
    example={"url": "https://shop.example.com/events", "events": ["order.placed"]},
)
def create_webhook(request: HttpRequest, caller: Caller, body: NewWebhook) -> Answer:
    """Staff: creates a webhook. Its secret is shown only once."""
    made = endpoints.create_endpoint(
        structs.asdict(body),
        caller=caller,
        keys=secrets(),
        at=now(),
        claim=claim(request, caller, msgspec.to_builtins(body)),
    )
    row = queries.endpoint(made.endpoint)
    return Answer(shaped(row, MadeWebhook, secret=made.text), made.text is None)


@operation(answers={200: Webhook}, traits=[CACHED])
def get_webhook(webhook: UUID) -> Webhook:
    """Staff: one webhook."""
    return _shown(queries.endpoint(webhook))


@operation(
    answers={200: Webhook},
    traits=[VERSIONED, TAGGED],
    example={"disabled": False},
)
def change_webhook(
    caller: Caller, webhook: UUID, body: WebhookFields, version: int | None
) -> Webhook:
    """Staff: changes a webhook, disables or enables it. Enabled, it is told what waited."""
    fields = msgspec.to_builtins(body)
    endpoints.change_endpoint(webhook, fields, caller=caller, at=now(), version=version)
    return _shown(queries.endpoint(webhook))


@operation(answers={204: None}, traits=[VERSIONED])
def delete_webhook(caller: Caller, webhook: UUID, version: int | None) -> None:
    """Staff: deletes a webhook, with what waits for it."""
    endpoints.delete_endpoint(webhook, caller=caller, version=version)


@operation(answers={200: WebhookSecret})
def rotate_webhook_secret(caller: Caller, webhook: UUID) -> WebhookSecret:
    """Staff: makes a new secret, which is shown only once."""
    made = endpoints.rotate_secret(webhook, caller=caller, keys=secrets())
    return WebhookSecret(str(made.text))


@acting()
def test_webhook(caller: Caller, webhook: UUID) -> None:
    """Staff: sends an event of the type `webhook.test`, also to a disabled webhook."""
    endpoints.send_test(webhook, caller=caller, at=now())


@operation(answers={200: Recovered}, example={"since": "2026-01-02T03:04:05Z"})
def recover_webhook(caller: Caller, webhook: UUID, body: Since) -> Recovered:
    """Staff: tries deliveries that failed since a time again, the oldest first."""
    return Recovered(endpoints.recover(webhook, caller=caller, since=body.since))


@acting(example={"products": [1]})
def resend_to_webhook(caller: Caller, webhook: UUID, body: Objects) -> None:
    """Staff: tells the present state of orders and products, as `order.changed` and
    `product.changed`, whatever events the webhook has."""
    objects = [("order.changed", str(order)) for order in body.orders]
    objects += [("product.changed", str(product)) for product in body.products]
    endpoints.resend(webhook, objects, caller=caller, at=now())


@operation(answers={200: WebhookDeliveryPage}, traits=[CACHED])
def list_webhook_deliveries(
    webhook: UUID, query: PageParameters, cursor: IdCursor | None
) -> Listed:
    """Staff: a page of what a webhook was told in the last 30 days, newest first."""
    target = str(queries.endpoint(webhook).id)
    before = cursor.id if cursor else None
    rows = queries.deliveries(CHANNEL, target, before=before, limit=query.rows + 1)
    return Listed(first(rows, query.rows), partial(shaped, kind=WebhookDelivery))


@acting()
def redeliver(caller: Caller, webhook: UUID, delivery: int) -> None:
    """Staff: tells an event once more, with the present state of its object."""
    endpoints.redeliver(webhook, delivery, caller=caller)
