"""A password without a required second factor gives no rights of staff in any API version."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from larder.http import middleware
from larder.http.authentication import FACTOR, secrets
from larder.identity import permissions, queries
from larder.identity.models import SecondFactor
from larder.identity.services import passwords
from tests.conftest import Api, Person
from tests.identity.factors import account_of, demanded, enrol, prove_code
from tests.identity.operations import own_account, sender, staff_needs, unexpected

__all__ = ["sender"]

pytestmark = pytest.mark.usefixtures("sender")
MakePerson = Callable[..., Person]
Sender = Callable[..., Any]


def _pair(path: str) -> Callable[[Person], Any]:
    def get(who: Person) -> Any:
        body = {"username": who.customer.username, "password": who.password}
        answer = Api()("POST", path, body)
        assert answer.status == 200, answer.body
        return answer.body

    return get


def _bearer(path: str) -> Callable[[Person], str]:
    return lambda who: f"Bearer {_pair(path)(who)['access']}"


def _refreshed(path: str, refresh: str) -> Callable[[Person], str]:
    """A token of an earlier session, refreshed later: see `late`."""
    return lambda who: f"{refresh} {_pair(path)(who)['refresh']}"


def _basic(who: Person) -> str:
    return f"Basic {base64.b64encode(f'{who.customer.username}:{who.password}'.encode()).decode()}"


def _derived(who: Person) -> str:
    return f"Token {_pair('/auth/')(who)['token']}"


def _contract4(who: Person) -> str:
    answer = Api()("GET", "/token/", Authorization=_basic(who))
    return f"Token {answer.body['token']}"


def _null_key(who: Person) -> str:
    token = _bearer("/api/v1/auth/token")(who)
    answer = Api()("POST", "auth/keys", {"name": "till"}, Authorization=token)
    assert answer.status == 201, answer.body
    return f"Token {answer.body['key']}"


CREDENTIALS: dict[str, Callable[[Person], str]] = {
    "token of v1": _bearer("/api/v1/auth/token"),
    "token of contracts 1 and 3": _bearer("/api/token/"),
    "token of contract 2": _bearer("/api/identity/token/"),
    "refresh of v1": _refreshed("/api/v1/auth/token", "/api/v1/auth/token/refresh"),
    "refresh of contracts 1 and 3": _refreshed("/api/token/", "/api/token/refresh/"),
    "refresh of contract 2": _refreshed("/api/identity/token/", "/api/identity/token/refresh/"),
    "key of contract 0": _derived,
    "key of contract 4": _contract4,
    "key that names no permissions": _null_key,
    "Basic": _basic,
}


def late(header: str) -> str:
    """Refreshes the token of a header that names a path."""
    path, _, rest = header.partition(" ")
    if not path.startswith("/"):
        return header
    answer = Api()("POST", path, {"refresh": rest})
    assert answer.status == 200, answer.body
    return f"Bearer {answer.body['access']}"


@pytest.fixture
def boss(person: MakePerson) -> Person:
    """A member of staff with every permission, by role."""
    return person(is_staff=True, role="owner")


def wrong(header: str, send: Sender) -> list[tuple[str, int]]:
    """Returns the operations of staff that are not refused, and the other operations that are."""
    held = permissions.NO_PERMISSIONS
    answers = [
        answer for answer in unexpected(send, staff_needs(held)) if answer not in own_account(held)
    ]
    # v1 and most contracts do not take a password.
    return [answer for answer in answers if not (header.startswith("Basic") and answer[1] == 401)]


def _allowed(header: str) -> bool:
    """Returns whether the credential has the rights of staff in contract 4, which accepts all
    kinds.
    """
    status = Api()("POST", "/products/", "{}", Authorization=header).status
    assert status in {400, 403}, status
    return status == 400


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_a_password_has_all_rights_without_a_factor_and_with_the_setting_off(
    boss: Person,
    sender: Sender,
    credential: str,
) -> None:
    assert _allowed(late(CREDENTIALS[credential](boss)))


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_a_password_without_the_factor_gives_no_rights_of_staff(
    boss: Person, sender: Sender, credential: str
) -> None:
    before = CREDENTIALS[credential](boss)
    with demanded():
        assert not _allowed(late(before))
        assert not _allowed(late(CREDENTIALS[credential](boss)))


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_a_password_without_an_enrolled_factor_gives_no_rights_of_staff(
    boss: Person, sender: Sender, credential: str
) -> None:
    before = CREDENTIALS[credential](boss)
    enrol(boss, datetime.now(UTC))
    assert not _allowed(late(before))
    assert not _allowed(late(CREDENTIALS[credential](boss)))


@pytest.mark.parametrize("credential", ["token of v1", "key of contract 4", "Basic"])
def test_no_operation_of_staff_is_allowed_without_the_factor(
    boss: Person, sender: Sender, credential: str
) -> None:
    header = late(CREDENTIALS[credential](boss))
    enrol(boss, datetime.now(UTC))
    assert wrong(header, sender(Api(), Authorization=header)) == []


def _key(header: str, **fields: Any) -> Any:
    return Api()("POST", "auth/keys", {"name": "till", **fields}, Authorization=header)


def test_a_key_with_named_permissions_gives_only_these(boss: Person) -> None:
    header = CREDENTIALS["token of v1"](boss)
    answer = _key(header, permissions=["catalog.add_product", "orders.view_order"])
    key = f"Token {answer.body['key']}"
    with demanded():
        assert _allowed(key)
        refused = Api()("GET", "audit", Authorization=key)
        assert (refused.status, refused.body["code"]) == (403, "permission_missing")
        own = Api()("GET", "me", Authorization=key).body["permissions"]
        assert own == ["catalog.add_product", "orders.view_order"]


def test_a_key_made_without_the_factor_never_gains_rights(boss: Person) -> None:
    with demanded():
        header = CREDENTIALS["token of v1"](boss)
        answer = _key(header)
        again = _key(f"Token {answer.body['key']}")
        assert (again.status, again.body["code"]) == (403, "permission_missing")
        refused = _key(header, permissions=["catalog.add_product"])
        assert (refused.status, refused.body["code"]) == (403, "second_factor_required")
    key = f"Token {answer.body['key']}"
    assert not _allowed(key)
    assert Api()("GET", "me", Authorization=key).body["permissions"] == []


@pytest.mark.parametrize("fields", [{"is_superuser": True}, {"role": "viewer"}])
def test_superusers_and_viewers_have_no_rights_without_the_factor(
    person: MakePerson,
    sender: Sender,
    fields: dict[str, Any],
) -> None:
    header = CREDENTIALS["token of v1"](person(is_staff=True, **fields))
    with demanded():
        assert wrong(header, sender(Api(), Authorization=header)) == []


def test_the_refusal_names_a_limited_key_as_an_alternative(
    boss: Person,
    sender: Sender,
) -> None:
    header = CREDENTIALS["token of v1"](boss)
    with demanded():
        answer = Api()("GET", "audit", Authorization=header)
        assert (answer.status, answer.body["code"]) == (403, "second_factor_required")
        assert answer.body["permission"] == "identity.view_auditentry"
        assert "API key that names its permissions" in answer.body["detail"]
        answer = Api()("POST", "/products/", "{}", Authorization=header)
        assert (answer.status, list(answer.body)) == (403, ["detail"])
        assert "API key that names its permissions" in answer.body["detail"]
        me = Api()("GET", "me", Authorization=header)
        assert (me.body["is_staff"], me.body["permissions"]) == (True, [])


@pytest.mark.parametrize("fields", [{"username": "somebody"}, {"email": "thief@example.com"}])
def test_a_password_without_the_factor_cannot_change_the_account(
    boss: Person, fields: dict[str, str]
) -> None:
    header = CREDENTIALS["token of v1"](boss)
    with demanded():
        for method, body in (("PATCH", fields), ("DELETE", None)):
            answer = Api()(method, "me", body, Authorization=header)
            assert (answer.status, answer.body["code"]) == (403, "second_factor_required")


def test_a_password_without_the_factor_cannot_change_itself(boss: Person) -> None:
    path, other = "auth/password/change", "a horse of another colour"
    body = {"current_password": boss.password, "new_password": other}
    kinds = ("key that names no permissions", "token of v1")
    credentials = [CREDENTIALS[kind](boss) for kind in kinds]
    with demanded():
        for header in credentials:
            refused = Api()("POST", path, body, Authorization=header)
            assert (refused.status, refused.body["code"]) == (403, "second_factor_required")
    assert Api()("POST", path, body, Authorization=credentials[1]).status == 204


def test_a_reset_by_mail_proves_no_factor_and_removes_none(boss: Person) -> None:
    now = datetime.now(UTC)
    offered = passwords.offer_reset(boss.caller, boss.id, passwords.Offer(secrets()[0], None, now))
    phone, other = enrol(boss, now), "a horse of another colour"
    body = {"reset_token": offered.token, "new_password": other}
    assert Api()("POST", "auth/password/reset/confirm", body).status == 204
    token = CREDENTIALS["token of v1"](replace(boss, password=other))
    assert Api()("GET", "me", Authorization=token).body["permissions"] == []
    assert SecondFactor.objects.filter(customer=boss.id, id=phone.factor).exists()


def test_a_restricted_account_can_still_order(
    boss: Person, person: MakePerson, product: Callable[..., int]
) -> None:
    jam = product()
    with demanded():
        header = CREDENTIALS["token of v1"](boss)
        order = {"lines": [{"product": jam, "quantity": 1}]}
        placed = Api()("POST", "orders", order, Authorization=header)
        assert placed.status == 201, placed.body
        listed = Api()("GET", "orders", Authorization=header)
        assert [row["id"] for row in listed.body["results"]] == [placed.body["id"]]
        other = person()
        theirs = Api()(
            "POST", "orders", order, Authorization=CREDENTIALS["token of v1"](other)
        ).body["id"]
        assert Api()("GET", f"orders/{theirs}", Authorization=header).status == 403


def test_a_customer_with_a_factor_is_not_restricted(person: MakePerson, now: datetime) -> None:
    who = person()
    enrol(who, now)
    with demanded():
        assert not who.caller.is_restricted
        assert Api()("GET", "me", Authorization=CREDENTIALS["token of v1"](who)).status == 200


def _cookie(who: Person, factor: Any = None) -> Client:
    client = Client()
    client.force_login(who.customer)
    if factor is not None:
        session = client.session
        session[FACTOR] = str(factor)
        session.save()
    return client


def _opens(client: Client) -> tuple[bool, bool]:
    """Whether the cookie has the rights of staff in contract 2, and opens the admin."""
    at_contract = client.post("/api/catalog/products/", "{}", "application/json").status_code
    assert at_contract in {400, 403}
    return at_contract == 400, client.get("/admin/").status_code == 200


def test_a_cookie_has_rights_if_its_session_proved_a_current_factor(
    boss: Person,
    person: MakePerson,
    sender: Sender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(middleware, "_COOKIES_IN_API", True)
    moment = datetime.now(UTC)
    assert _opens(_cookie(boss)) == (True, True)
    with demanded():
        assert _opens(_cookie(boss)) == (False, False)
    phone, other = enrol(boss, moment), enrol(person(is_staff=True), moment)
    recovered = prove_code(account_of(boss), phone.recovery_codes[0], now=moment)
    for factor, fits in (
        (None, False),
        (other.factor, False),
        (phone.factor, True),
        (recovered, True),
    ):
        assert _opens(_cookie(boss, factor)) == (fits, fits)
    proven = _cookie(boss, phone.factor)
    SecondFactor.objects.filter(pk=phone.factor).delete()
    with demanded():
        assert _opens(proven) == (False, False)


def test_the_rights_of_staff_with_a_factor_are_read_with_one_statement(
    boss: Person, now: datetime, django_assert_num_queries: Any
) -> None:
    phone = enrol(boss, now)
    asking = boss.caller
    with django_assert_num_queries(1):
        caller = queries.with_rights(asking)
    assert (caller.is_restricted, caller.permissions) == (True, frozenset())
    with django_assert_num_queries(1):
        rights = queries.rights(boss.id, phone.factor)
    assert (rights.needs_factor, rights.has_factor) == (False, True)
