"""Access tokens at the API: expiry, forgeries, ended sessions, the rights of staff."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any

import jwt
import pytest
from django.conf import settings as installation

from larder.db import database
from larder.http import authentication
from larder.http.authentication import SESSIONS_LOOKED_AT_EVERY, SESSIONS_TOO_OLD, signer
from larder.identity.caller import Caller
from larder.identity.models import Customer, Session
from larder.identity.tokens import LONGEST_ACCESS, MAX_TOKEN_LENGTH, V1, Signer, derive_key
from tests.conftest import Api, Person
from tests.identity.conftest import Clock
from tests.server import Server
from tests.staff.desk import Desk

MakePerson = Callable[..., Person]
KEY_OF_TESTS = b"k" * 64


def pair_of(who: Person) -> dict[str, str]:
    """A log-in through the API."""
    credentials = {"username": who.customer.username, "password": who.password}
    body: dict[str, str] = Api()("POST", "auth/token", credentials).body
    return body


def answer_to(token: str, path: str = "me") -> tuple[int, str | None]:
    """Status and code."""
    answer = Api(token)("GET", path)
    return answer.status, answer.body.get("code")


def test_an_access_token_lasts_five_minutes(person: MakePerson, clock: Clock) -> None:
    access = pair_of(person())["access"]
    clock.passed = 298
    assert answer_to(access)[0] == 200
    clock.passed = 301
    assert answer_to(access) == (401, "token_expired")


def test_an_old_access_token_is_expired_for_a_process_that_has_not_cached_it(
    person: MakePerson,
) -> None:
    who = person().customer
    caller = Caller(who.pk, who.public_id, is_staff=False, session=who.public_id)
    issued = datetime.now(UTC) - V1.access - timedelta(seconds=1)
    assert answer_to(signer().access(caller, now=issued)) == (401, "token_expired")


@pytest.mark.parametrize("seconds", [2, 60])
def test_a_token_of_a_server_whose_clock_is_ahead_is_accepted(
    seconds: int, person: MakePerson
) -> None:
    who = person().customer
    caller = Caller(who.pk, who.public_id, is_staff=False, session=who.public_id)
    ahead = datetime.now(UTC).replace(microsecond=999_999) + timedelta(seconds=seconds)
    assert answer_to(signer().access(caller, now=ahead))[0] == 200


def test_a_token_with_a_start_of_validity_in_the_future_is_accepted(person: MakePerson) -> None:
    said = claims_of(pair_of(person())["access"])
    assert answer_to(_own({**said, "nbf": said["iat"] + 60}))[0] == 200


def changed(access: str, **claims: Any) -> str:
    """Returns the token with other claims and its original signature."""
    head, payload, signature = access.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=="))
    raw = base64.urlsafe_b64encode(json.dumps(said | claims).encode()).decode().rstrip("=")
    return f"{head}.{raw}.{signature}"


def claims_of(access: str) -> dict[str, Any]:
    """Returns the claims of a token."""
    return jwt.decode(access, options={"verify_signature": False})


def own_key() -> bytes:
    """Returns the key that signs access tokens."""
    return derive_key(installation.SECRET_KEY, "access")


FORGERIES: dict[str, Callable[[dict[str, str]], str]] = {
    "made staff": lambda pair: changed(pair["access"], staff=True),
    "another customer": lambda pair: changed(pair["access"], user_id=1),
    "a longer life": lambda pair: changed(pair["access"], exp=2**31),
    "algorithm none": lambda pair: jwt.encode(claims_of(pair["access"]), "", algorithm="none"),
    "another key": lambda pair: jwt.encode(claims_of(pair["access"]), KEY_OF_TESTS, "HS256"),
    "another algorithm": lambda pair: jwt.encode(claims_of(pair["access"]), own_key(), "HS512"),
    "another installation": lambda pair: _elsewhere(pair["access"]),
    "the refresh token": lambda pair: pair["refresh"],
    "another purpose": lambda pair: _own({**claims_of(pair["access"]), "token_type": "refresh"}),
    "no session": lambda pair: _own(_without(claims_of(pair["access"]), "sid")),
    "no expiry": lambda pair: _own(_without(claims_of(pair["access"]), "exp")),
    "no customer": lambda pair: _own(_without(claims_of(pair["access"]), "user_id")),
    "a name for an id": lambda pair: _own({**claims_of(pair["access"]), "user_id": "anna"}),
    "too long": lambda pair: _own({**claims_of(pair["access"]), "name": "x" * MAX_TOKEN_LENGTH}),
    "no token": lambda _: "",
    "three dots": lambda _: "...",
    "no signature": lambda pair: pair["access"].rpartition(".")[0] + ".",
    "not ASCII": lambda _: "ü" * 40,
}


def _own(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, own_key(), algorithm="HS256")


def _without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def _elsewhere(access: str) -> str:
    said = claims_of(access)
    caller = Caller(said["user_id"], said["sub"], is_staff=False, session=said["sid"])
    return Signer(["the secret of another shop, long enough to be one"]).access(
        caller, now=datetime.now(UTC)
    )


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_access_token_is_refused(forgery: str, person: MakePerson) -> None:
    forged = FORGERIES[forgery](pair_of(person()))
    assert answer_to(forged) == (401, "token_invalid" if forged else "not_authenticated")


def test_a_refused_request_has_a_www_authenticate_header(api: Api) -> None:
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic YTpi"}):
        answer = api("GET", "me", **headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_signed_with_the_previous_secret_is_accepted(
    person: MakePerson, settings: Any, clock: Clock
) -> None:
    access = pair_of(person())["access"]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the secret of today, just as long as the one before was"
    with signer_made_anew():
        authentication._known.clear()
        assert answer_to(access)[0] == 200
        settings.SECRET_KEY_FALLBACKS = []
        signer.cache_clear()
        authentication._known.clear()
        assert answer_to(access) == (401, "token_invalid")


@contextmanager
def signer_made_anew() -> Iterator[None]:
    """Otherwise it is created once in a process, with stored results."""
    signer.cache_clear()
    try:
        yield
    finally:
        signer.cache_clear()
        authentication._known.clear()


def test_a_process_refuses_a_revoked_session_within_the_stated_seconds(
    person: MakePerson, clock: Clock
) -> None:
    pair = pair_of(person())
    assert answer_to(pair["access"])[0] == 200
    assert Api()("POST", "auth/token/revoke", {"refresh": pair["refresh"]}).status == 204
    clock.passed = SESSIONS_LOOKED_AT_EVERY + 0.1
    authentication.ENDED_SESSIONS.read_again()
    assert answer_to(pair["access"]) == (401, "session_ended")


def test_an_idle_process_reads_ended_sessions_before_it_trusts_a_token(
    person: MakePerson, clock: Clock
) -> None:
    pair = pair_of(person())
    assert answer_to(pair["access"])[0] == 200
    Api()("POST", "auth/token/revoke", {"refresh": pair["refresh"]})
    clock.passed = SESSIONS_TOO_OLD + 0.1
    assert answer_to(pair["access"]) == (401, "session_ended")


@pytest.mark.slow
def test_every_process_refuses_a_revoked_session_within_the_stated_seconds(
    server: Server, person: MakePerson
) -> None:
    who = person()
    credentials = {"username": who.customer.username, "password": who.password}
    pair = server.call("POST", "auth/token", credentials).body

    def statuses() -> set[int]:
        """Returns the answers to enough connections to reach both processes."""
        answer_to = set()
        for _ in range(20):
            answer_to.add(server.call("GET", "me", token=pair["access"]).status)
            server.hang_up()
        return answer_to

    assert statuses() == {200}
    server.call("POST", "auth/token/revoke", {"refresh": pair["refresh"]})
    sleep(SESSIONS_LOOKED_AT_EVERY + 3)
    assert statuses() == {401}


def test_the_stated_seconds_are_at_most_thirty() -> None:
    assert SESSIONS_LOOKED_AT_EVERY < SESSIONS_TOO_OLD < 30


def test_a_new_process_knows_the_sessions_that_have_ended(person: MakePerson, clock: Clock) -> None:
    pair = pair_of(person())
    Api()("POST", "auth/token/revoke", {"refresh": pair["refresh"]})
    assert answer_to(pair["access"]) == (401, "session_ended")


def test_an_ended_session_is_listed_until_its_last_access_token_expires(
    person: MakePerson, clock: Clock
) -> None:
    pair = pair_of(person())
    Api()("POST", "auth/token/revoke", {"refresh": pair["refresh"]})
    Session.objects.update(ended_at=datetime.now(UTC) - LONGEST_ACCESS)
    assert answer_to(pair["access"]) == (401, "session_ended")


def test_ending_one_session_does_not_end_others_of_the_customer(
    person: MakePerson, clock: Clock
) -> None:
    who = person()
    telephone, tablet = pair_of(who), pair_of(who)
    Api()("POST", "auth/token/revoke", {"refresh": telephone["refresh"]})
    assert answer_to(telephone["access"]) == (401, "session_ended")
    assert answer_to(tablet["access"])[0] == 200


def _through_the_admin(who: Person, superuser: Person) -> None:
    path = f"identity/customer/{who.id}/change/"
    desk = Desk(superuser)
    form = {name: value for name, value in desk.open(path).items() if name != "is_active"}
    assert desk.post(path, form).errors == {}


DEACTIVATIONS: dict[str, Callable[[Person, Person], Any]] = {
    "update": lambda who, _: Customer.objects.filter(pk=who.id).update(is_active=False),
    "save": lambda who, _: _save_inactive(who),
    "SQL": lambda who, _: database.execute(
        "UPDATE customer SET is_active = false WHERE id = %s", [who.id]
    ),
    "admin": _through_the_admin,
}


def _save_inactive(who: Person) -> None:
    who.customer.is_active = False
    who.customer.save()


@pytest.mark.parametrize("road", DEACTIVATIONS)
def test_every_way_of_deactivating_an_account_ends_its_access(
    road: str, person: MakePerson, clock: Clock
) -> None:
    who, other = person(), person()
    first, second, bystander = pair_of(who), pair_of(who), pair_of(other)
    DEACTIVATIONS[road](who, person(is_staff=True, is_superuser=True))
    assert not Customer.objects.get(pk=who.id).is_active
    for pair in (first, second):
        assert answer_to(pair["access"]) == (401, "session_ended")
        answer = Api()("POST", "auth/token/refresh", {"refresh": pair["refresh"]})
        assert (answer.status, answer.body["code"]) == (401, "session_ended")
    credentials = {"username": who.customer.username, "password": who.password}
    assert Api()("POST", "auth/token", credentials).body["code"] == "invalid_credentials"
    assert answer_to(bystander["access"])[0] == 200


def test_other_changes_of_an_account_end_no_session(person: MakePerson, clock: Clock) -> None:
    who = person()
    pair = pair_of(who)
    Customer.objects.filter(pk=who.id).update(first_name="Anna", may_order=False)
    database.execute("UPDATE customer SET is_active = true WHERE id = %s", [who.id])
    assert answer_to(pair["access"])[0] == 200


def test_former_staff_are_refused_at_the_next_request(
    person: MakePerson, product: Callable[..., int]
) -> None:
    who, jam = person(is_staff=True), product()
    access = pair_of(who)["access"]
    ledger = f"products/{jam}/ledger"
    assert answer_to(access, ledger)[0] == 200
    Customer.objects.filter(pk=who.id).update(is_staff=False)
    assert answer_to(access, ledger) == (403, "not_staff")
    assert answer_to(access)[0] == 200


def test_deactivated_staff_are_refused_at_the_next_request(
    person: MakePerson, clock: Clock
) -> None:
    who = person(is_staff=True)
    access = pair_of(who)["access"]
    assert answer_to(access)[0] == 200
    Customer.objects.filter(pk=who.id).update(is_active=False)
    assert answer_to(access) == (401, "session_ended")


def test_staff_with_a_deleted_account_are_refused(person: MakePerson) -> None:
    who = person(is_staff=True)
    access = pair_of(who)["access"]
    Customer.objects.filter(pk=who.id).delete()
    assert answer_to(access) == (401, "session_ended")
