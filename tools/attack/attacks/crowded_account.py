"""Opens 300,000 log-ins of one account, then ends all of them as its owner and as staff do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tools.attack.target import Person, Target, require
from tools.http_client import Reply

ITEM = 6
TITLE = "An account with 300,000 log-ins"
PROMISE = "They end within 3 s, other requests are not delayed, and no account has more than 50."

CROWD = 300_000
AT_ONCE = 20_000
LONGEST_SECONDS = 3.0
MOST = 50
NEW = "a horse of another colour"

OPEN = """
INSERT INTO identity.session (id, customer_id, door, client, generation,
                              created_at, rotated_at, expires_at)
SELECT gen_random_uuid(), %s, 'v1', '', 0, now(), now() - place * interval '1 ms',
       now() + interval '30 days'
FROM generate_series(1, %s) AS place
"""

Ending = Callable[[Target, Person], Reply]


def _change_password(target: Target, who: Person) -> Reply:
    body = {"current_password": who.password, "new_password": NEW}
    return target.call("POST", "auth/password/change", body, token=who.access)


def _log_in(target: Target, who: Person) -> Reply:
    given = {"username": who.username, "password": who.password}
    return target.call("POST", "auth/token", given)


def _staff_delete(target: Target, who: Person) -> Reply:
    return target.call("DELETE", f"/api/identity/customers/{who.id}/", token=target.staff())


ENDINGS: dict[str, Ending] = {
    "DELETE me/sessions": lambda target, who: target.call(
        "DELETE", "me/sessions", token=who.access
    ),
    "a changed password": _change_password,
    "a 51st log-in": _log_in,
    "DELETE me": lambda target, who: target.call("DELETE", "me", token=who.access),
    "deletion by staff": _staff_delete,
}
SURVIVES = {"DELETE me/sessions", "a changed password"}


def attack(target: Target, *, full: bool) -> str:
    """Return how long each way of ending took at most. Raises Broken."""
    _fifty_first(target)
    ways = ENDINGS if full else dict([next(iter(ENDINGS.items()))])
    slowest, waited = 0.0, 0.0
    for way, end in ways.items():
        took, longest = _one(target, way, end)
        slowest, waited = max(slowest, took), max(waited, longest)
    return (
        f"{len(ways)} × {CROWD:,} log-ins ended in {slowest:.1f} s at most, "
        f"another customer waited {waited:.1f} s at most"
    )


def _one(target: Target, way: str, end: Ending) -> tuple[float, float]:
    who, other = target.customer(), target.customer()
    for _ in range(CROWD // AT_ONCE):
        target.sql(OPEN, [who.id, AT_ONCE])
    with _beside(target, other) as waits:
        began = time.monotonic()
        reply = end(target, who)
        took = time.monotonic() - began
    require(reply.status in {200, 204}, f"{way} was answered {reply.status} {reply.code}")
    require(took < LONGEST_SECONDS, f"{way} took {took:.1f} s")
    if way in SURVIVES:
        renewed = target.call("POST", "auth/token/refresh", {"refresh": who.refresh})
        require(renewed.status == 200, f"{way} ended the log-in that asked: {renewed.code}")
    return took, max(waits, default=0.0)


@contextmanager
def _beside(target: Target, other: Person) -> Iterator[list[float]]:
    """Requests of another customer while the block runs, and how long each took."""
    waits: list[float] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(0.05):
            began = time.monotonic()
            target.call("GET", "me", token=other.access)
            waits.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


def _fifty_first(target: Target) -> None:
    who = target.customer()
    target.sql(OPEN, [who.id, MOST])
    access = _log_in(target, who).body["access"]
    listed = target.call("GET", "me/sessions?limit=100", token=access).body["results"]
    require(len(listed) == MOST, f"an account has {len(listed)} live log-ins")
