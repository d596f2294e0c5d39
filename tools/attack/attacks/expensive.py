"""Sends requests that cost much: large bodies of log-ins, and searches for short words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tools.attack.target import Target, require

ITEM = 5
TITLE = "Expensive requests"
PROMISE = (
    "A log-in's body over 16 KB is refused unread; a search for short words takes under 0.5 s."
)

OPEN = (
    *("/api/v1/auth/token", "/api/v1/auth/register", "/api/v1/auth/token/refresh"),
    *("/api/v1/auth/token/revoke", "/api/v1/auth/password/reset"),
    *("/auth/", "/api/token/", "/api/token/refresh/", "/api/register/"),
    *("/api/identity/token/", "/api/identity/register/"),
    "/admin/login/",
)
FORMS = ("/admin/", "/admin/catalog/product/add/")
"""Of staff: what a stranger sends there is read away, not parsed."""
SEARCHES = ("a e", "e a i o s t r n l c", "2", "a", "set set set set set set", "hea rt he ea ar")
SEARCH_SECONDS = 0.5


def attack(target: Target, *, full: bool) -> str:
    """Return what the requests cost; raises Broken."""
    for path in OPEN:
        seconds = _refused_unread(target, path)
        require(seconds < 5, f"{path} waited {seconds:.1f} s for a body it does not take")
    sent = 100 if full else 20
    each = _cost(target, "auth/token", b'{"a":1,"a":[' + b"1," * 60_000 + b"1]}", sent)
    require(each < 0.05, f"a body of 120 KB to auth/token cost {each:.2f} s of CPU")
    form = b"&".join(b"field%d=1" % number for number in range(200_000))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in FORMS:
        cost = _cost(target, path, form, sent, kind)
        require(cost < 0.05, f"a form of {len(form)} bytes to {path} cost {cost:.2f} s of CPU")
    token = target.customer().access
    slowest = max(_search(target, one, token) for one in SEARCHES)
    require(slowest < SEARCH_SECONDS, f"a search took {slowest:.2f} s")
    return (
        f"{len(OPEN)} paths refuse 17 KB unread, {each * 1000:.1f} ms of CPU for 120 KB, "
        f"{cost * 1000:.1f} ms for a form of {len(form) / 1e6:.1f} MB, "
        f"slowest search {slowest * 1000:.0f} ms"
    )


def _refused_unread(target: Target, path: str) -> float:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 17000\r\n\r\n"
    )
    began = time.monotonic()
    with target.socket(timeout=5) as wire:
        wire.sendall(head.encode())
        try:
            answer = wire.recv(64)
        except TimeoutError:
            return time.monotonic() - began
    require(b" 413 " in answer, f"{path} answered {answer[:40]!r}")
    return time.monotonic() - began


def _cost(
    target: Target, path: str, body: bytes, times: int, headers: Mapping[str, str] | None = None
) -> float:
    """Return the CPU seconds of a request with this body, of `times` requests."""
    before = _cpu(target)
    for _ in range(times):
        target.call("POST", path, body, headers=headers)
    return (_cpu(target) - before) / times


def _cpu(target: Target) -> float:
    """Return the seconds of CPU that the workers have used."""
    fields = [
        Path(f"/proc/{pid}/stat").read_text().split(")")[1].split() for pid in target.workers()
    ]
    return sum(int(one[11]) + int(one[12]) for one in fields) / 100


def _search(target: Target, words: str, token: str) -> float:
    """Return the shortest of three times of a search with its count."""
    query = f"products?count=true&limit=100&q={words.replace(' ', '%20')}"
    return min(_timed(target, f"{query}&at={at}", token) for at in range(3))


def _timed(target: Target, path: str, token: str) -> float:
    began = time.monotonic()
    reply = target.call("GET", path, token=token)
    require(reply.status == 200, f"{path} was answered {reply.status}")
    return time.monotonic() - began
