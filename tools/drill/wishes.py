"""The customers' own record: what each wanted done once, and all answers about it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from tools.replay.clients import Account
from tools.replay.wire import Answer, Request

LATER = frozenset({429, 503})


class Kind(StrEnum):
    """What can be wanted."""

    ORDER = "order"
    CANCEL = "cancel"
    RECEIVE = "receive"


DONE = {Kind.ORDER: 201, Kind.CANCEL: 200, Kind.RECEIVE: 201}


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer, or that none came (status 0). Seconds are monotonic; `shown` is what the answer
    says of the order: total, status, units by product."""

    sent: float
    at: float
    status: int
    code: str = ""
    id: str = ""
    replayed: bool = False
    shown: tuple[str, str, Mapping[int, int]] | None = None


@dataclass(eq=False, slots=True)
class Wish:
    """Something to be done once, under a key. `units` by product; a cancellation is `of` an order.

    `abandoned`: the customer went away without an answer. `found`: the id under which they
    saw it when they looked for it at the end; None as long as they have not looked.
    """

    kind: Kind
    key: str
    account: Account
    path: str
    body: dict[str, Any]
    units: Mapping[int, int]
    of: Wish | None = None
    abandoned: bool = False
    found: str | None = None
    heard: list[Heard] = field(default_factory=list)

    def request(self, token: str) -> Request:
        """What is sent, each time."""
        return Request("POST", self.path, self.body, token, key=self.key)

    @property
    def acknowledged(self) -> list[Heard]:
        """All answers that it is done."""
        return [one for one in self.heard if one.status == DONE[self.kind]]

    @property
    def refused(self) -> list[Heard]:
        """All answers that it is not done, and will not be."""
        return [one for one in self.heard if self._definite(one) and one.status >= 400]

    @property
    def open(self) -> bool:
        """Whether they still do not know."""
        return not any(self._definite(one) for one in self.heard)

    @property
    def doubtful(self) -> bool:
        """Whether a try without an answer may have been carried out after all.

        Refusals are not stored: a refusal says nothing of an earlier try.
        """
        lost = any(one.status in (0, *LATER) for one in self.heard)
        return lost and not self.acknowledged

    @property
    def id(self) -> str:
        """The id in the answer; empty as long as it is not acknowledged."""
        return next((one.id for one in self.acknowledged), "")

    def _definite(self, one: Heard) -> bool:
        return one.status == DONE[self.kind] or (
            400 <= one.status < 500 and one.status not in LATER
        )


def heard(sent: float, answer: Answer | None) -> Heard:
    """Note an answer, or that none came."""
    now = time.monotonic()
    if answer is None:
        return Heard(sent, now, 0)
    body = answer.body if isinstance(answer.body, dict) else {}
    code = answer.code if answer.status >= 400 else ""
    return Heard(
        sent, now, answer.status, code, str(body.get("id", "")), answer.replayed, shown(body)
    )


def shown(body: Mapping[str, Any]) -> tuple[str, str, Mapping[int, int]] | None:
    """What a body says of an order, if it is one."""
    if "total" not in body:
        return None
    units = {line["product"]: line["quantity"] for line in body["lines"]}
    return body["total"], body["status"], units


@dataclass
class Record:
    """All wishes, and a file with a line for everything that was heard, as it was heard."""

    path: Path
    wishes: list[Wish] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._file = self.path.open("w", encoding="utf-8")
        self._began = time.monotonic()

    def add(self, wish: Wish) -> Wish:
        """Remember what is wanted, before it is first sent."""
        with self._lock:
            self.wishes.append(wish)
        return wish

    def hear(self, wish: Wish, sent: float, answer: Answer | None) -> Heard:
        """Remember an answer, or that none came."""
        one = heard(sent, answer)
        wish.heard.append(one)
        line = {
            "kind": wish.kind,
            "key": wish.key,
            "who": wish.account.username,
            "sent": round(one.sent - self._began, 4),
            "at": round(one.at - self._began, 4),
            "status": one.status or None,
            "body": answer.body if answer else None,
        }
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
        return one

    def complain(self, trouble: str) -> None:
        """Remember what should not have been said."""
        with self._lock:
            self.troubles.append(trouble)

    def of(self, kind: Kind) -> Iterator[Wish]:
        """Yield the wishes of a kind."""
        return (wish for wish in self.wishes if wish.kind is kind)

    def close(self) -> None:
        """Write out the file."""
        self._file.close()
