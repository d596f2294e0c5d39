"""Contract 3: registering, the list of all users, and one user as others see and change them."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.compat.conftest import ALL, ApiClient
from tests.compat.contract3 import (
    FORBIDDEN,
    GOOD,
    TAKEN,
    UNKNOWN,
    As,
    Client,
    MakePerson,
    log_in,
    names,
    own_path,
    public_id,
)
from tests.compat.documented import Documented
from tests.conftest import Person
from tests.server import Reply, Server


@pytest.fixture
def client_of(client_of: Callable[[Person], ApiClient]) -> As:
    """A client as a person, held against the document."""
    return lambda who: Documented("3", client_of(who))


@pytest.fixture
def anyone(anyone: ApiClient) -> Client:
    """A client without credentials, held against the document."""
    return Documented("3", anyone)


def register(anyone: Client, name: object, password: object = GOOD) -> Reply:
    return anyone("POST", "/api/register/", {"name": name, "password": password})


def test_a_registration_has_an_empty_answer_and_the_account_can_log_in(
    anyone: Client, keeper: Client
) -> None:
    answer = register(anyone, "Ann of the Shop")
    assert (answer.status, answer.body) == (201, {})
    assert names(keeper)[-1] == "Ann of the Shop"
    pair = anyone("POST", "/api/token/", {"name": "ann of THE shop", "password": GOOD})
    assert (pair.status, set(pair.body)) == (200, {"refresh", "access"})
    fresh = anyone("POST", "/api/token/refresh/", {"refresh": pair.body["refresh"]})
    assert (fresh.status, set(fresh.body)) == (200, {"access"})
    bearer = f"Bearer {fresh.body['access']}"
    assert anyone("GET", "/api/order/", Authorization=bearer).status == 200


def test_a_wrong_password_and_a_missing_name_are_refused_at_the_token_endpoint(
    anyone: Client,
) -> None:
    wrong = anyone("POST", "/api/token/", {"name": "Ann", "password": "wrong"})
    assert wrong.status == 401
    assert wrong.body == {"detail": "No active account found with the given credentials"}
    nameless = anyone("POST", "/api/token/", {"password": "wrong"})
    assert nameless.status == 400
    assert nameless.body["name"] == ["This field is required."]


def test_a_registration_accepts_a_form(anyone: Client) -> None:
    form = {"name": "Form", "password": GOOD}
    assert anyone("POST", "/api/register/", form=form).status == 201
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    parts = part.format("name", "Parts") + part.format("password", GOOD) + "--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    assert anyone("POST", "/api/register/", parts.encode(), Content_Type=kind).body == {}
    assert log_in(anyone, "Form") == log_in(anyone, "Parts") == 200


def test_no_field_of_a_registration_makes_an_account_staff(anyone: Client) -> None:
    body = {"name": "Eve", "password": GOOD, "is_staff": True, "is_superuser": True, "id": 1}
    assert anyone("POST", "/api/register/", body, Authorization="Bearer nonsense").status == 201
    access = anyone("POST", "/api/token/", {"name": "Eve", "password": GOOD}).body["access"]
    listed = anyone("GET", "/api/user/", Authorization=f"Bearer {access}")
    assert (listed.status, listed.body) == (403, FORBIDDEN)


def test_missing_fields_of_a_registration_are_named(anyone: Client) -> None:
    answer = anyone("POST", "/api/register/", {})
    required = ["This field is required."]
    assert (answer.status, answer.body) == (400, {"name": required, "password": required})


def test_a_name_is_unique_in_any_case_and_unicode_form(
    anyone: Client, person: MakePerson, keeper: Client
) -> None:
    person("Zoe Ångström")
    for name in ("Zoe Ångström", "zoe ångström", "ＺＯＥ Ångström", "  Zoe Ångström\t"):
        answer = register(anyone, name)
        assert (answer.status, answer.body) == (400, TAKEN)
    assert len(names(keeper)) == 2


@pytest.mark.parametrize("password", ["12345678", None, ""])
def test_a_taken_name_and_a_faulty_password_are_named_together(
    password: object, anyone: Client, person: MakePerson
) -> None:
    person("Ann")
    answer = register(anyone, "ann", password)
    assert (answer.status, sorted(answer.body)) == (400, ["name", "password"])
    assert answer.body["name"] == TAKEN["name"]


def test_an_invisible_character_is_a_fault_of_the_name(
    anyone: Client, person: MakePerson, client_of: As
) -> None:
    faults = {"name": ["Control and invisible characters are not allowed."]}
    assert register(anyone, "A\u202enn").body == faults
    weak = register(anyone, "A\u202enn", "12345678")
    assert (weak.status, sorted(weak.body)) == (400, ["name", "password"])
    who = person("Bob")
    for method in ("PUT", "PATCH"):
        refused = client_of(who)(method, own_path(who), {"name": "B\u202eob"})
        assert (refused.status, refused.body) == (400, faults)


def test_spaces_around_a_name_are_removed(anyone: Client, keeper: Client) -> None:
    assert register(anyone, "  Two  Words ").status == 201
    assert names(keeper)[-1] == "Two  Words"
    assert log_in(anyone, "  Two  Words ") == log_in(anyone, "Two  Words") == 200


@pytest.mark.parametrize("name", ["a", "a" * 100, "o'Brien; DROP TABLE", "名前 😀", "a/b?c#d"])
def test_any_name_of_up_to_100_characters_is_accepted(
    name: str, anyone: Client, keeper: Client
) -> None:
    assert register(anyone, name).status == 201
    assert names(keeper)[-1] == name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a" * 101, "Ensure this field has no more than 100 characters."),
        # One character that Unicode's normal form, in which names are kept, makes eighteen of.
        ("\ufdfa" * 6, "Ensure this field has no more than 100 characters."),
        ("", "This field may not be blank."),
        (" \t ", "This field may not be blank."),
        (None, "This field may not be null."),
        (7, "Not a valid string."),
        (["Ann"], "Not a valid string."),
        ("a\0b", "Null characters are not allowed."),
    ],
)
def test_invalid_names_are_refused(
    name: object, sentence: str, anyone: Client, keeper: Client
) -> None:
    answer = register(anyone, name)
    assert (answer.status, answer.body) == (400, {"name": [sentence]})
    assert len(names(keeper)) == 1


@pytest.mark.parametrize("password", ["short", "12345678", "password", "Annabella", "", 7, None])
def test_a_weak_password_is_refused(password: object, anyone: Client) -> None:
    answer = register(anyone, "Annabella", password)
    assert (answer.status, list(answer.body)) == (400, ["password"])
    assert all(isinstance(sentence, str) for sentence in answer.body["password"])
    assert log_in(anyone, "Annabella", str(password) or "x") == 401


@pytest.mark.system
def test_a_closed_registration_is_refused_with_the_reason(transactional_db: None) -> None:
    closed = {"COMPAT": ALL, "REGISTRATION": "closed"}
    with Server(workers=1, environment=closed) as server:
        answer = register(ApiClient(server), "Ann")
    assert (answer.status, list(answer.body)) == (403, ["detail"])


def test_staff_see_all_users_on_one_page(
    keeper: Client, person: MakePerson, anyone: Client
) -> None:
    made = [person() for _ in range(12)]
    answer = keeper("GET", "/api/user/")
    assert (answer.status, list(answer.body)) == (200, ["users"])
    rows = [{"id": public_id(one).hex, "name": one.customer.username} for one in made]
    assert answer.body["users"][1:] == rows


def test_users_are_not_shown_to_customers_and_anonymous_clients(
    shopper: Client, anyone: Client
) -> None:
    answer = shopper("GET", "/api/user/")
    assert (answer.status, answer.body) == (403, FORBIDDEN)
    for path in ("/api/user/", f"/api/user/{uuid4().hex}", "/api/product/", "/api/order/"):
        stranger = anyone("GET", path)
        assert (stranger.status, list(stranger.body)) == (401, ["detail"])
        assert stranger.headers["www-authenticate"].startswith("Bearer")
        assert len(stranger.headers["correlation-id"]) == 32
        bad = anyone("GET", path, Authorization="Bearer a.b.c")
        assert (bad.status, bad.body["code"]) == (401, "token_not_valid")
        assert set(bad.body) == {"detail", "code", "messages"}


def test_a_user_is_found_by_every_spelling_of_the_id(
    person: MakePerson, client_of: As, keeper: Client
) -> None:
    who = person("Ann Other")
    for client in (client_of(who), keeper):
        for form in (public_id(who).hex, str(public_id(who))):
            for written in (form, form.upper(), f"{form}/", f"{form.upper()}/"):
                answer = client("GET", f"/api/user/{written}")
                assert (answer.status, answer.body) == (200, {"user is": "Ann Other"})


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_invalid_uuid_is_not_found(method: str, shopper: Client, keeper: Client) -> None:
    whole = uuid4()
    arabic_digits = "%D9%A0" * 32
    for text in (
        "abc",
        "1",
        whole.hex[:31],
        f"{whole.hex}0",
        f"%7B{whole}%7D",
        f"urn:uuid:{whole}",
        f"{whole.hex[:31]}-{whole.hex[31:]}",
        f"{whole.hex}%0A",
        arabic_digits,
    ):
        for client in (shopper, keeper):
            for path in (f"/api/user/{text}", f"/api/user/{text}/"):
                answer = client(method, path, {"name": "New"})
                assert (answer.status, answer.body) == (404, UNKNOWN)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_unknown_user_is_404_for_staff_and_403_for_customers(
    method: str, shopper: Client, keeper: Client
) -> None:
    path = f"/api/user/{uuid4().hex}"
    answers = keeper(method, path, {"name": "New"})
    assert (answers.status, answers.body) == (404, UNKNOWN)
    refused = shopper(method, path, {"name": "New"})
    assert (refused.status, refused.body) == (403, FORBIDDEN)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_customers_cannot_read_or_change_other_users(
    method: str, shopper: Client, person: MakePerson, keeper: Client
) -> None:
    for other in (person("Ann"), person("Boss", is_staff=True)):
        answer = shopper(method, own_path(other), {"name": "New"})
        assert (answer.status, answer.body) == (403, FORBIDDEN)
    assert {"Ann", "Boss"} < set(names(keeper))


def test_lists_are_found_without_the_final_slash(keeper: Client) -> None:
    for path in ("/api/user", "/api/product", "/api/order"):
        answer = keeper("GET", f"{path}?limit=3")
        assert (answer.status, answer.headers["location"]) == (301, f"{path}/?limit=3")


def test_a_wrong_method_is_refused(keeper: Client, person: MakePerson) -> None:
    path = own_path(person())
    for method, where in (
        ("PUT", "/api/user/"),
        ("POST", path),
        ("DELETE", "/api/order/"),
        ("PUT", "/api/product/"),
        ("POST", "/api/product/1"),
        ("GET", "/api/register/"),
    ):
        answer = keeper(method, where, {})
        assert (answer.status, list(answer.body)) == (405, ["detail"]), where


def test_there_is_no_path_for_one_order(keeper: Client) -> None:
    assert keeper("GET", "/api/order/1").status == keeper("GET", "/api/order/1/").status == 404
