"""Customers who go on through every failure: each repeats what was not answered, under its key.

They order, cancel, look at what they have, hang up in the middle, ask again for the answers that
they got long ago, and some go away without ever hearing. A member of staff fills up what is scarce.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from threading import Event
from uuid import uuid4

from tools.drill.shop import Stage
from tools.drill.wishes import LATER, Heard, Kind, Record, Wish
from tools.errors import LauncherError
from tools.replay.clients import Account, NoAnswerError, expect, persist
from tools.replay.traffic import send_and_cut
from tools.replay.wire import Answer, Line, Request

ANSWER_SECONDS = 5.0
"""As long as an app waits for an answer before it asks again."""
WAIT_SECONDS = 60.0
"""As long as a customer goes on asking."""
PAUSE_SECONDS = 0.05
LONGEST_THOUGHT_SECONDS = 0.04
REFRESH_SECONDS = 15.0
"""Log-ins are refreshed far more often than they need to be: that has to hold too."""
FILL_UP_SECONDS = 0.5
GONE = (OSError, http.client.HTTPException)


@dataclass
class Crowd:
    """The customers of a stage and the answers that they got. `impatience`: the part of the orders
    at which a client hangs up; a third of them never ask again."""

    stage: Stage
    record: Record
    seed: int
    impatience: float = 0.12
    servers: Sequence[str] = ()
    """Addresses of servers, of which each customer uses one; empty: that of the stage."""
    orders: int = 0
    """Acknowledged so far."""
    _over: Event = field(default_factory=Event)

    @contextlib.contextmanager
    def running(self) -> Iterator[Crowd]:
        """Let them loose; at the end all but who went away wait for their last answers."""
        *people, _ = self.stage.customers
        with ThreadPoolExecutor(len(people) + 1) as threads:
            busy = [threads.submit(self._shop, one, who) for one, who in enumerate(people)]
            busy.append(threads.submit(self._fill_up))
            try:
                yield self
            finally:
                self._over.set()
            for one in busy:
                one.result()

    def look_up(self, *, after: float = ANSWER_SECONDS) -> None:
        """All customers look in their history for orders whose result they do not know.

        `after`: seconds in which what is still under way ends.
        """
        doubtful = [wish for wish in self.record.of(Kind.ORDER) if wish.doubtful]
        time.sleep(after)
        with Line(self.stage.base_url) as line:
            for wish in doubtful:
                path = f"orders?reference={wish.key}"
                answer = persist(line, Request("GET", path, token=wish.account.token(line)))
                found = expect(answer, 200, "looking for an order").body["results"]
                if len(found) > 1:
                    self.record.complain(f"Order {wish.key} is {len(found)} times in the history.")
                wish.found = found[0]["id"] if found else ""

    def wait_for(self, orders: int) -> None:
        """Return when so many more orders are acknowledged. Raises LauncherError."""
        goal, deadline = self.orders + orders, time.monotonic() + WAIT_SECONDS
        while self.orders < goal:
            if time.monotonic() > deadline:
                raise LauncherError(f"No {orders} orders were placed in {WAIT_SECONDS:.0f} s.")
            time.sleep(0.01)

    def _shop(self, number: int, account: Account) -> None:
        address = self.servers[number % len(self.servers)] if self.servers else self.stage.base_url
        with Line(address, timeout=ANSWER_SECONDS) as line:
            customer = Customer(self, account, line, Random(f"{self.seed} {number}"))  # noqa: S311
            while not self._over.is_set():
                customer.do_something()

    def _fill_up(self) -> None:
        with Line(self.stage.base_url, timeout=ANSWER_SECONDS) as line:
            clerk = Customer(self, self.stage.staff, line, Random(f"{self.seed} staff"))  # noqa: S311
            while not self._over.wait(FILL_UP_SECONDS):
                clerk.receive()


@dataclass
class Customer:
    """A client with an account, a connection and separate random numbers."""

    crowd: Crowd
    account: Account
    line: Line
    random: Random
    done: list[Wish] = field(default_factory=list)
    """Orders that were acknowledged and that they have not cancelled."""
    sent: int = 0

    def do_something(self) -> None:
        """One act, and a thought."""
        acts: list[tuple[Callable[[], object], int]] = [(self.order, 74)]
        if self.done:
            acts += [(self.cancel, 8), (self.look, 10), (self.ask_again, 8)]
        (act,) = self.random.choices([act for act, _ in acts], [weight for _, weight in acts])
        act()
        time.sleep(self.random.random() * LONGEST_THOUGHT_SECONDS)

    def order(self) -> None:
        """Place an order; now and then hang up in the middle, and come back or never ask."""
        wish = self.want_order()
        if self.random.random() < self.crowd.impatience:
            self.send_and_hang_up(wish)
            wish.abandoned = self.random.random() < 1 / 3
        if wish.abandoned:
            return
        self.insist(wish)
        if wish.id:
            self.crowd.orders += 1
            self.done.append(wish)

    def want_order(self) -> Wish:
        """One to three products; every other order chooses its own id."""
        random, products = self.random, self.crowd.stage.products
        chosen = random.sample(list(products), random.randint(1, 3))
        units = {one.id: random.randint(1, 4) for one in chosen}
        lines = [{"product": product, "quantity": number} for product, number in units.items()]
        key = self.new_key()
        body = {"lines": lines, "reference": key}
        if random.random() < 0.5:
            body["id"] = str(uuid4())
        return self.want(Wish(Kind.ORDER, key, self.account, "orders", body, units))

    def cancel(self) -> None:
        """Give an order back."""
        order = self.done.pop(self.random.randrange(len(self.done)))
        path = f"orders/{order.id}/cancel"
        self.insist(
            self.want(
                Wish(Kind.CANCEL, self.new_key(), self.account, path, {}, order.units, of=order)
            )
        )

    def receive(self) -> None:
        """Fill up what is scarce."""
        product = self.random.choice([one for one in self.crowd.stage.products if one.scarce])
        delta = self.random.randint(1, 20)
        body = {"reason": "received", "lines": [{"product": product.id, "delta": delta}]}
        units = {product.id: delta}
        wish = Wish(Kind.RECEIVE, self.new_key(), self.account, "stock/adjustments", body, units)
        self.insist(self.want(wish))

    def look(self) -> None:
        """Look at an order that was acknowledged: it has to be there, now and always."""
        order = self.random.choice(self.done)
        answer = self.ask(Request("GET", f"orders/{order.id}", token=self.token()))
        if answer is None or answer.status in LATER:
            return
        if answer.status != 200 or answer.body["status"] != "placed":
            self.complain(f"Order {order.key}, acknowledged, was shown as {answer.status}")

    def ask_again(self) -> None:
        """Repeat an order that was answered long ago."""
        self.try_once(self.random.choice(self.done))

    def insist(self, wish: Wish) -> None:
        """Repeat it until the answer is definite, or the time is up."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            one = self.try_once(wish)
            if not wish.open:
                return
            if one.status not in (0, *LATER):
                self.complain(f"{wish.kind} {wish.key} was answered {one.status} ({one.code})")
            if time.monotonic() > deadline:
                return
            time.sleep(PAUSE_SECONDS)

    def try_once(self, wish: Wish) -> Heard:
        """Send it once and note what comes."""
        request, sent = wish.request(self.token()), time.monotonic()
        return self.crowd.record.hear(wish, sent, self.ask(request))

    def send_and_hang_up(self, wish: Wish) -> None:
        """Send it and cut the connection: its result is unknown."""
        request, sent = wish.request(self.token()), time.monotonic()
        other = Line(self.crowd.stage.base_url, timeout=ANSWER_SECONDS)
        send_and_cut(other, request, self.random.random() * 0.03)
        self.crowd.record.hear(wish, sent, None)

    def ask(self, request: Request) -> Answer | None:
        """Return the answer; None when the connection broke or time is up."""
        try:
            return self.line.call(request)
        except GONE:
            return None

    def token(self) -> str:
        """Return a token, refreshed again and again; a log-in must never be lost."""
        while True:
            try:
                token = self.account.token(self.line)
            except NoAnswerError:
                continue
            soon = time.monotonic() + REFRESH_SECONDS
            self.account.good_until = min(self.account.good_until, soon)
            return token

    def new_key(self) -> str:
        """Return a new key."""
        self.sent += 1
        name = self.account.username.removeprefix(f"{self.crowd.stage.run} ")
        return f"{self.crowd.stage.run}-{name}-{self.sent}"

    def want(self, wish: Wish) -> Wish:
        """Write a wish down before it is sent."""
        return self.crowd.record.add(wish)

    def complain(self, trouble: str) -> None:
        """Write down what should not have been said."""
        self.crowd.record.complain(f"{trouble}.")
