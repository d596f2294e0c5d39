"""What attacks share: requests of strangers beside those of customers."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.http_client import Client, Reply
from tools.proof.fleet import Account, require
from tools.proof.site import Site


class Broken(Exception):
    """A promise does not hold. The text says what was seen."""


@dataclass
class Served:
    """What the customers beside an attack were answered."""

    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def p99(self) -> float:
        """The 99th percentile of the seconds; a request that failed counts as endless."""
        seconds = sorted([*self.seconds, *[float("inf")] * self.failures.total()])
        return seconds[int(0.99 * (len(seconds) - 1))] if seconds else float("inf")

    def check(self, longest: float) -> str:
        """Return a sentence. Raises Broken if the p99 is above `longest` seconds."""
        text = f"{len(self.seconds)} requests of others, p99 {self.p99:.2f} s"
        if not self.p99 < longest:
            raise Broken(f"{text}, failed {dict(self.failures)}")
        return text


@contextmanager
def beside(call: Callable[[], Reply], threads: int = 2, pause: float = 0.05) -> Iterator[Served]:
    """Make a customer's request again and again during the block."""
    served, over = Served(), threading.Event()

    def work() -> None:
        while not over.wait(pause):
            began = time.monotonic()
            reply = call()
            if 200 <= reply.status < 300:
                served.seconds.append(time.monotonic() - began)
            else:
                served.failures[reply.code] += 1

    with ThreadPoolExecutor(threads) as pool:
        busy = [pool.submit(work) for _ in range(threads)]
        try:
            yield served
        finally:
            over.set()
        for future in busy:
            future.result()


@contextmanager
def flood(calls: Sequence[Callable[[], Reply]]) -> Iterator[Counter[int]]:
    """Make each call again and again in a thread of its own during the block; give the numbers of
    answers by status."""
    statuses, over = Counter[int](), threading.Event()

    def work(call: Callable[[], Reply]) -> None:
        while not over.is_set():
            statuses[call().status] += 1

    with ThreadPoolExecutor(len(calls)) as pool:
        busy = [pool.submit(work, call) for call in calls]
        try:
            yield statuses
        finally:
            over.set()
        for future in busy:
            future.result()


@dataclass
class Person:
    """A customer with a connection of their own."""

    client: Client
    account: Account

    @classmethod
    def register(cls, site: Site) -> Person:
        """Make an account. Raises LauncherError."""
        client = Client(0, url=site.urls[0])
        account = Account(f"person {secrets.token_hex(6)}", secrets.token_hex(12), 200.0)
        require(client.insist("POST", "auth/register", account.credentials), 201)
        return cls(client, account)

    def ask(self, method: str, path: str, body: Any = None) -> Reply:
        """Send a request once."""
        return self.client.attempt(method, path, body, token=self.account.token(self.client))


def cpu_seconds(site: Site) -> float:
    """Return the seconds of CPU that the processes of the first server have used."""
    ticks = 0
    for pid in site.pids("web0"):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100
