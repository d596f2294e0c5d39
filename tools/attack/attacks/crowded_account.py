"""Opens 300,000 log-ins of one account, then ends all of them as its owner and as staff do."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import quantiles

from tools.attack.load import delays
from tools.attack.target import Person, Target, require, wait
from tools.http_client import Reply

ITEM = 6
TITLE = "An account with 300,000 log-ins"
PROMISE = (
    "They end within 3 s, other requests are not delayed (p99 below 1 s), and no account has more "
    "than 50."
)

CROWD = 300_000
AT_ONCE = 20_000
LONGEST_SECONDS = 3.0
LONGEST_WAIT = 1.0
AFTERWARDS = 2.0
"""Seconds after the end of the log-ins in which others are looked at too."""
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
        took, p99 = _one(target, way, end)
        slowest, waited = max(slowest, took), max(waited, p99)
    return (
        f"{len(ways)} × {CROWD:,} log-ins ended in {slowest:.1f} s at most, "
        f"p99 of another customer {waited:.2f} s"
    )


def _one(target: Target, way: str, end: Ending) -> tuple[float, float]:
    who, other = target.customer(), target.customer()
    for _ in range(CROWD // AT_ONCE):
        target.sql(OPEN, [who.id, AT_ONCE])
    with delays(lambda: target.call("GET", "me", token=other.access).status, pause=0.02) as waits:
        began = time.monotonic()
        reply = end(target, who)
        took = time.monotonic() - began
        wait(AFTERWARDS)
    require(reply.status in {200, 204}, f"{way} was answered {reply.status} {reply.code}")
    require(took < LONGEST_SECONDS, f"{way} took {took:.1f} s")
    p99 = quantiles(waits, n=100, method="inclusive")[98]
    require(p99 < LONGEST_WAIT, f"{way}: p99 of another customer was {p99:.2f} s")
    if way in SURVIVES:
        renewed = target.call("POST", "auth/token/refresh", {"refresh": who.refresh})
        require(renewed.status == 200, f"{way} ended the log-in that asked: {renewed.code}")
    return took, p99


def _fifty_first(target: Target) -> None:
    who = target.customer()
    target.sql(OPEN, [who.id, MOST])
    access = _log_in(target, who).body["access"]
    listed = target.call("GET", "me/sessions?limit=100", token=access).body["results"]
    require(len(listed) == MOST, f"an account has {len(listed)} live log-ins")
