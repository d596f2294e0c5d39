"""Sends the first line of a cart again after the cart was submitted or deleted."""

from __future__ import annotations

from tools.attack.target import Person, Target, require
from tools.http_client import Reply

ITEM = 12
TITLE = "Cart lines that arrive late"
PROMISE = "A late duplicate of a cart's first line, with `If-Match`, begins no second cart."


def attack(target: Target, *, full: bool) -> str:
    """Return how many late lines were refused; raises Broken."""
    who, jam = target.customer(), target.product(stock=10_000)
    tags, refused = [_tag(target, who)], 0
    for turn in range(40 if full else 10):
        first = _put(target, who, jam, 1, tags[-1])
        require(first.status == 200, f"the first line was answered {first.status}")
        path = ("POST", "cart/submit") if turn % 2 else ("DELETE", "cart")
        require(target.call(*path, token=who.access).status < 300, f"{path} failed")
        for late in tags:
            answer = _put(target, who, jam, 1, late)
            require(answer.status == 412, f"a late first line was answered {answer.status}")
            refused += 1
        tags.append(_tag(target, who))
    _put(target, who, jam, 1, tags[-1])
    same = _put(target, who, jam, 1, tags[0])
    require(same.status == 200, f"a line that changes nothing was answered {same.status}")
    return f"{refused} late lines refused"


def _tag(target: Target, who: Person) -> str:
    return target.call("GET", "cart", token=who.access).headers["etag"]


def _put(target: Target, who: Person, jam: int, quantity: int, tag: str) -> Reply:
    headers = {"If-Match": tag}
    path, body = f"cart/lines/{jam}", {"quantity": quantity}
    return target.call("PUT", path, body, token=who.access, headers=headers)
