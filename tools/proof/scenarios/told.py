"""Who tells of orders and who is told are killed under load: every event arrives, in order."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress

from tools.http_client import Client
from tools.processes import HOST, free_port, wait_until
from tools.proof.fleet import require
from tools.proof.receivers import Messages
from tools.proof.site import Kit, strike

STEADY, KILLED, MAILS = "steady", ("one", "two"), "mails"
"""Receivers: of webhooks one that is never killed, and those that are; and of mails."""
PORTS = {name: free_port() for name in (STEADY, *KILLED, MAILS)}
SETTINGS = {
    "WEBHOOK_NETWORKS": f"{HOST}/32",
    "EMAIL_URL": f"smtp://{HOST}:{PORTS[MAILS]}",
    "ORDER_MAILS": "new_order",
    "SHOP_MAIL": "shop@example.com",
}
MOVES = ("placed", "cancelled", "packed", "shipped", "returned")
"""What customers and staff do to orders: the types of their events."""
VICTIMS = ("worker", "worker", "web0", "session", MAILS, *KILLED)
KILLS, FULL_KILLS = 100, 400
QUIET_ORDERS = 60
BACK_SECONDS, TOLD_SECONDS = 30.0, 120.0


class Listener(threading.Thread):
    """Reads the stream of all orders, and resumes it after each end."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(daemon=True)
        self._staff, self._port = kit.fleet.staff, kit.site.ports[0]
        self._client, self._last = Client(self._port), ""
        self.is_ready, self.is_over = threading.Event(), threading.Event()
        self.heard: dict[str, float] = {}
        """The time of each event, by its id."""

    def run(self) -> None:
        """Read until it is over."""
        while not self.is_over.wait(0.2):
            with suppress(OSError, http.client.HTTPException):
                for event in self._events():
                    self.heard.setdefault(event["event"], time.time())

    def _events(self) -> Iterator[dict[str, str]]:
        headers = {"Authorization": f"Bearer {self._staff.token(self._client)}"}
        if self._last:
            headers["Last-Event-ID"] = self._last
        connection, name = http.client.HTTPConnection(HOST, self._port, timeout=20), ""
        try:
            connection.request("GET", "/api/v1/events/stream?all=true", headers=headers)
            answer = connection.getresponse()
            while answer.status == 200 and (line := answer.readline().decode()):
                field, _, value = line.strip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    self._last = value
                elif field == "data" and name == "ready":
                    self.is_ready.set()
                elif field == "data" and name == "order":
                    yield json.loads(value)
        finally:
            connection.close()


class Told:
    """What the books have, and what arrived."""

    def __init__(self, kit: Kit) -> None:
        self.kit, self.began, self.stream = kit, time.time(), Listener(kit)
        self.messages: dict[str, Messages] = {}

    def events(self) -> list[tuple[str, str, str, float]]:
        """The events of orders in the books: id, type, order and time, order by order."""
        return [
            (str(id), f"order.{type}", str(order), at)
            for id, type, order, at in self.kit.site.sql(
                "SELECT id, type, order_id, extract(epoch FROM at)::float FROM order_event"
                " WHERE at > to_timestamp(%s) ORDER BY order_id, position",
                [self.began],
            )
        ]

    def arrived(self) -> dict[str, dict[str, float]]:
        """By channel the time at which each event arrived first, by its id."""
        times: dict[str, dict[str, float]] = {"stream": dict(self.stream.heard)}
        for name, messages in self.messages.items():
            times[name] = {}
            for message in messages:
                id = message["id"] if name != MAILS else message["id"].strip("<").partition(".")[0]
                times[name].setdefault(id, message["at"])
        return times

    def missing(self) -> list[str]:
        """What the books have and a channel has not told. The mail about an order that was
        cancelled since is not sent."""
        faults, arrived, events = [], self.arrived(), self.events()
        cancelled = {order for _, type, order, _ in events if type == "order.cancelled"}
        for id, type, order, _ in events:
            is_mailed = type == "order.placed" and order not in cancelled
            names = [name for name in arrived if is_mailed or name != MAILS]
            faults += [f"{name}: {type} {id}" for name in names if id not in arrived[name]]
        return faults

    def strange(self) -> list[str]:
        """What was told and is not in the books, or was told in another order."""
        known = {id: type for id, type, *_ in self.events()}
        faults = [
            f"{name}: {message['type']} {message['id']} is not in the books"
            for name in (STEADY, *KILLED)
            for message in self.messages[name]
            if known.get(message["id"]) != message["type"]
        ]
        first = {id: place for place, id in enumerate(self.arrived()[STEADY])}
        places = defaultdict(list)
        for id, _, order, _ in self.events():
            places[order].append(first.get(id, -1))
        return faults + [
            f"{STEADY}: the events of {order} came in another order"
            for order in places
            if places[order] != sorted(places[order])
        ]

    def show_latency(self) -> None:
        """Note how long after the fact each channel told it."""
        at, arrived = {id: at for id, *_, at in self.events()}, self.arrived()
        for name in (STEADY, MAILS, "stream"):
            seconds = sorted(arrived[name][id] - at[id] for id in at.keys() & arrived[name].keys())
            p50, p99 = statistics.median(seconds), seconds[int(0.99 * (len(seconds) - 1))]
            text = f"{name}: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"
            self.kit.step(text, p99, BACK_SECONDS, time.monotonic())


def play(kit: Kit) -> None:
    """Kill a part after each few orders, and compare what was told with the books."""
    site, told = kit.site, Told(kit)
    kit.fleet.open_shop()
    for name, port in PORTS.items():
        kind, path = "mails" if name == MAILS else "webhooks", site.folder / f"{name}.jsonl"
        told.messages[name] = Messages(path)
        site.others[name] = ["-m", "tools.proof.receivers", kind, str(port), str(path)]
        site.run(name)
    client = Client(0, url=site.urls[0])
    for name in (STEADY, *KILLED):
        events = [f"order.{move}" for move in MOVES]
        body = {"url": f"http://{HOST}:{PORTS[name]}/", "events": events}
        require(client.insist("POST", "webhooks", body, token=kit.fleet.staff.token(client)), 201)
    told.stream.start()
    told.stream.is_ready.wait(BACK_SECONDS)
    with kit.fleet.running():
        kit.fleet.wait_for(QUIET_ORDERS)
        wait_until(lambda: not told.missing(), BACK_SECONDS)
        told.show_latency()
        for _ in range(FULL_KILLS if kit.full else KILLS):
            kit.fleet.wait_for(kit.random.randint(0, 3))
            name = kit.random.choice(VICTIMS)
            strike(site.pids("postgres")[-1:] if name == "session" else site.pids(name))
            site.mend()
        kit.back("the last kill", within=BACK_SECONDS)
    # Pauses after failed attempts are passed over.
    site.sql("UPDATE delivery SET next_at = now() WHERE next_at IS NOT NULL")
    began = time.monotonic()
    wait_until(lambda: not told.missing(), TOLD_SECONDS)
    kit.step("all is told", time.monotonic() - began, TOLD_SECONDS, began)
    told.stream.is_over.set()
    counts = Counter({name: len(list(messages)) for name, messages in told.messages.items()})
    kit.step(f"{len(told.events())} events: {dict(counts)}", 0.0, 1.0, time.monotonic())
    kit.faults += [*told.missing(), *told.strange()]
