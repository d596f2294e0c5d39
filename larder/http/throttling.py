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
from larder.identity.services.attempts import Action, attempt
from larder.identity.tokens import TOKEN_POLICIES, TokenPolicy


def anonymous(request: HttpRequest) -> None:
    """Counts a request without credentials, before its body is parsed. Raises RateLimited."""
    with attempted(request, "anonymous"):
        pass


def attempted(
    request: HttpRequest, action: Action, account: str | None = None, *, is_proven: bool = False
) -> AbstractContextManager[None]:
    """Returns a context for an action that only the owner of the account should do. `account`: what
    the client sent. `is_proven`: the request has a token of the account.

    Entering it raises RateLimited, which all views answer with 429.
    """
    return attempt(action, account=account, address=address_of(request), is_proven=is_proven)


def is_token_of(token: str, username: str) -> bool:
    """Returns whether this refresh token was issued to the account, by any API version; it may be
    expired, used or ended, as long as its session is stored."""
    with suppress(TokenInvalid):
        session = signer().read_refresh(token, *TOKEN_POLICIES).session
        return credentials.is_session_of(session, username)
    return False


def refresh(
    request: HttpRequest, token: str, *, policy: TokenPolicy
) -> AbstractContextManager[None]:
    """Returns a context for exchanging a refresh token. It counts for the account that the token
    was issued to; an invalid token counts for the address only.

    Entering it raises RateLimited.
    """
    owner = None
    with suppress(TokenInvalid):
        owner = credentials.session_owner(signer().read_refresh(token, policy).session)
    return attempted(request, "refresh", None if owner is None else str(owner))


def change_profile(
    request: HttpRequest, caller: Caller, account: int, fields: Mapping[str, str]
) -> AbstractContextManager[None]:
    """Returns a context for changing the username or the email address of an account. The answer
    reveals whether another account has it, so a client must not be able to try a list of them.

    Every change to a value that the account does not have counts, also one that succeeds. Changes
    of other accounts do not count: their callers can list all accounts.

    Entering it raises RateLimited."""
    names = {name: fields[name] for name in ("username", "email") if name in fields}
    if account != caller.id or not names or queries.has_names(account, names):
        return nullcontext()
    return attempted(request, "profile", str(account))
