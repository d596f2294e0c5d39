"""The loads that buy: whole orders, one after the other from some clients, or all at once."""

from __future__ import annotations

import multiprocessing
import random
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.generator import BadReply
from benchmarks.measurement import Measurement, Meter, watch
from benchmarks.peers.flow import Conversation, Refused
from benchmarks.peers.system import Basket, Buyer
from benchmarks.traffic import LINES_AN_ORDER, MOST_UNITS

PROCESSES = 2
PREPARATION = 1.5
"""Seconds for processes and connections before an order is placed."""


@dataclass(frozen=True, slots=True)
class Buying:
    """Places orders of three random products: each buyer one after the other, over one connection.
    Seconds of warm-up, then seconds that count. `seed` differs between loads."""

    port: int
    buyers: Sequence[Buyer]
    products: Sequence[int]
    seed: str
    warm_up: float
    seconds: float


@dataclass(slots=True)
class Bill:
    """What some buyers placed. `latencies` (seconds, of whole orders) of the counted time alone;
    `errors` are answers 5xx."""

    latencies: list[float] = field(default_factory=list)
    requests: int = 0
    errors: int = 0
    orders: int = 0
    units: int = 0
    cpu: float = 0.0
    failure: str = ""


def measure(load: Buying, meter: Meter) -> tuple[Measurement, int]:
    """Runs a load from PROCESSES processes, a thread for each buyer.

    Its latencies are those of whole orders, `sent` are requests. The number counts answers 5xx.
    """
    begin = time.monotonic() + PREPARATION
    context = multiprocessing.get_context("spawn")
    parts = [load.buyers[number::PROCESSES] for number in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        running = [
            pool.submit(_work, load, part, f"{load.seed} {number}", begin)
            for number, part in enumerate(parts)
        ]
        usage = watch(meter, begin + load.warm_up, load.seconds)
        bills = [one.result() for one in running]
    whole = _together(bills)
    measurement = Measurement(
        seconds=load.seconds,
        latencies=sorted(whole.latencies),
        cpu=usage.with_generator(whole.cpu),
        sent=whole.requests,
        units=whole.units,
        failure=whole.failure,
        orders=whole.orders,
    )
    return measurement, whole.errors


def _together(bills: Sequence[Bill]) -> Bill:
    """All as one."""
    return Bill(
        latencies=[latency for bill in bills for latency in bill.latencies],
        requests=sum(bill.requests for bill in bills),
        errors=sum(bill.errors for bill in bills),
        orders=sum(bill.orders for bill in bills),
        units=sum(bill.units for bill in bills),
        cpu=sum(bill.cpu for bill in bills),
        failure=next((bill.failure for bill in bills if bill.failure), ""),
    )


def _work(load: Buying, buyers: Sequence[Buyer], seed: str, begin: float) -> Bill:
    """One process's part."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    before = time.process_time()
    clients = [_Client(load, buyer, f"{seed} {n}", begin) for n, buyer in enumerate(buyers)]
    with ThreadPoolExecutor(max(1, len(clients))) as threads:
        bill = _together(list(threads.map(_Client.run, clients)))
    bill.cpu = time.process_time() - before
    return bill


class _Client:
    """One buyer, from the moment `begin` (time.monotonic) until the time is over."""

    def __init__(self, load: Buying, buyer: Buyer, seed: str, begin: float) -> None:
        self._load = load
        self._buyer = buyer
        self._chance = random.Random(seed)  # noqa: S311
        self._begin = begin
        self._bill = Bill()

    def run(self) -> Bill:
        """Orders until the end, or until one goes wrong."""
        try:
            with Conversation(self._load.port) as conversation:
                time.sleep(max(0.0, self._begin - time.monotonic()))
                self._shop(conversation)
        except (BadReply, Refused, OSError) as error:
            self._bill.failure = f"{type(error).__name__}: {error}"
        return self._bill

    def _shop(self, conversation: Conversation) -> None:
        bill, counted = self._bill, self._begin + self._load.warm_up
        until = counted + self._load.seconds
        while (started := time.monotonic()) < until:
            basket = three(self._load.products, self._chance)
            bill.requests += conversation.follow(self._buyer.order(basket))
            bill.orders += 1
            bill.units += sum(units for _, units in basket)
            bill.errors = conversation.errors
            ended = time.monotonic()
            if counted <= ended <= until:
                bill.latencies.append(ended - started)


def three(products: Sequence[int], chance: random.Random) -> Basket:
    """Three different products, one to three units of each."""
    chosen = chance.sample(products, LINES_AN_ORDER)
    return [(product, chance.randint(1, MOST_UNITS)) for product in chosen]


@dataclass(frozen=True, slots=True)
class Rush:
    """Many buyers at once, a unit each of a product that few have: units that were sold and were
    refused, buyers who got neither answer, and the stock that the system shows afterwards."""

    there: int
    sold: int
    refused: int
    failed: Sequence[str]
    left: int

    @property
    def oversold(self) -> int:
        """Units that were sold and are not there."""
        return max(0, self.sold - self.there)


def rush(port: int, buyers: Sequence[Buyer], product: int) -> list[str]:
    """All buyers at once; for each "sold", "refused" or what went wrong instead."""
    gate = threading.Barrier(len(buyers))

    def buy(buyer: Buyer) -> str:
        with Conversation(port) as conversation:
            gate.wait(timeout=30)
            return outcome(conversation, buyer, [(product, 1)])

    with ThreadPoolExecutor(len(buyers)) as threads:
        return list(threads.map(buy, buyers))


def outcome(conversation: Conversation, buyer: Buyer, basket: Basket) -> str:
    """ "sold", "refused", or what went wrong instead."""
    try:
        conversation.follow(buyer.order(basket))
    except Refused:
        return "refused"
    except (BadReply, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return "sold"
