"""The sessions of an account: listed, ended one by one, or all others with one request."""

from collections.abc import Callable
from datetime import UTC, datetime

from larder.core.limits import MAX_CLIENT_LENGTH
from larder.http.authentication import signer
from larder.identity.services import sessions
from larder.identity.tokens import API, V1
from tests.conftest import Answer, Api, Person
from tests.http.conftest import JudgedApi
from tests.identity.conftest import Clock, clock

__all__ = ["clock"]

MakePerson = Callable[..., Person]


def log_in(who: Person, **headers: str) -> dict[str, str]:
    """A token pair of v1."""
    credentials = {"username": who.customer.username, "password": who.password}
    body: dict[str, str] = JudgedApi()("POST", "auth/token", credentials, **headers).body
    return body


def listed(access: str, query: str = "") -> list[dict[str, object]]:
    """Returns the sessions that the owner of a token sees."""
    answer = JudgedApi(access)("GET", f"me/sessions{query}")
    assert answer.status == 200
    results: list[dict[str, object]] = answer.body["results"]
    return results


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body and answer.body.get("code")


def is_out(pair: dict[str, str]) -> bool:
    """Returns whether the session cannot be refreshed any more."""
    answer = JudgedApi()("POST", "auth/token/refresh", {"refresh": pair["refresh"]})
    return code(answer) == (401, "session_ended")


def test_a_session_is_listed_with_client_and_times_and_the_current_one_is_marked(
    person: MakePerson,
) -> None:
    who = person()
    log_in(person(), User_Agent="somebody else's")
    log_in(who, User_Agent="Till/2.0")
    mine = log_in(who, User_Agent="Phone/1.0")
    till, phone = listed(mine["access"])
    assert (till["client"], till["current"]) == ("Till/2.0", False)
    assert (phone["client"], phone["current"]) == ("Phone/1.0", True)
    assert phone.keys() == {
        *("id", "client", "current", "created_at", "last_used_at", "expires_at"),
    }
    assert phone["created_at"] == phone["last_used_at"]
    lives = datetime.fromisoformat(str(phone["expires_at"])) - datetime.fromisoformat(
        str(phone["created_at"])
    )
    assert lives == V1.refresh
    answer = JudgedApi(mine["access"])("GET", f"me/sessions/{till['id']}")
    assert (answer.status, answer.body) == (200, till)


def test_a_refresh_is_shown_as_the_last_use(person: MakePerson) -> None:
    first = log_in(person())
    (before,) = listed(first["access"])
    JudgedApi()("POST", "auth/token/refresh", {"refresh": first["refresh"]})
    (after,) = listed(first["access"])
    assert str(after["last_used_at"]) > str(before["last_used_at"])
    assert after["created_at"] == before["created_at"]


def test_the_client_name_is_shortened_and_cleaned(person: MakePerson) -> None:
    pair = log_in(person(), User_Agent="a\x07b\x1b[2J" + "x" * 500)
    (shown,) = listed(pair["access"])
    assert shown["client"] == ("ab[2J" + "x" * 500)[: MAX_CLIENT_LENGTH - 2]


def test_sessions_of_the_earlier_contracts_are_listed_too(person: MakePerson) -> None:
    who = person()
    credentials = sessions.Credentials(who.customer.username, who.password, "Old/1")
    sessions.log_in(credentials, policy=API, signer=signer(), now=datetime.now(UTC))
    assert [session["client"] for session in listed(log_in(who)["access"])] == ["Old/1", ""]


def test_the_list_of_sessions_has_pages(person: MakePerson) -> None:
    who = person()
    for number in range(5):
        mine = log_in(who, User_Agent=f"client {number}")
    seen, path = [], "/api/v1/me/sessions?limit=2"
    while path:
        page = JudgedApi(mine["access"])("GET", path).body
        seen += [row["client"] for row in page["results"]]
        path = (page["next"] or "").removeprefix("http://testserver")
    assert seen == [f"client {number}" for number in range(5)]


def test_the_list_of_sessions_has_an_etag(person: MakePerson) -> None:
    mine = JudgedApi(log_in(person())["access"])
    tag = mine("GET", "me/sessions").headers["ETag"]
    assert mine("GET", "me/sessions", If_None_Match=tag).status == 304


def test_a_session_ends_at_once_and_its_access_token_within_the_stated_seconds(
    person: MakePerson, clock: Clock
) -> None:
    who = person()
    lost, mine = log_in(who), log_in(who)
    assert JudgedApi(lost["access"])("GET", "me").status == 200
    (first, _) = listed(mine["access"])
    answer = JudgedApi(mine["access"])("DELETE", f"me/sessions/{first['id']}")
    assert (answer.status, answer.body) == (204, None)
    assert is_out(lost)
    clock.passed = 30
    assert code(JudgedApi(lost["access"])("GET", "me")) == (401, "session_ended")
    assert JudgedApi(mine["access"])("GET", "me").status == 200
    again = JudgedApi(mine["access"])("DELETE", f"me/sessions/{first['id']}")
    assert code(again) == (404, "not_found")


def test_ending_the_current_session_logs_out(person: MakePerson) -> None:
    mine = log_in(person())
    (only,) = listed(mine["access"])
    assert JudgedApi(mine["access"])("DELETE", f"me/sessions/{only['id']}").status == 204
    assert is_out(mine)


def test_no_session_is_the_current_one_for_a_key(api: Api, person: MakePerson) -> None:
    mine = log_in(person())
    key = JudgedApi(mine["access"])("POST", "auth/keys", {}).body["key"]
    assert [session["current"] for session in listed(key)] == [False]
    assert JudgedApi(key)("DELETE", "me/sessions").status == 204
    assert is_out(mine)
    assert listed(key) == []
