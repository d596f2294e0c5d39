"""Clients besides those of tools/drill: some order once without a key, others read."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from threading import Event

from tools.drill.customers import GONE
from tools.drill.shop import Stage
from tools.replay.clients import Account, NoAnswerError
from tools.replay.wire import Answer, Line, Request

ONCE_SECONDS = 40.0
"""Longer than any request takes in a server: what ends without an answer was cut, not given up."""
READ_SECONDS = 5.0
PAUSE_SECONDS = 0.05
RENEW_SECONDS = 2.0
"""After which a reader who orders does so again, for a newer position."""

READS = ("products?limit=20", "products/{product}", "orders/{order}", "orders")


@dataclass(frozen=True, slots=True)
class Tried:
    """An order without a key, sent once. Status 0: no answer. Seconds are monotonic."""

    reference: str
    server: str
    sent: float
    at: float
    status: int
    code: str
    id: str


@dataclass(frozen=True, slots=True)
class Read:
    """A read, and its answer. `by_onlooker`: of an account that ordered once, at the beginning."""

    what: str
    by_onlooker: bool
    server: str
    sent: float
    at: float
    status: int
    code: str


@dataclass
class Load:
    """The clients; `tried` and `reads` are what they were answered."""

    stage: Stage
    servers: Sequence[str]
    seed: int
    tried: list[Tried] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    _over: Event = field(default_factory=Event)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextlib.contextmanager
    def running(self, accounts: Sequence[Account]) -> Iterator[Load]:
        """Order and read during the block: an account orders, the next reads, at each server. Half
        of the readers are onlookers."""
        with ThreadPoolExecutor(len(accounts)) as threads:
            busy = []
            for number, account in enumerate(accounts):
                server = self.servers[number // 2 % len(self.servers)]
                if number % 2:
                    busy.append(threads.submit(self._order, account, server))
                else:
                    looks_on = number // 2 >= len(self.servers)
                    busy.append(threads.submit(self._read, account, server, looks_on=looks_on))
            try:
                yield self
            finally:
                self._over.set()
            for one in busy:
                one.result()

    def _order(self, account: Account, server: str) -> None:
        random = Random(f"{self.seed} {account.username}")  # noqa: S311
        products = [one for one in self.stage.products if not one.scarce]
        with Line(server, timeout=ONCE_SECONDS) as line:
            while not self._over.wait(PAUSE_SECONDS):
                reference = f"{self.stage.run}-once-{next(self._numbers)}"
                lines = [{"product": random.choice(products).id, "quantity": 1}]
                body = {"lines": lines, "reference": reference}
                access = self._token(account, line)
                if not access:
                    return
                request = Request("POST", "orders", body, access)
                sent = time.monotonic()
                answer = ask(line, request)
                at, seen = time.monotonic(), answer.body if answer else {}
                status, code = (answer.status, answer.code) if answer else (0, "")
                id = str(seen.get("id", "")) if status == 201 else ""
                self.tried.append(Tried(reference, server, sent, at, status, code, id))

    def _read(self, account: Account, server: str, *, looks_on: bool) -> None:
        with Line(server, timeout=READ_SECONDS) as line:
            order, position, until = "", "", 0.0
            for number in itertools.count():
                if self._over.wait(PAUSE_SECONDS):
                    return
                is_due = time.monotonic() > until and not (looks_on and order)
                if is_due and (made := self._new_order(line, account)):
                    order, position = made
                    until = time.monotonic() + RENEW_SECONDS
                if not order:
                    continue
                access = self._token(account, line)
                if not access:
                    return
                what = READS[number % len(READS)]
                path = what.format(product=self.stage.products[-1].id, order=order)
                request = Request("GET", path, None, access, None, position)
                sent, answer = time.monotonic(), ask(line, request)
                status, code = (answer.status, answer.code) if answer else (0, "")
                at = time.monotonic()
                self.reads.append(Read(what, looks_on, server, sent, at, status, code))
                if denied(answer, path, order):
                    self.troubles.append(f"Order {order} exists and {path} denied it.")

    def _new_order(self, line: Line, account: Account) -> tuple[str, str] | None:
        """Order with a key; return id and position, or None if there is no answer now."""
        product = self.stage.products[-1].id
        key = f"{self.stage.run}-read-{next(self._numbers)}"
        body = {"lines": [{"product": product, "quantity": 1}], "reference": key}
        answer = ask(line, Request("POST", "orders", body, self._token(account, line), key=key))
        if answer is None or answer.status != 201:
            return None
        return str(answer.body["id"]), answer.headers["larder-position"]

    def _token(self, account: Account, line: Line) -> str:
        """Return a token; one that is good is used, however long its renewal fails. Empty when the
        load is over."""
        while not self._over.is_set():
            with contextlib.suppress(NoAnswerError):
                return account.token(line)
        return ""


def denied(answer: Answer | None, path: str, order: str) -> bool:
    """Return whether the answer says that there is no such order, or lists the orders without."""
    if answer is None:
        return False
    if path == "orders" and answer.status == 200:
        return order not in [one["id"] for one in answer.body["results"]]
    return answer.status == 404


def ask(line: Line, request: Request) -> Answer | None:
    """Return the answer; None when the connection broke or time is up."""
    try:
        return line.call(request)
    except GONE:
        return None
