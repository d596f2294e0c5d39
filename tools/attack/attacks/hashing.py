"""Keeps all password hashes busy from ever new IPv6 addresses, while customers come back."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from time import monotonic

from tools.attack.target import Person, Target, require, wait
from tools.http_client import Reply

ITEM = 7
TITLE = "Password hashing"
PROMISE = (
    "While 24 connections guess passwords, 99 % of refreshes, of log-ins with a former refresh "
    "token and of repeated registrations succeed within 2 s."
)

ATTACKERS = 24
LONGEST_SECONDS = 2.0
REPEATS = 8
"""As many as the limits of registrations let through for one name."""
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1", "RATE_LIMITS": "normal"}


@dataclass
class Seen:
    """What was answered: attackers' statuses and waits, customers' times by what they did."""

    attackers: Counter[int] = field(default_factory=Counter)
    waits: set[int] = field(default_factory=set)
    good: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    longest: float = 0

    def ask(self, what: str, call: Callable[[], Reply]) -> Reply:
        """Count an answer to a customer."""
        began = monotonic()
        reply = call()
        took = monotonic() - began
        self.longest = max(self.longest, took)
        if reply.status in {200, 201} and took < LONGEST_SECONDS:
            self.good[what] += 1
        else:
            self.bad[f"{what}: {reply.status} after {took:.1f} s"] += 1
        return reply


def attack(target: Target, *, full: bool) -> str:
    """Return how many customers were served, and the longest wait. Raises Broken."""
    customers = [target.customer() for _ in range(60 if full else 20)]
    seen = Seen()
    with target.server(SETTINGS) as server:
        repeat = _registration(server)
        with _guessing(server, seen), ThreadPoolExecutor(3) as pool:
            wait(1)
            list(pool.map(lambda who: _return(server, who, seen), customers[:10]))
            for number, who in enumerate(customers[10:]):
                _return(server, who, seen)
                if number < REPEATS:
                    seen.ask("repeat", repeat)
    return _judged(seen)


def _judged(seen: Seen) -> str:
    good, bad = seen.good.total(), seen.bad.total()
    require(good >= 0.99 * (good + bad), f"{bad} of {good + bad} were not served: {dict(seen.bad)}")
    require(seen.attackers[503] > 100, f"the attack was too weak: {dict(seen.attackers)}")
    require(max(seen.waits) > 5, f"Retry-After does not grow: {seen.waits}")
    return (
        f"{good} of {good + bad} served beside {seen.attackers.total()} guesses, the slowest "
        f"after {seen.longest:.2f} s"
    )


def _return(server: Target, who: Person, seen: Seen) -> None:
    """Log in with a former refresh token, from a new address, and refresh."""
    credentials = {"username": who.username, "password": who.password}

    def log_in() -> Reply:
        reply = _post(server, "auth/token", credentials | {"refresh": who.refresh})
        if reply.code == "unknown_field":
            reply = _post(server, "auth/token", credentials)
        return reply

    pair = seen.ask("log-in", log_in)
    for _ in range(3):
        body = {"refresh": pair.body["refresh"] if pair.status == 200 else who.refresh}
        pair = seen.ask("refresh", partial(_post, server, "auth/token/refresh", body))


def _registration(server: Target) -> Callable[[], Reply]:
    """Register with a key; give the repeat of it."""
    body = {"username": f"repeated {secrets.token_hex(6)}", "password": "a rather good one"}
    headers = {"Idempotency-Key": secrets.token_hex(16)} | _address()

    def register() -> Reply:
        return server.call("POST", "auth/register", body, headers=headers)

    require(register().status == 201, "registration failed before the attack")
    return register


@contextmanager
def _guessing(server: Target, seen: Seen) -> Iterator[None]:
    """Guess passwords of made-up names on 24 connections, whatever Retry-After says."""
    over = Event()

    def guess() -> None:
        while not over.is_set():
            reply = _post(server, "auth/token", {"username": secrets.token_hex(4), "password": "x"})
            seen.attackers[reply.status] += 1
            seen.waits.add(int(reply.headers.get("retry-after", 0)))

    with ThreadPoolExecutor(ATTACKERS) as pool:
        guessing = [pool.submit(guess) for _ in range(ATTACKERS)]
        try:
            yield
        finally:
            over.set()
        for one in guessing:
            one.result()


def _post(server: Target, path: str, body: object) -> Reply:
    return server.call("POST", path, body, headers=_address())


def _address() -> dict[str, str]:
    """Another IPv6 /48 each time."""
    return {"X-Forwarded-For": f"2a00:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"}
