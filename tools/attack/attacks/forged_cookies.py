"""Sends session cookies that Django did not make, and methods that no client needs."""

from __future__ import annotations

import http.client

from tools.attack.target import Target, require

ITEM = 1
TITLE = "Forged session cookies and unusual methods"
PROMISE = "They are answered like a client without a session, never with 5xx."

PATHS = (
    *("/admin/", "/admin/login/", "/admin/logout/", "/admin/jsi18n/"),
    *("/api/", "/api/products/", "/api/v1/docs", "/api/v1/openapi.json", "/readyz"),
)
COOKIES = (r'"\000abcdefgh"', r'"abcdefgh\000"', r'"\355\240\200abcdefgh"', "a" * 4_000, "")
METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND")


def attack(target: Target, *, full: bool) -> str:
    """Return how many requests were answered below 500; raises Broken."""
    requests = [(method, path, one) for method in METHODS for path in PATHS for one in COOKIES]
    requests *= 10 if full else 1
    for method, path, cookie in requests:
        status = _status(target, method, path, cookie)
        require(status < 500, f"{method} {path} with sessionid={cookie:.20} was answered {status}")
    return f"{len(requests)} requests, all answered below 500"


def _status(target: Target, method: str, path: str, cookie: str) -> int:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid={cookie}\r\n\r\n"
    with target.socket(timeout=20) as wire:
        wire.sendall(head.encode())
        answer = http.client.HTTPResponse(wire, method=method)
        answer.begin()
        return answer.status
