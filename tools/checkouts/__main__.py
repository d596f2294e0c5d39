"""python -m tools.checkouts: see --help. Exit status 1 if anything was wrong."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random

from tools.attack.target import Code, Target, started
from tools.checkouts import __doc__ as about
from tools.checkouts import audit
from tools.checkouts.phones import Phone, Probe, Run, Staff
from tools.drill.shop import set_stage
from tools.errors import LauncherError
from tools.kept import Kept
from tools.ports import free_port, listens
from tools.processes import children, send, wait_until
from tools.replay.clients import Account
from tools.replay.options import DEMO_STAFF
from tools.replay.wire import Line
from tools.terminal import complain, say

FULL, SECONDS, MOST_SECONDS, PHONES = 100_000, 240, 3 * 3600, 64
SECRET = "whsec_checkouts"
CRASHES = ("shop", "provider", "worker", "provider")
BETWEEN_SECONDS, DRAIN_SECONDS, EXPIRY_SECONDS, SHOWN = 12.0, 90.0, 30.0, 10
PROGRESS_SECONDS = 60


@dataclass
class Parts:
    """The processes of a run: the shop's server, its job worker, and the provider."""

    shop: Target
    file: Path
    seed: int
    port: int = field(default_factory=free_port)
    crashes: Counter[str] = field(default_factory=Counter)
    _kept: dict[str, Kept] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start the provider or the job worker."""
        to = f"http://127.0.0.1:{self.shop.port}/api/v1/payments/providers/stripe"
        options = ["--secret", SECRET, "--to", to, "--port", str(self.port)]
        provider = ["-m", "tools.stripe_double", self.file, *options, "--seed", str(self.seed)]
        worker = ["manage.py", "procrastinate", "worker"]
        self._kept[name] = Kept(
            [sys.executable, *(provider if name == "provider" else worker)],
            environment=self.shop.environment,
            output=subprocess.DEVNULL,
            folder=self.shop.checkout,
        )
        if name == "provider" and not wait_until(lambda: listens(self.port)):
            raise LauncherError(f"The provider did not start: run it to read why: {provider}")

    def crash(self, name: str) -> None:
        """Kill a part with SIGKILL, and start it again."""
        self.crashes[name] += 1
        if name == "shop":
            for pid in [self.shop.main, *self.shop.workers()]:
                if pid:
                    send(pid, signal.SIGKILL)
            self.shop.stop()
            self.shop.start()
            return
        for pid in children(self._kept[name].pid):
            send(pid, signal.SIGKILL)
        self._kept[name].close()
        self.start(name)

    def stop(self) -> None:
        """End the provider and the worker."""
        for one in self._kept.values():
            one.close()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.checkouts", description=about)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of checkouts (%(default)s)")
    parser.add_argument("--full", action="store_true", help=f"{FULL:,} checkouts")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    given = parser.parse_args()
    goal, seconds = (FULL, MOST_SECONDS) if given.full else (MOST_SECONDS * 1000, given.seconds)
    try:
        return 0 if check(goal, seconds, given.seed) else 1
    except LauncherError as error:
        complain(str(error))
        return 1


def check(goal: int, seconds: int, seed: int) -> bool:
    """Take payments, wait until all events are taken, and compare; True if all is well."""
    say(f"seed {seed}")
    settings = {"STRIPE_WEBHOOK_SECRETS": SECRET, "THREADS": "16"}
    with started(Code(), settings) as shop:
        parts = Parts(shop, shop.folder / "provider.sqlite", seed)
        try:
            return _checked(parts, goal, seconds)
        finally:
            parts.stop()


def _checked(parts: Parts, goal: int, seconds: int) -> bool:
    shop, random, began = parts.shop, Random(parts.seed), time.monotonic()  # noqa: S311
    parts.start("worker")
    parts.start("provider")
    address = f"http://127.0.0.1:{shop.port}"
    stage = set_stage(address, Account(*DEMO_STAFF), customers=PHONES, random=random)
    run = Run(stage, parts.port, goal)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: run.over.set())
    with _working(run, shop.product(stock=1), random):
        _crash(parts, run, seconds, random)
    took = time.monotonic() - began
    unsent = _drain(run)
    wait_until(lambda: not shop.sql(PENDING)[0][0], EXPIRY_SECONDS)
    books = audit.read(parts.file, shop.cluster.owner_url())
    opening = {one.id: one.opening + run.received[one.id] for one in stage.products}
    faults = [*audit.money_faults(books), *audit.stock_faults(books, opening)]
    faults += [("oversold", one) for one in run.failures]
    faults += [("not taken", f"{unsent} events")] * bool(unsent)
    status, printed = shop.manage("check_invariants")
    faults += [("invariant", printed[-500:])] * bool(status)
    for name, said in faults[:SHOWN]:
        say(f"{name}: {said}")
    late = sum(lag > 0 for lag in run.lags)
    say(_summary(run, parts, books, took) + _verdict(Counter(name for name, _ in faults), late))
    return not faults and not late and bool(run.lags)


PENDING = "SELECT count(*) FROM \"order\" WHERE status = 'pending'"
ALWAYS = (
    "paid without an order or a refund due",
    "oversold",
    "refund due without a payment",
)
"""The faults that the last line names also if there are none."""


def _verdict(faults: Counter[str], late: int) -> str:
    counts = {name: faults.pop(name, 0) for name in ALWAYS} | {"late release": late} | dict(faults)
    return ", ".join(f"{name} {number}" for name, number in counts.items())


def _summary(run: Run, parts: Parts, books: audit.Books, took: float) -> str:
    orders = Counter(one.status for one in books.orders.values())
    paid = sum(units > 0 for units in books.captured.values())
    crashes = ", ".join(f"{parts.crashes[one]} of the {one}" for one in dict.fromkeys(CRASHES))
    return (
        f"{run.ways.total():,} checkouts in {took:.0f} s, {paid:,} paid, "
        f"{orders['placed']:,} placed, {orders['expired']:,} expired, "
        f"{len(books.due):,} refunds due, {len(run.lags):,} ends of holds probed, "
        f"crashes: {crashes}; "
    )


@contextlib.contextmanager
def _working(run: Run, product: int, random: Random) -> Iterator[None]:
    """Let phones, staff and the probe work during the block, and wait for them afterwards."""
    *customers, last = run.stage.customers

    def parts_of(account: Account) -> tuple[Run, Account, Line, Random]:
        seed = random.random()
        return run, account, Line(run.stage.base_url, timeout=5), Random(seed)  # noqa: S311

    workers = [Phone(*parts_of(one)) for one in customers]
    workers += [Staff(*parts_of(run.stage.staff)), Probe(*parts_of(last), product)]
    with ThreadPoolExecutor(len(workers)) as threads:
        busy = [threads.submit(one.work) for one in workers]
        try:
            yield
        finally:
            run.over.set()
        for one in busy:
            one.result()


def _crash(parts: Parts, run: Run, seconds: int, random: Random) -> None:
    """Kill a part now and then, until the time or the checkouts are over."""
    began, deck, said = time.monotonic(), cycle(CRASHES), 0
    deadline = began + seconds
    while time.monotonic() < deadline:
        if (minutes := int((time.monotonic() - began) / PROGRESS_SECONDS)) > said:
            said = minutes
            say(f"  {run.ways.total():,} checkouts after {minutes} min")
        pause = random.uniform(0.3, 1.0) * BETWEEN_SECONDS
        if run.over.wait(min(pause, max(0.0, deadline - time.monotonic()))):
            return
        if time.monotonic() < deadline:
            parts.crash(next(deck))


def _drain(run: Run) -> int:
    """Let the provider send until all events are taken. Return how many are not."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while left := run.ask_provider("age", {})["left"]:
        if time.monotonic() > deadline:
            return int(left)
        time.sleep(0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
