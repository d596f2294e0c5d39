"""Sends messages to the devices of customers. Each kind of push service has an adapter in a file of
its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from larder.core.clock import now
from larder.relay.channels import Again, Failed, Gone, Outcome, Sent
from larder.worker.outgoing import Answer

SECONDS = 86_400
"""How long a service keeps a message for a device that is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to a device (larder/relay/models.py). `event` is the id of what it tells: a repeat
    replaces the message that a service still has. `data` is for the app."""

    event: UUID
    device: Any
    title: str
    body: str
    data: Mapping[str, str]


def judged(answer: Answer, *, is_gone: bool, is_refused: bool = False) -> Outcome:
    """Returns what an answer means. `is_gone`: the device takes no messages any more; `is_refused`:
    the service does not take those of the shop at present."""
    note = str(answer.status)
    if 200 <= answer.status < 300:
        return Sent(note)
    if is_gone:
        return Gone(note)
    if is_refused or answer.status == 429 or answer.status >= 500:
        return Again(note, answer.pause(now()))
    return Failed(note)
