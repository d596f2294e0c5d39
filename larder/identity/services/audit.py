"""The audit trail: what members of staff and commands do, written in the transaction of the change.

The APIs, the admin and the commands say who acts, with `acting`. The services record what they
change. Nothing is recorded where a customer acts: their orders have events.

An entry has no passwords, keys and tokens. It has no personal data either, because entries are kept
when an account is deleted: people are named by their public ids, and of personal fields only the
names are recorded.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db.models import QuerySet

from larder.core import money
from larder.db import database
from larder.identity import sql
from larder.identity.caller import Caller

COMMAND, IMPORT = "command", "import"
"""Channels beside those of the APIs (`v1`, `contract2`) and of the admin (`admin`)."""

PERSONAL = "personal_data"
"""The key under which an entry names the personal fields that changed, without their values."""

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, by public id, and through which API or screen."""

    actor: UUID
    channel: str


@dataclass(frozen=True, slots=True)
class StaffActing(Acting):
    """A member of staff who acts for a customer. The service reads the rights of `caller` again."""

    caller: Caller


class Entry(NamedTuple):
    """What was done to an object. `before` and `after` have the fields that differ."""

    object: str
    action: str
    before: Mapping[str, Any] = NOTHING
    after: Mapping[str, Any] = NOTHING


def customer_name(public_id: UUID) -> str:
    """Returns the name of an account in the audit trail."""
    return f"customer:{public_id}"


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting(actor: UUID, channel: str) -> Iterator[None]:
    """Records what the block changes as done by this member of staff or command."""
    token = _acting.set(Acting(actor, channel))
    try:
        yield
    finally:
        _acting.reset(token)


def current() -> Acting | None:
    """Returns who acts; None for a customer."""
    return _acting.get()


def record(
    object: str,
    action: str,
    *,
    before: Mapping[str, Any] = NOTHING,
    after: Mapping[str, Any] = NOTHING,
) -> None:
    """Records what was done to an object, where a member of staff or a command acts. Assumes the
    transaction of the change."""
    record_all([Entry(object, action, before, after)])


def record_all(entries: Sequence[Entry], by: Acting | None = None) -> None:
    """Records many entries in one statement: of those who act now, or of `by`."""
    who = by or _acting.get()
    if who is None or not entries:
        return
    rows = [
        entry._replace(before=_shown(entry.before), after=_shown(entry.after))._asdict()
        for entry in entries
    ]
    written = msgspec.json.encode(rows).decode()
    database.execute(sql.RECORD, [who.actor, who.channel, written])


@contextmanager
def changing(
    object: str,
    rows: "QuerySet[Any]",
    fields: Mapping[str, Any],
    *,
    action: str = "change",
    personal: Collection[str] = (),
) -> Iterator[None]:
    """Records how the block changes these columns of the one row, which it locks first; of
    `personal` columns not the values. Assumes the transaction of the change."""
    before = None
    if _acting.get() is not None:
        before = rows.select_for_update(no_key=True).values(*fields).first()
    yield
    if before is not None:
        record_difference(object, before, fields, action=action, personal=personal)


def record_difference(
    object: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    action: str = "change",
    personal: Collection[str] = (),
) -> None:
    """Records the columns of `after` that differ from `before`, of `personal` ones the names;
    nothing if none does."""
    changed = [name for name, value in after.items() if before.get(name) != value]
    if not changed:
        return
    shown = [name for name in changed if name not in personal]
    hidden = sorted(set(changed) - set(shown))
    record(
        object,
        action,
        before={name: before.get(name) for name in shown if before},
        after={name: after[name] for name in shown} | ({PERSONAL: hidden} if hidden else {}),
    )


def _shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields under the names that the APIs have: `category`, not `category_id`."""
    return {name.removesuffix("_id"): value for name, value in money.with_texts(fields).items()}
