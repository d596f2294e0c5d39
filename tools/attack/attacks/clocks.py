"""Sends access tokens that a server with a clock ahead of this one's has issued."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from tools.attack.target import Target, require

ITEM = 16
TITLE = "Access tokens of a server whose clock is ahead"
PROMISE = "A fresh token is accepted by every server."

SECONDS_AHEAD = (1, 5, 30, 60)
EACH = 20


def attack(target: Target, *, full: bool) -> str:
    """Return how many tokens were accepted. Raises Broken."""
    who = target.customer()
    sent = 0
    for ahead in SECONDS_AHEAD:
        token = _issued_ahead(target, who.access, ahead)
        for _ in range(EACH * 5 if full else EACH):
            reply = target.call("GET", "me", token=token)
            target.hang_up()
            require(reply.status == 200, f"a token of {ahead} s ahead was answered {reply.code}")
            sent += 1
    return f"{sent} requests with tokens of up to {SECONDS_AHEAD[-1]} s ahead, all 200"


def _issued_ahead(target: Target, access: str, seconds: int) -> str:
    """The token as a server with the same secret would have issued it by its own clock."""
    head, payload, _ = access.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims |= {name: claims[name] + seconds for name in ("iat", "exp")}
    said = f"{head}.{_text(json.dumps(claims).encode())}"
    secret = target.environment["SECRET_KEY"].encode()
    key = hmac.digest(secret, b"larder:access", hashlib.sha256)
    return f"{said}.{_text(hmac.digest(key, said.encode(), hashlib.sha256))}"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
