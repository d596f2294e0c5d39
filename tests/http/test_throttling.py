"""The 429 of each API in the format of its contract, with Retry-After."""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
from django.test import Client

from larder.core.limits import MAX_OPEN_FORM_FIELDS
from larder.identity.services import attempts
from larder.identity.services.attempts import Rate
from larder.v1.operations import MAX_OPEN_FAULTS
from tests.conftest import Api, Person

MakePerson = Callable[..., Person]


@pytest.fixture(autouse=True)
def _normal_limits(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    return iter(())


def assert_refused(status: int, headers: Any, longest: int = 60) -> None:
    assert status == 429
    assert 1 <= int(headers["Retry-After"]) <= longest


@pytest.mark.parametrize(
    ("path", "tries"), [("auth/token", 10), ("auth/register", 10), ("auth/token/refresh", 60)]
)
def test_v1_answers_with_a_problem(path: str, tries: int, api: Api, person: MakePerson) -> None:
    body = {"username": person().customer.username, "password": "not the right one"}
    sent = {"refresh": "nonsense"} if "refresh" in path else body
    answers = [api("POST", path, sent) for _ in range(tries + 4)]
    assert {answer.status for answer in answers[:tries]} <= {401, 409}
    assert answers[-1].body["code"] == "throttled"
    assert answers[-1].headers["Content-Type"] == "application/problem+json"
    assert answers[-1].headers["Retry-After"] in answers[-1].body["detail"]
    assert_refused(answers[-1].status, answers[-1].headers)


def test_a_refresh_token_is_exchanged_sixty_times_a_minute(api: Api, person: MakePerson) -> None:
    who = person()
    body = {"username": who.customer.username, "password": who.password}
    token = api("POST", "auth/token", body).body["refresh"]
    began, answers = monotonic(), [api("POST", "auth/token/refresh", {"refresh": token})]
    while answers[-1].status == 200:
        token = answers[-1].body["refresh"]
        answers.append(api("POST", "auth/token/refresh", {"refresh": token}))
    assert 60 <= len(answers) - 1 <= 61 + (monotonic() - began)  # one comes back each second
    assert_refused(answers[-1].status, answers[-1].headers, longest=1)


def test_refreshes_of_all_sessions_of_an_account_count_together(
    api: Api, person: MakePerson
) -> None:
    who = person()
    body = {"username": who.customer.username, "password": who.password}
    tokens = [api("POST", "auth/token", body).body["refresh"] for _ in range(3)]
    began, exchanged = monotonic(), 0
    for _ in range(100):
        answers = [api("POST", "auth/token/refresh", {"refresh": token}) for token in tokens]
        exchanged += [answer.status for answer in answers].count(200)
        if {answer.status for answer in answers} == {429}:
            break
        tokens = [
            answer.body.get("refresh", token) for answer, token in zip(answers, tokens, strict=True)
        ]
    assert 60 <= exchanged <= 61 + (monotonic() - began)  # one comes back each second


def test_the_form_of_the_admin_reports_the_limit_with_status_429(person: MakePerson) -> None:
    boss = person(is_staff=True, is_superuser=True)
    form = {"username": boss.customer.username, "password": "not the right one"}
    for _ in range(10):
        assert Client().post("/admin/login/", form).status_code == 200
    page = Client().post("/admin/login/", form | {"password": boss.password})
    assert_refused(page.status_code, page.headers)
    assert b"Too many attempts" in page.content
    assert "sessionid" not in page.cookies


def test_a_form_without_a_password_does_not_count_as_an_attempt(person: MakePerson) -> None:
    boss = person(is_staff=True, is_superuser=True)
    for _ in range(20):
        Client().post("/admin/login/", {"username": boss.customer.username})
    form = {"username": boss.customer.username, "password": boss.password}
    assert Client().post("/admin/login/", form).status_code == 302


def test_a_client_cannot_choose_its_address(api: Api, settings: Any) -> None:
    def let_in(passed_on: str) -> int:
        """How many of 70 guesses, each with another address before it."""
        answers = [
            api(
                *("POST", "auth/token/refresh", {"refresh": "nonsense"}),
                X_Forwarded_For=f"9.9.{number}.1{passed_on}",
            )
            for number in range(70)
        ]
        return [answer.status for answer in answers].count(401)

    began = monotonic()
    assert 60 <= let_in("") <= 60 + (monotonic() - began) // 10
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    began = monotonic()
    assert 60 <= let_in(", 198.51.100.7") <= 60 + (monotonic() - began) // 10
    assert let_in("") == 70


def test_wrong_codes_of_one_customer_do_not_count_for_others(api: Api, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    body = {"reset_token": "nonsense", "new_password": "a horse of another colour"}
    for number in range(12):
        address = {"X_Forwarded_For": f"203.0.113.{number}"}
        answer = api("POST", "auth/password/reset/confirm", body, **address)
        assert (answer.status, answer.body["code"]) == (403, "reset_token_invalid")


def test_changes_of_the_email_address_cannot_test_a_list_of_addresses(
    as_: Callable[[Person], Api], person: MakePerson
) -> None:
    who, other = as_(person()), person(email="taken@example.com").customer
    answers = [who("PATCH", "me", {"email": other.email}) for _ in range(12)]
    assert [answer.status for answer in answers] == [409] * 10 + [429] * 2
    assert_refused(answers[-1].status, answers[-1].headers)
    # What changes nothing of that is not counted.
    assert who("PATCH", "me", {"first_name": "Ada"}).status == 200


@pytest.mark.parametrize("path", ["/api/v1/auth/register", "/api/register/"])
def test_requests_without_credentials_count_before_their_bodies_are_parsed(
    path: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    few = attempts.Limit("address", Rate(2, 3600))
    limits = {**attempts.NORMAL, "anonymous": [few]}
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(limits=limits)])
    if "v1" not in path:
        settings.ROOT_URLCONF = "larder.compat.contract3"
    answers = [Client().post(path, "{", content_type="application/json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]


def test_a_request_without_credentials_gets_its_first_faults_only(api: Api) -> None:
    answer = api("POST", "auth/token", {str(number): 1 for number in range(1_000)})
    assert (answer.status, len(answer.body["errors"])) == (400, MAX_OPEN_FAULTS)


def test_a_form_without_credentials_has_few_fields(api: Api, settings: Any) -> None:
    fields = "&".join(f"f{number}=1" for number in range(MAX_OPEN_FORM_FIELDS + 1))
    kind = "application/x-www-form-urlencoded"
    assert Client().post("/admin/login/", fields, content_type=kind).status_code == 413
    settings.ROOT_URLCONF = "larder.compat.contract3"
    answer = Client().post("/api/register/", fields, content_type=kind)
    assert (answer.status_code, "at most 100 fields" in answer.content.decode()) == (400, True)
