"""The differences between the token policies: lifetimes, rotation and claims.

Tokens of one policy are refused by the others.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from larder.http.authentication import signer
from larder.identity.errors import SessionEnded, TokenExpired, TokenInvalid
from larder.identity.models import Customer, Session
from larder.identity.services import accounts, sessions
from larder.identity.tokens import (
    API,
    IDENTITY,
    LONGEST_ACCESS,
    TOKEN_POLICIES,
    V1,
    Signer,
    TokenPolicy,
    derive_key,
)
from tests.conftest import Api, Person
from tests.identity.conftest import SECRET, SIGNER, LogIn

Enter = Callable[..., LogIn]
MakePerson = Callable[..., Person]
DAY = 24 * 60 * 60
READ = [policy for policy in TOKEN_POLICIES if policy.is_read]


def claims(token: str) -> dict[str, Any]:
    """Returns the claims of a token."""
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
def present() -> datetime:
    """The current time: access tokens are checked with the clock of the machine."""
    return datetime.now(UTC)


def test_the_token_policies_match_the_contracts() -> None:
    minutes = [policy.access.total_seconds() / 60 for policy in (V1, API, IDENTITY)]
    days = [policy.refresh.total_seconds() / DAY for policy in (V1, API, IDENTITY)]
    assert (minutes, days) == ([5, 5, 20], [30, 1, 30])
    assert IDENTITY.access == LONGEST_ACCESS


@pytest.mark.parametrize("policy", READ, ids=lambda policy: policy.name)
def test_signed_tokens_have_the_claims_of_their_contracts(
    log_in: Enter, person: MakePerson, policy: TokenPolicy
) -> None:
    who = person(email="anna@example.com")
    mine = log_in(who, policy)
    access, refresh = claims(mine.pair.access), claims(mine.pair.refresh)
    for said, kind, lifetime in (
        (access, "access", policy.access),
        (refresh, "refresh", policy.refresh),
    ):
        assert said["token_type"] == kind
        assert said["exp"] - said["iat"] == lifetime.total_seconds()
        assert (said["user_id"], said["email"]) == (who.id, "anna@example.com")
        assert said["public_id"] == str(who.customer.public_id)
    assert access["jti"] != refresh["jti"]


def test_an_account_without_an_email_address_has_an_empty_claim(
    log_in: Enter, person: MakePerson
) -> None:
    assert claims(log_in(person(), API).pair.access)["email"] == ""


def test_tokens_of_v1_have_only_the_needed_claims(log_in: Enter, person: MakePerson) -> None:
    said = claims(log_in(person(email="anna@example.com")).pair.access)
    assert said.keys() == {"token_type", "sub", "user_id", "staff", "sid", "iat", "exp"}


@pytest.mark.parametrize("policy", TOKEN_POLICIES, ids=lambda policy: policy.name)
def test_v1_accepts_access_tokens_of_every_api_version(
    person: MakePerson, present: datetime, policy: TokenPolicy
) -> None:
    who = person()
    name, password = who.customer.username, who.password
    pair = sessions.log_in(
        sessions.Credentials(name, password), policy=policy, signer=signer(), now=present
    )
    assert Api(pair.access)("GET", "me").body["id"] == who.id


@pytest.mark.parametrize("policy", TOKEN_POLICIES, ids=lambda policy: policy.name)
def test_a_refresh_token_is_refused_as_an_access_token(
    person: MakePerson, present: datetime, policy: TokenPolicy
) -> None:
    who = person()
    name, password = who.customer.username, who.password
    pair = sessions.log_in(
        sessions.Credentials(name, password), policy=policy, signer=signer(), now=present
    )
    refused = Api(pair.refresh)("GET", "me")
    assert (refused.status, refused.body["code"]) == (401, "token_invalid")


def test_refresh_tokens_are_signed_with_a_separate_key(log_in: Enter, person: MakePerson) -> None:
    mine = log_in(person(), API)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(mine.pair.refresh, derive_key(SECRET, "access"), algorithms=["HS256"])


def test_the_kind_of_a_token_is_checked_in_addition_to_its_key(
    log_in: Enter, person: MakePerson
) -> None:
    said = claims(log_in(person(), API, began=datetime.now(UTC)).pair.refresh)
    as_access = jwt.encode(said, derive_key(SECRET, "access"), algorithm="HS256")
    with pytest.raises(TokenInvalid):
        SIGNER.read_access(as_access)
    said["token_type"] = "access"
    as_refresh = jwt.encode(said, derive_key(SECRET, "refresh"), algorithm="HS256")
    with pytest.raises(TokenInvalid):
        SIGNER.read_refresh(as_refresh, API)


def test_a_refresh_without_rotation_counts_as_a_use_and_keeps_the_expiry(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person(), API)
    mine.refresh(mine.pair.refresh, at=600)
    row = Session.objects.get()
    assert (row.rotated_at, row.expires_at) == (mine.moment(600), mine.began + API.refresh)


def test_an_access_token_is_refused_as_a_refresh_token(log_in: Enter, person: MakePerson) -> None:
    for policy in TOKEN_POLICIES:
        mine = log_in(person(), policy)
        with pytest.raises(TokenInvalid):
            mine.refresh(mine.pair.access, at=1)


@pytest.mark.parametrize("other", TOKEN_POLICIES, ids=lambda policy: f"at-{policy.name}")
@pytest.mark.parametrize("policy", TOKEN_POLICIES, ids=lambda policy: f"of-{policy.name}")
def test_a_refresh_token_is_refused_by_other_token_policies(
    log_in: Enter, person: MakePerson, policy: TokenPolicy, other: TokenPolicy
) -> None:
    mine = log_in(person(), policy)
    if other is policy:
        assert mine.refresh(mine.pair.refresh, at=1, policy=other).access
        return
    with pytest.raises(TokenInvalid):
        mine.refresh(mine.pair.refresh, at=1, policy=other)
    with pytest.raises(TokenInvalid):
        mine.revoke(mine.pair.refresh, policy=other)
    assert mine.refresh(mine.pair.refresh, at=2).access


def test_api_accepts_a_refresh_token_many_times_for_one_day(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person(), API)
    for at in (60, 3600, DAY - 1):
        renewed = mine.refresh(mine.pair.refresh, at=at)
        assert renewed.refresh == mine.pair.refresh
        assert claims(renewed.access)["iat"] == int(mine.moment(at).timestamp())
    with pytest.raises(TokenExpired):
        mine.refresh(mine.pair.refresh, at=DAY)


def test_identity_replaces_a_refresh_token_and_refuses_the_old_one_at_once(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person(), IDENTITY)
    renewed = mine.refresh(mine.pair.refresh, at=10)
    for at in (10, 11, 69):
        with pytest.raises(TokenInvalid):
            mine.refresh(mine.pair.refresh, at=at)
    assert mine.refresh(renewed.refresh, at=200).refresh != renewed.refresh


def test_identity_ends_the_session_at_a_reuse_after_sixty_seconds(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person(), IDENTITY)
    renewed = mine.refresh(mine.pair.refresh, at=10)
    for token in (mine.pair.refresh, renewed.refresh):
        with pytest.raises(SessionEnded):
            mine.refresh(token, at=71)


def test_a_reused_token_is_detected_if_a_thief_refreshes_every_fifty_seconds(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person(), IDENTITY)
    stolen = mine.pair.refresh
    for at in range(0, 300, 50):
        stolen = mine.refresh(stolen, at=at).refresh
    with pytest.raises(SessionEnded):
        mine.refresh(mine.pair.refresh, at=290)
    with pytest.raises(SessionEnded):
        mine.refresh(stolen, at=291)


def test_identity_gives_thirty_more_days_with_each_refresh(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person(), IDENTITY)
    later = mine.refresh(mine.pair.refresh, at=29 * DAY).refresh
    assert claims(later)["exp"] == int(mine.moment(59 * DAY).timestamp())
    assert mine.refresh(later, at=58 * DAY).access
    other = log_in(person(), IDENTITY)
    with pytest.raises(TokenExpired):
        other.refresh(other.pair.refresh, at=30 * DAY)


@pytest.mark.parametrize("policy", TOKEN_POLICIES, ids=lambda policy: policy.name)
def test_refresh_tokens_with_the_previous_secret_are_accepted(
    log_in: Enter, person: MakePerson, policy: TokenPolicy
) -> None:
    mine = log_in(person(), policy)
    rotated = Signer(["the secret of today, just as long as the one before", SECRET])
    pair = sessions.refresh(mine.pair.refresh, policy=policy, signer=rotated, now=mine.began)
    assert claims(pair.access)["user_id"]
    with pytest.raises(TokenInvalid):
        Signer(["x" * 50]).read_refresh(mine.pair.refresh, policy)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "ü.ü.ü", "A" * 70])
def test_an_unknown_token_is_refused_by_every_policy(token: str) -> None:
    for policy in TOKEN_POLICIES:
        with pytest.raises(TokenInvalid):
            SIGNER.read_refresh(token, policy)


def test_verify_accepts_valid_tokens_of_both_kinds(
    log_in: Enter, person: MakePerson, present: datetime
) -> None:
    for policy in READ:
        mine = log_in(person(), policy, began=present)
        mine.verify(mine.pair.access)
        mine.verify(mine.pair.refresh)
    v1 = log_in(person(), began=present)
    v1.verify(v1.pair.access)
    with pytest.raises(TokenInvalid):
        v1.verify(v1.pair.refresh)


def test_verify_refuses_tokens_that_refresh_refuses(
    log_in: Enter, person: MakePerson, present: datetime
) -> None:
    mine = log_in(person(), IDENTITY, began=present)
    renewed = mine.refresh(mine.pair.refresh, at=1)
    with pytest.raises(TokenInvalid):
        mine.verify(mine.pair.refresh, at=2)
    mine.verify(renewed.refresh, at=2)
    with pytest.raises(TokenExpired):
        mine.verify(renewed.refresh, at=31 * DAY)
    with pytest.raises(TokenInvalid):
        mine.verify("nonsense")


def _revoke(mine: LogIn, who: Person) -> None:
    mine.revoke(mine.pair.refresh)


def _deactivate(mine: LogIn, who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_active=False)


def _delete(mine: LogIn, who: Person) -> None:
    accounts.delete_account(who.id, now=mine.began)


def _forget(mine: LogIn, who: Person) -> None:
    Session.objects.all().delete()


@pytest.mark.parametrize("end", [_revoke, _deactivate, _delete, _forget])
def test_verify_and_refresh_refuse_every_token_of_an_ended_session(
    log_in: Enter, person: MakePerson, present: datetime, end: Callable[[LogIn, Person], None]
) -> None:
    for policy in READ:
        who = person()
        mine = log_in(who, policy, began=present)
        end(mine, who)
        for token in (mine.pair.access, mine.pair.refresh):
            with pytest.raises(SessionEnded):
                mine.verify(token)
        with pytest.raises(SessionEnded):
            mine.refresh(mine.pair.refresh, at=1)


def test_verify_refuses_an_inactive_account(
    log_in: Enter, person: MakePerson, present: datetime
) -> None:
    who = person()
    mine = log_in(who, IDENTITY, began=present)
    Customer.objects.filter(pk=who.id).update(is_active=False)
    for token in (mine.pair.access, mine.pair.refresh):
        with pytest.raises(SessionEnded):
            mine.verify(token)
