"""Rate limits of operations without credentials (larder/identity/services/attempts.py)."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress

from django.http import HttpRequest

from larder.http.addresses import address_of
from larder.http.authentication import signer
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.errors import TokenInvalid
from larder.identity.queries import credentials
from larder.identity.services.attempts import attempt, count_anonymous
from larder.identity.tokens import TOKEN_POLICIES, TokenPolicy


def anonymous(request: HttpRequest) -> None:
    """Counts a request without credentials, before its body is parsed. Raises RateLimited."""
    count_anonymous(address_of(request))


def log_in(
    request: HttpRequest, username: str, *, is_proven: bool = False
) -> AbstractContextManager[None]:
    """Returns a context for checking a password. `is_proven`: the request has a token of the
    account.

    Entering it raises RateLimited, which all views answer with 429.
    """
    return attempt("log in", account=username, address=address_of(request), is_proven=is_proven)


def is_token_of(token: str, username: str) -> bool:
    """Returns whether this refresh token was issued to the account, by any API version; it may be
    expired, used or ended, as long as its session is stored."""
    for policy in TOKEN_POLICIES:
        with suppress(TokenInvalid):
            session = signer().read_refresh(token, policy=policy).session
            return credentials.is_session_of(session, username)
    return False


def register(request: HttpRequest, username: str) -> AbstractContextManager[None]:
    """Returns a context for registering this name. Entering it raises RateLimited."""
    return attempt("register", account=username, address=address_of(request))


def refresh(
    request: HttpRequest, token: str, *, policy: TokenPolicy
) -> AbstractContextManager[None]:
    """Returns a context for exchanging a refresh token. It counts for the account that the token
    was issued to; an invalid token counts for the address only.

    Entering it raises RateLimited.
    """
    return attempt("refresh", account=_issued_for(token, policy), address=address_of(request))


def _issued_for(token: str, policy: TokenPolicy) -> str | None:
    try:
        owner = credentials.session_owner(signer().read_refresh(token, policy=policy).session)
    except TokenInvalid:
        return None
    return None if owner is None else str(owner)


def reset(request: HttpRequest, account: str) -> AbstractContextManager[None]:
    """Returns a context for requesting a password reset. `account` is what the client sent: a
    username or an email address, known or not. Entering it raises RateLimited."""
    return attempt("reset", account=account, address=address_of(request))


def confirm(request: HttpRequest) -> AbstractContextManager[None]:
    """Returns a context for setting a new password with the token of a mail. Entering it raises
    RateLimited."""
    return attempt("confirm", account=None, address=address_of(request))


def change_profile(
    request: HttpRequest, caller: Caller, account: int, fields: Mapping[str, str]
) -> AbstractContextManager[None]:
    """Returns a context for changing the username or the email address of an account. The answer
    reveals whether another account has it, so a client must not be able to try a list of them.

    Every change to a value that the account does not have counts, also one that succeeds. Changes
    of other accounts do not count: their callers can list all accounts.

    Entering it raises RateLimited."""
    wanted = {name: fields[name] for name in ("username", "email") if name in fields}
    if account != caller.id or not wanted or queries.has_names(account, wanted):
        return nullcontext()
    return attempt("profile", account=str(account), address=address_of(request))
