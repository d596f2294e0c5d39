"""The orders, sent by many customers at once; some are sent twice, as phones do."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any
from uuid import UUID, uuid4

from tools.replay.clients import Account, Crew, NoAnswerError, persist
from tools.replay.demand import RealOrder
from tools.replay.options import Options
from tools.replay.shop import Progress, Stage
from tools.replay.wire import Answer, Line, Request

LONGEST_LOOK_SECONDS = 0.03


class Manner(Enum):
    """How often an order is sent, and what happens in between."""

    ONCE = "once"
    AGAIN = "again, after the answer"
    CUT = "again, after the connection was cut"
    TWINS = "twice at once"


@dataclass(frozen=True)
class Errand:
    """An order to be sent: how, with a chosen id or without, and for a cut one after how many
    seconds the line breaks."""

    order: RealOrder
    manner: Manner
    id: UUID | None
    cut_after: float


@dataclass
class OrderRecord:
    """All answers about one order. `placed`: by id, as it was shown; `status` and
    `given_back`: where it is, and the units that came back since, by the answers to staff."""

    order: RealOrder
    account: Account
    reference: str
    placed: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: str = "placed"
    given_back: Counter[str] = field(default_factory=Counter)
    carried_out: int = 0
    replays: int = 0
    refusals: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def hear(self, answer: Answer) -> None:
        """Remember an answer."""
        self.seconds.append(answer.seconds)
        if answer.status == 201 and answer.body:
            self.placed[answer.body["id"]] = answer.body
            self.replays += answer.replayed
            self.carried_out += not answer.replayed
        elif 400 <= answer.status < 500 and answer.status != 401:
            self.refusals.append(answer.code)
        else:
            self.troubles.append(f"answered {answer.status} ({answer.code})")


def plan(orders: Sequence[RealOrder], options: Options) -> list[Errand]:
    """Decide by the seed what is sent twice, and how; every other order chooses its id."""
    random = Random(options.seed)  # noqa: S311
    twice = (Manner.AGAIN, Manner.CUT, Manner.TWINS)

    def errand(number: int, order: RealOrder) -> Errand:
        manner = random.choice(twice) if random.random() < options.retry else Manner.ONCE
        looking = random.random() * LONGEST_LOOK_SECONDS
        return Errand(order, manner, uuid4() if number % 2 else None, looking)

    return [errand(number, order) for number, order in enumerate(orders)]


def send_all(
    stage: Stage, errands: Sequence[Errand], size: int, progress: Progress
) -> list[OrderRecord]:
    """Send the orders, `size` at once, in the order they were made; return the answers."""

    def run(line: Line, errand: Errand) -> OrderRecord:
        return send(stage, line, errand)

    crew = Crew(stage.base_url, size)
    return list(progress("Orders", crew.each(run, errands), len(errands)))


def send(stage: Stage, line: Line, errand: Errand) -> OrderRecord:
    """Send one order in its manner and hear what there is to hear."""
    order = errand.order
    account = stage.accounts[order.customer]
    record = OrderRecord(order, account, f"{stage.run}-{order.invoice}")
    try:
        request = written(stage, errand, record, account.token(line))
        if errand.manner is Manner.CUT:
            send_and_cut(Line(stage.base_url), request, errand.cut_after)
        if errand.manner is Manner.TWINS:
            with Line(stage.base_url) as other:
                hear_twins(record, line, other, request)
        else:
            record.hear(persist(line, request))
        if errand.manner is Manner.AGAIN:
            record.hear(persist(line, request))
    except NoAnswerError as error:
        record.troubles.append(f"no answer: {error}")
    return record


def written(stage: Stage, errand: Errand, record: OrderRecord, token: str) -> Request:
    """Write the order down; its reference lets it be recognised in the history."""
    lines = [
        {"product": stage.products[sku].id, "quantity": units}
        for sku, units in errand.order.units.items()
    ]
    body: dict[str, Any] = {"lines": lines, "reference": record.reference}
    if errand.id is not None:
        body["id"] = str(errand.id)
    return Request("POST", "orders", body, token, key=record.reference)


def send_and_cut(line: Line, request: Request, after: float) -> None:
    """Send a request and hang up: whether it was carried out is not known."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        line.send(request)
        time.sleep(after)
    line.hang_up()


def hear_twins(record: OrderRecord, line: Line, other: Line, request: Request) -> None:
    """Send a request on two lines at once and hear both answers."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        other.send(request)
    record.hear(persist(line, request))
    try:
        answer = other.receive()
    except (OSError, http.client.HTTPException):
        answer = persist(other, request)
    if answer.status in (429, 503):
        answer = persist(other, request)
    record.hear(answer)
