"""Registering, logging in, refreshing, revoking."""

from typing import Any, get_type_hints

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from larder.core.clock import now
from larder.core.errors import Fault
from larder.db.idempotency import RETENTION, fingerprint
from larder.http import throttling
from larder.http.authentication import secrets, signer
from larder.identity import queries
from larder.identity.caller import Caller
from larder.identity.doors import V1
from larder.identity.services import accounts, repeats, sessions
from larder.identity.services.accounts import NewCustomer
from larder.identity.services.sessions import Credentials, Pair
from larder.v1 import shapes
from larder.v1.faults import faults as shape_faults
from larder.v1.http import claim, no_content, replay_headers, reply
from larder.v1.me import shown
from larder.v1.operations import KEYED, operation


def _faults(body: dict[str, Any], _: Caller | None) -> list[Fault]:
    """What is wrong with the username and the password, beside what the declaration says."""
    hints = get_type_hints(shapes.Register, include_extras=True)
    given = {n: body[n] for n in hints if n in body and not shape_faults(body[n], hints[n])}
    judged = {"username": "", "password": None} | given
    return accounts.faults(NewCustomer(**judged))


@operation(
    tag="auth",
    answers={201: shapes.Me},
    problems=["username_taken", "email_taken", "registration_closed"],
    traits=[KEYED],
    token=False,
    also=_faults,
)
def register(request: HttpRequest, body: shapes.Register) -> HttpResponse:
    """Makes a customer account."""
    moment = now()
    about = (body.username, body.email, body.first_name, body.last_name)
    asked = NewCustomer(
        username=body.username,
        password=body.password,
        email=body.email,
        first_name=body.first_name,
        last_name=body.last_name,
    )
    given = claim(request, None, fingerprint(*about), expires_at=moment + RETENTION)
    claims = repeats.sealed(given, body.password, secrets()) if given else []
    with throttling.register(request, body.username):
        registered = accounts.register(
            asked, policy=settings.REGISTRATION, now=moment, claims=claims
        )
    profile = queries.profile(registered.id)
    return reply(shown(profile), status=201, headers=replay_headers(replayed=registered.replayed))


@operation(
    tag="auth", answers={200: shapes.TokenPair}, problems=["invalid_credentials"], token=False
)
def log_in(request: HttpRequest, body: shapes.LogIn) -> HttpResponse:
    """Exchanges a username and password for an access and a refresh token."""
    client = request.META.get("HTTP_USER_AGENT", "")
    given = Credentials(body.username, body.password, client)
    proof = throttling.proof_of(body.refresh, body.username) if body.refresh else "none"
    with throttling.log_in(request, body.username, proof=proof):
        return _tokens(sessions.log_in(given, door=V1, signer=signer(), now=now()))


@operation(
    tag="auth",
    answers={200: shapes.TokenPair},
    problems=["token_invalid", "token_expired", "session_ended"],
    token=False,
)
def refresh_token(request: HttpRequest, body: shapes.RefreshToken) -> HttpResponse:
    """Exchanges a refresh token for a new pair. Until the new one is exchanged, the one sent
    gives it again for 60 s, and after that is exchanged once more."""
    with throttling.refresh(request, body.refresh, door=V1):
        pair = sessions.refresh(body.refresh, door=V1, signer=signer(), now=now())
    return _tokens(pair)


@operation(tag="auth", answers={204: None}, problems=["token_invalid"], token=False)
def revoke_token(request: HttpRequest, body: shapes.RefreshToken) -> HttpResponse:
    """Ends the log-in of a refresh token; its access token is refused within 30 seconds."""
    sessions.revoke(body.refresh, door=V1, signer=signer(), now=now())
    return no_content()


def _tokens(pair: Pair) -> HttpResponse:
    seconds = int(V1.access.total_seconds())
    answer = shapes.TokenPair(pair.access, pair.refresh, "Bearer", seconds)
    return reply(answer, headers={"Cache-Control": "no-store"})
