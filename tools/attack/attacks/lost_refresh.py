"""Refreshes with the former token of a session that was refreshed 75 seconds ago, and from two
clients with one token."""

from __future__ import annotations

from tools.attack.target import Person, Target, require
from tools.http_client import Reply

ITEM = 13
TITLE = "A refresh answer that is lost for 75 seconds"
PROMISE = "The phone goes on, and two holders of one token still collide."

ROUNDS = 20
AGE = """
UPDATE identity.session SET rotated_at = rotated_at - interval '75 s' WHERE customer_id = %s
"""


def attack(target: Target, *, full: bool) -> str:
    """Return how many log-ins were tried. Raises Broken."""
    rounds = ROUNDS * 5 if full else ROUNDS
    for number in range(rounds):
        _lost(target) if number % 2 else _held_twice(target)
    return f"{rounds} log-ins: each phone went on, each second holder ended the log-in"


def _lost(target: Target) -> None:
    phone = target.customer()
    _renew(target, phone.refresh)
    _tunnel(target, phone)
    again = _renew(target, phone.refresh)
    require(again.status == 200, f"the phone was logged out after 75 s: {again.code}")
    later = _renew(target, again.body["refresh"])
    require(later.status == 200, f"the phone was logged out later: {later.code}")


def _held_twice(target: Target) -> None:
    phone = target.customer()
    thief = _renew(target, phone.refresh).body["refresh"]
    _tunnel(target, phone)
    mine = _renew(target, phone.refresh)
    caught = _renew(target, thief)
    require(caught.code == "session_ended", f"a replaced token was answered {caught.code}")
    if mine.status == 200:
        ended = _renew(target, mine.body["refresh"])
        require(ended.code == "session_ended", "two holders of one token go on")


def _tunnel(target: Target, phone: Person) -> None:
    target.sql(AGE, [phone.id])


def _renew(target: Target, token: str) -> Reply:
    return target.call("POST", "auth/token/refresh", {"refresh": token})
