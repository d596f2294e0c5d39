"""Tries at the doors of the API, counted (larder/identity/attempts.py)."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress

from django.conf import settings
from django.http import HttpRequest

from larder.http.authentication import signer
from larder.identity import queries
from larder.identity.attempts import Proof, attempt
from larder.identity.client_address import client_address
from larder.identity.errors import TokenInvalid
from larder.identity.token_policies import TOKEN_POLICIES, TokenPolicy


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: no client can choose it (TRUSTED_PROXIES)."""
    return client_address(request.META, settings.TRUSTED_PROXIES)


def log_in(
    request: HttpRequest, username: str, *, proof: Proof = "none", caller: int | None = None
) -> AbstractContextManager[None]:
    """`with log_in(request, username):` around what looks at the password. `caller` is the id of
    the account, if the request has a token of it.

    Raises RateLimited, which every view answers with 429, and Overloaded.
    """
    return attempt(
        "log in", account=username, address=address_of(request), proof=proof, caller=caller
    )


def proof_of(token: str, username: str) -> Proof:
    """Returns "token" if this refresh token was issued to the account, by any API version; it may
    be expired, used or ended, as long as its session is stored. Otherwise returns "none"."""
    for policy in TOKEN_POLICIES:
        with suppress(TokenInvalid):
            session = signer().read_refresh(token, policy=policy).session
            return "token" if queries.is_session_of(session, username) else "none"
    return "none"


def register(request: HttpRequest, username: str) -> AbstractContextManager[None]:
    """Around registering under this name. Raises RateLimited."""
    return attempt("register", account=username, address=address_of(request))


def refresh(
    request: HttpRequest, token: str, *, policy: TokenPolicy
) -> AbstractContextManager[None]:
    """Around the exchange of a refresh token. Its account is the one it was issued for; what is
    no token of ours counts for the address alone.

    Raises RateLimited.
    """
    return attempt("refresh", account=_issued_for(token, policy), address=address_of(request))


def _issued_for(token: str, policy: TokenPolicy) -> str | None:
    try:
        owner = queries.session_owner(signer().read_refresh(token, policy=policy).session)
    except TokenInvalid:
        return None
    return None if owner is None else str(owner)


def reset(request: HttpRequest, account: str) -> AbstractContextManager[None]:
    """Around asking for a mail that resets a password, for what was typed: a username or an
    email address, known or not. Raises RateLimited."""
    return attempt("reset", account=account, address=address_of(request))


def confirm(request: HttpRequest, account: str | None) -> AbstractContextManager[None]:
    """Around setting a new password with what the mail said, for the account that it names, if it
    names one.

    Raises RateLimited.
    """
    return attempt("confirm", account=account, address=address_of(request))


def change_profile(
    request: HttpRequest, customer: int, fields: Mapping[str, object]
) -> AbstractContextManager[None]:
    """Around changing a name or an address: whether somebody else has it is told, and must not be
    asked of a whole list. Raises RateLimited."""
    if not {"username", "email"} & fields.keys():
        return nullcontext()
    return attempt("profile", account=str(customer), address=address_of(request))
