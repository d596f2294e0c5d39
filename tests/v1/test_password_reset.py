"""Resetting a forgotten password: the answers, and which tokens work."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from larder.db import database
from larder.identity.models import AuditEntry, Customer, Key, Session
from larder.identity.services import accounts, attempts, keys, passwords
from larder.identity.services.passwords import LIFETIME
from larder.identity.services.rights import SETTLED
from larder.relay.models import Delivery
from larder.relay.services.account_mails import PASSWORD_RESET
from tests.conftest import Answer, Api, Person
from tests.http.log_ins import newest_link

MakePerson = Callable[..., Person]
EMAIL, NEW = "ada@example.com", "a horse of another colour"
ASK, CONFIRM = "auth/password/reset", "auth/password/reset/confirm"


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body and answer.body.get("code")


def token_of(mail: Delivery | None = None) -> str:
    """Returns the token in a mail, by default the newest."""
    link = newest_link(mail)
    assert link is not None
    return link.token


def confirm(api: Api, token: str, new: str = NEW) -> Answer:
    """Sets a new password with a token."""
    return api("POST", CONFIRM, {"reset_token": token, "new_password": new})


def ways_to_ask(person: MakePerson) -> dict[str, str]:
    """An address of each kind."""
    person(email=EMAIL)
    person("gone", email="gone@example.com", is_active=False)
    who = person("deleted", email="deleted@example.com")
    accounts.delete_account(who.id, now=datetime.now(UTC))
    person("without", email="")
    return {
        "known": "Ada@Example.COM",
        "unknown": "bert@example.com",
        "deactivated": "gone@example.com",
        "deleted": "deleted@example.com",
    }


def test_every_address_gets_the_same_answer_with_the_same_work(
    api: Api, person: MakePerson
) -> None:
    ways = ways_to_ask(person)
    # The first request of a process fills caches.
    api("POST", ASK, {"email": "first@example.com"})
    done = {}
    for kind, email in ways.items():
        with CaptureQueriesContext(connection) as seen:
            answer = api("POST", ASK, {"email": email})
        statements = [query["sql"].partition(" VALUES ")[0][:25] for query in seen.captured_queries]
        # They differ for each request, and for each second.
        del answer.headers["Correlation-ID"], answer.headers["Larder-Position"]
        done[kind] = (answer.status, answer.body, answer.headers, statements)
    assert all(answer == done["unknown"] for answer in done.values()), done
    assert done["known"][0] == 202
    accounts_of_mails = Customer.objects.filter(
        public_id__in=[mail.object for mail in Delivery.objects.all()]
    )
    assert (Delivery.objects.count(), accounts_of_mails.count()) == (5, 1)


def test_the_rows_of_a_reset_do_not_reveal_the_account(api: Api, person: MakePerson) -> None:
    person("Ada Lovelace", email=EMAIL)
    for email in (EMAIL, "unknown@example.com"):
        api("POST", ASK, {"email": email})
    stored = str(database.rows("SELECT row::text FROM delivery AS row"))
    for secret in (
        EMAIL,
        "unknown@example.com",
        "Ada",
        token_of(Delivery.objects.earliest("id")),
    ):
        assert secret not in stored


@pytest.mark.parametrize("email", ["", "ada", "ada@example", "a b@example.com", 7, "a@b.c\0"])
def test_an_invalid_address_is_refused(api: Api, db: None, email: Any) -> None:
    assert code(api("POST", ASK, {"email": email})) == (400, "validation_error")
    assert not Delivery.objects.exists()


def test_a_reset_without_a_mail_server_is_refused_with_the_reason(
    api: Api, db: None, settings: Any
) -> None:
    settings.EMAIL_URL = ""
    assert code(api("POST", ASK, {"email": EMAIL})) == (403, "mail_off")
    assert not Delivery.objects.exists()


def test_a_reset_ends_all_sessions_and_keys_and_the_new_password_works(
    api: Api, person: MakePerson
) -> None:
    who, other, now = person(email=EMAIL), person(), datetime.now(UTC)
    for owner in (who, other):
        credentials = {"username": owner.customer.username, "password": owner.password}
        api("POST", "auth/token", credentials)
        keys.create_key(owner.caller, "", now=now)
    api("POST", ASK, {"email": EMAIL})
    assert confirm(api, token_of()).status == 204
    for live in (Session.objects.filter(ended_at=None), Key.objects.filter(ended_at=None)):
        assert [row.customer_id for row in live] == [other.id]
    credentials = {"username": who.customer.username, "password": NEW}
    assert api("POST", "auth/token", credentials).status == 200


@pytest.mark.parametrize(("is_staff", "trail"), [(True, [("mail", "set_password")]), (False, [])])
def test_the_reset_of_a_member_of_staff_is_in_the_audit_trail(
    api: Api, person: MakePerson, is_staff: bool, trail: list[tuple[str, str]]
) -> None:
    person(email=EMAIL, is_staff=is_staff)
    api("POST", ASK, {"email": EMAIL})
    assert confirm(api, token_of()).status == 204
    assert list(AuditEntry.objects.values_list("channel", "action")) == trail


def test_a_reset_sets_the_first_password_of_an_account(api: Api, person: MakePerson) -> None:
    who = person("telephone", email=EMAIL)
    who.customer.set_unusable_password()
    who.customer.save()
    api("POST", ASK, {"email": EMAIL})
    assert confirm(api, token_of()).status == 204
    assert Customer.objects.get(pk=who.id).check_password(NEW)


def test_a_token_works_once_and_ends_the_others_of_its_account(
    api: Api, person: MakePerson
) -> None:
    person(email=EMAIL)
    for _ in range(2):
        api("POST", ASK, {"email": EMAIL})
    first, second = Delivery.objects.order_by("id")
    second.at += timedelta(minutes=1)
    tokens = [token_of(first), token_of(second)]
    assert confirm(api, tokens[0]).status == 204
    for token in tokens:
        assert code(confirm(api, token)) == (403, "reset_token_invalid")


def move(who: Person, when: datetime) -> str:
    """The customer changes the address; returns the new one."""
    accounts.change_profile(who.id, {"email": "new@example.com"})
    Customer.objects.filter(pk=who.id).update(email_since=when)
    return "new@example.com"


def resets_of(api: Api, who: Person, email: str) -> int:
    """Requests a reset; returns the number of mails about the account."""
    assert api("POST", ASK, {"email": email}).status == 202
    return Delivery.objects.filter(object=who.customer.public_id, type=PASSWORD_RESET).count()


def test_an_address_changed_within_a_week_cannot_reset_the_password(
    api: Api, as_: Callable[[Person], Api], person: MakePerson
) -> None:
    """A caller with a token or a key may change the address, but not the password with it."""
    who = person(email=EMAIL)
    assert as_(who)("PATCH", "me", {"email": "thief@example.com"}).status == 200
    assert resets_of(api, who, "thief@example.com") == 0
    assert resets_of(api, who, EMAIL) == 0


def test_a_requested_reset_is_not_mailed_to_an_address_that_was_changed_since(
    api: Api, as_: Callable[[Person], Api], person: MakePerson
) -> None:
    """The mail can wait: for the worker, or for the mail server."""
    who = person(email=EMAIL)
    assert resets_of(api, who, EMAIL) == 1
    assert as_(who)("PATCH", "me", {"email": "thief@example.com"}).status == 200
    assert mailed_to(who) is None


def test_a_requested_reset_is_mailed_to_the_address_that_staff_wrote_since(
    api: Api, person: MakePerson
) -> None:
    who = person(email=EMAIL)
    assert resets_of(api, who, EMAIL) == 1
    Customer.objects.filter(pk=who.id).update(email="right@example.com", email_since=None)
    assert mailed_to(who) == "right@example.com"


@pytest.mark.parametrize("address", ["ada(1)@example.com", "\u00e4@example.com"])
def test_no_reset_is_queued_for_an_address_that_gets_no_mails(
    api: Api, person: MakePerson, address: str
) -> None:
    """Any customer can have one. A mail that fails is an error for the operator."""
    assert resets_of(api, person(email=address), address) == 0


def mailed_to(who: Person) -> str | None:
    """Returns the address to which the reset of the account would be mailed now."""
    mail = Delivery.objects.get(object=who.customer.public_id, type=PASSWORD_RESET)
    link = newest_link(mail)
    return None if link is None else link.email


def test_an_address_changed_over_a_week_ago_can_reset_the_password(
    api: Api, person: MakePerson
) -> None:
    who = person(email=EMAIL)
    now = datetime.now(UTC)
    moved = move(who, now - SETTLED + timedelta(minutes=1))
    assert resets_of(api, who, moved) == 0
    Customer.objects.filter(pk=who.id).update(email_since=now - SETTLED - timedelta(seconds=1))
    assert resets_of(api, who, moved) == 1


def test_saving_an_equal_address_does_not_begin_a_new_week(api: Api, person: MakePerson) -> None:
    who = person(email=EMAIL)
    accounts.change_profile(who.id, {"email": EMAIL})
    assert resets_of(api, who, EMAIL) == 1


SPOILED: dict[str, Callable[[Person], object]] = {
    "deactivated": lambda who: Customer.objects.filter(pk=who.id).update(is_active=False),
    "deleted": lambda who: accounts.delete_account(who.id, now=datetime.now(UTC)),
    "another address": lambda who: move(who, datetime.now(UTC)),
    "password changed": lambda who: passwords.set_password(who.id, "!", now=datetime.now(UTC)),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_reset_token_ends_when_its_account_changes(
    api: Api, person: MakePerson, spoiled: str
) -> None:
    who = person(email=EMAIL)
    api("POST", ASK, {"email": EMAIL})
    token = token_of()
    SPOILED[spoiled](who)
    assert code(confirm(api, token)) == (403, "reset_token_invalid")
    assert not Customer.objects.get(pk=who.id).check_password(NEW)


def test_a_reset_token_ends_after_an_hour(api: Api, person: MakePerson) -> None:
    who = person(email=EMAIL)
    api("POST", ASK, {"email": EMAIL})
    mail = Delivery.objects.get()
    mail.at -= LIFETIME
    assert newest_link(mail) is None
    late = newest_link(mail, now=mail.at + timedelta(minutes=1))
    assert late is not None
    assert code(confirm(api, late.token)) == (403, "reset_token_invalid")
    assert not Customer.objects.get(pk=who.id).check_password(NEW)


FORGERIES: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "nonsense": lambda _: "x" * 64,
    "not ASCII": lambda _: "ü" * 64,
    "cut off": lambda token: token[:-4],
    "longer": lambda token: token + "AAAA",
    "a line more": lambda token: token + "\n",
    "another MAC": lambda token: token[:-4] + "AAAA",
    "another account": lambda token: uuid4().hex + token[32:],
    "no account": lambda token: "x" + token[1:],
    "later": lambda token: token[:33] + "9" + token[34:],
    "no MAC": lambda token: token[:44],
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_reset_token_is_refused_and_the_real_one_still_works(
    api: Api, person: MakePerson, forgery: str
) -> None:
    person(email=EMAIL)
    api("POST", ASK, {"email": EMAIL})
    token = token_of()
    assert code(confirm(api, FORGERIES[forgery](token))) == (403, "reset_token_invalid")
    assert confirm(api, token).status == 204


def test_a_wrong_reset_token_is_refused_together_with_a_weak_password(api: Api, db: None) -> None:
    refused = confirm(api, "x" * 64, "123")
    assert code(refused) == (403, "reset_token_invalid")
    assert {fault["pointer"] for fault in refused.body["errors"]} == {"/new_password"}


def test_a_reset_token_with_the_previous_secret_works(
    api: Api, person: MakePerson, settings: Any
) -> None:
    person(email=EMAIL)
    api("POST", ASK, {"email": EMAIL})
    token = token_of()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the secret of today, just as long as the one before was"
    assert confirm(api, token).status == 204


def test_a_weak_password_is_refused_and_the_reset_token_stays_valid(
    api: Api, person: MakePerson
) -> None:
    person("Ada Lovelace", email=EMAIL)
    api("POST", ASK, {"email": EMAIL})
    token = token_of()
    weak = api("POST", CONFIRM, {"reset_token": token, "new_password": "123"})
    assert {(fault["pointer"], fault["code"]) for fault in weak.body["errors"]} == {
        ("/new_password", "password_too_short"),
        ("/new_password", "password_too_common"),
        ("/new_password", "password_entirely_numeric"),
    }
    similar = confirm(api, token, "Ada Lovelace")
    assert [fault["code"] for fault in similar.body["errors"]] == ["password_too_similar"]
    assert confirm(api, token).status == 204


def test_too_many_requests_and_confirmations_are_refused_with_retry_after(
    api: Api, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    person(email=EMAIL)
    answers = [api("POST", ASK, {"email": EMAIL}) for _ in range(6)]
    assert [answer.status for answer in answers] == [202] * 5 + [429]
    assert "Retry-After" in answers[-1].headers
    token = token_of()
    wrong = token[:-4] + "AAAA"
    most = attempts.NORMAL["confirm"][0].rate.times
    assert [confirm(api, wrong).status for _ in range(most + 1)] == [403] * most + [429]
