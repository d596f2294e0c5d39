"""Passkeys on the admin's page of the second factor: the challenge, which the session keeps, and
what the page's script needs (static/staff/passkeys.js)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from larder.core.clock import now
from larder.http.addresses import base_url
from larder.identity.errors import SecondFactorWrong
from larder.identity.factors import passkeys
from larder.identity.factors.passkeys import Answer, Challenge, User
from larder.identity.queries import factors as factor_queries

SENT = "passkey"
"""The field of the form with the answer of the browser."""

CHALLENGE = "passkey_challenge"
"""The key of the admin's session for the challenge of the page that was shown last."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the page tells its script: whether it makes a passkey (`create`) or uses one (`get`), on
    which origin, and the options as JSON. Both are empty where browsers offer no passkeys."""

    act: Literal["create", "get"]
    origin: str = ""
    options: str = ""


def offer(request: Any, act: Literal["create", "get"]) -> Offer | None:
    """Returns what the page offers, and keeps a new challenge in place of the former one. None for
    an account without passkeys that could be used."""
    user, site = request.user, passkeys.site_at(base_url(request))
    known = factor_queries.passkeys(user.pk)
    if act == "get" and not known:
        return None
    if site is None:
        return Offer(act)
    challenge = Challenge(now())
    request.session[CHALLENGE] = [challenge.made_at.timestamp(), challenge.value.hex()]
    if act == "get":
        options = passkeys.request_options(site, challenge, known)
    else:
        owner = User(user.public_id, user.username)
        options = passkeys.creation_options(site, challenge, owner, known)
    return Offer(act, site.origin, json.dumps(options))


def sent(request: Any) -> Answer | None:
    """Returns the answer of a passkey; None if the form has none. The challenge is used up.
    Raises SecondFactorWrong where browsers offer no passkeys."""
    text = request.POST.get(SENT)
    if not text:
        return None
    site, kept = passkeys.site_at(base_url(request)), request.session.pop(CHALLENGE, None)
    if site is None:
        raise SecondFactorWrong
    return Answer(site, None if kept is None else _challenge(*kept), text)


def _challenge(made_at: float, value: str) -> Challenge:
    return Challenge(datetime.fromtimestamp(made_at, UTC), bytes.fromhex(value))
