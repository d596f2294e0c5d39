"""What happens to the orders afterwards: some are cancelled, some shipped and returned in parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tools.replay.cancellations import Cancelled, Part
from tools.replay.clients import Account, Crew, NoAnswerError, persist
from tools.replay.options import Options
from tools.replay.shop import Progress, Stage
from tools.replay.traffic import LONGEST_LOOK_SECONDS, Manner, OrderRecord, send_and_cut
from tools.replay.wire import Line, Request


@dataclass(frozen=True)
class Errand:
    """What becomes of a placed order; its moves are sent in this manner."""

    record: OrderRecord
    cancelled: Cancelled
    manner: Manner
    cut_after: float


@dataclass(frozen=True)
class Move:
    """One request: who sends it, what it leads to, and which units it gives back."""

    name: str
    who: Account
    body: dict[str, Any]
    part: Part | None = None


def plan(
    records: Sequence[OrderRecord], cancelled: Mapping[str, Cancelled], options: Options
) -> list[Errand]:
    """Decide by the seed which moves are sent twice, and how."""
    random = Random(options.seed)  # noqa: S311
    twice = (Manner.AGAIN, Manner.CUT)

    def errand(one: OrderRecord) -> Errand:
        manner = random.choice(twice) if random.random() < options.retry else Manner.ONCE
        looking = random.random() * LONGEST_LOOK_SECONDS
        return Errand(one, cancelled[one.order.invoice], manner, looking)

    return [errand(one) for one in records if one.placed and one.order.invoice in cancelled]


def send_all(stage: Stage, errands: Sequence[Errand], size: int, progress: Progress) -> None:
    """Send all moves, those of `size` orders at once."""

    def run(line: Line, errand: Errand) -> None:
        try:
            for move in moves(stage, errand):
                send(stage, line, errand, move)
        except NoAnswerError as error:
            errand.record.troubles.append(f"no answer: {error}")

    crew = Crew(stage.base_url, size)
    list(progress("Aftermath", crew.each(run, errands), len(errands)))


def moves(stage: Stage, errand: Errand) -> Iterator[Move]:
    """Yield what is to be sent: the customer's cancellation, or all that leads to the returns."""
    parts = errand.cancelled.parts
    if errand.cancelled.whole:
        (part,) = parts
        yield Move("cancel", errand.record.account, {"reason": part.invoice}, part)
        return
    yield Move("pack", stage.staff, {})
    yield Move("ship", stage.staff, {})
    for part in parts:
        lines = [
            {"product": stage.products[sku].id, "quantity": units}
            for sku, units in part.units.items()
        ]
        yield Move("return", stage.staff, {"lines": lines, "reason": part.invoice}, part)


def send(stage: Stage, line: Line, errand: Errand, move: Move) -> None:
    """Send a move in the errand's manner, and hear what there is to hear."""
    record = errand.record
    (order,) = list(record.placed)[:1]
    key = f"{record.reference}-{move.part.invoice if move.part else move.name}"
    token = move.who.token(line)
    request = Request("POST", f"orders/{order}/{move.name}", move.body, token, key=key)
    if errand.manner is Manner.CUT:
        send_and_cut(Line(stage.base_url), request, errand.cut_after)
    answer = persist(line, request)
    record.seconds.append(answer.seconds)
    if answer.status != 200:
        record.troubles.append(f"{move.name} was answered {answer.status} ({answer.code})")
        return
    record.status = answer.body["status"]
    if move.part:
        record.given_back += move.part.units
    if errand.manner is Manner.AGAIN:
        again = persist(line, request)
        record.seconds.append(again.seconds)
        record.replays += again.replayed
        if not again.replayed or again.body != answer.body:
            record.troubles.append(f"{move.name} was carried out twice under one key")
