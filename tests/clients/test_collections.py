"""The ready-made collections are complete and current, and all their requests succeed in order."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from larder.ops.demo import shop as demo
from tests import database
from tests.clients.player import (
    INSOMNIA,
    POSTMAN,
    Player,
    insomnia_calls,
    postman_calls,
)
from tests.server import Server
from tools.clients import __main__ as command
from tools.clients.plan_earlier import PLANS
from tools.clients.requests import PlanError, folders
from tools.clients.step import VARIABLES, Step

READ = {
    "postman": (POSTMAN, postman_calls),
    "insomnia": (INSOMNIA, insomnia_calls),
}


@pytest.fixture
def shop(transactional_db: None, now: datetime) -> Iterator[Server]:
    """A server with what `make run` has: the demo catalogue and users, all contracts."""
    database.empty_database()
    demo.load_products(now=now)
    demo.load_users()
    with Server(workers=1, environment={"DEMO": "1", "COMPAT": "0,1,2,3,4"}) as server:
        yield server


def variables_of(name: str, said: dict[str, Any]) -> dict[str, str]:
    if name == "postman":
        return {one["key"]: one["value"] for one in said["variable"]}
    (environment,) = [one for one in said["resources"] if one["_type"] == "environment"]
    return dict(environment["data"])


@pytest.mark.system
@pytest.mark.parametrize("name", READ)
def test_every_request_of_a_collection_succeeds_in_order(name: str, shop: Server) -> None:
    said = json.loads((command.COLLECTIONS / f"{name}.json").read_text())
    dialect, calls = READ[name]
    address = f"http://127.0.0.1:{shop.port}"
    player = Player(shop, dialect, variables_of(name, said) | {"base_url": address})
    for call in calls(said):
        player.play(call)
    assert len(player.played) == sum(map(len, PLANS.values()))
    # And once more, because users do not start with an empty shop each time.
    for call in calls(said):
        player.play(call)


def test_both_collections_have_the_same_requests_in_the_same_order() -> None:
    asked = []
    for name, (dialect, calls) in READ.items():
        said = json.loads((command.COLLECTIONS / f"{name}.json").read_text())
        plain = re.compile(f"{dialect.variable}|{dialect.uuid}")
        asked.append([(one.name, one.method, plain.sub("*", one.url)) for one in calls(said)])
    assert asked[0] == asked[1]


def test_the_collections_start_with_the_demo_users() -> None:
    customer, staff = VARIABLES["username"], VARIABLES["staff_username"]
    assert demo.USERS[customer].password == VARIABLES["password"]
    assert demo.USERS[staff].password == VARIABLES["staff_password"]
    assert demo.USERS[staff].superuser


def test_the_committed_collections_match_the_documents() -> None:
    assert command.main(["--check"]) == 0


@pytest.fixture
def elsewhere(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    monkeypatch.setattr(command, "COLLECTIONS", tmp_path)
    return lambda: command.main(["--check"])


def test_an_outdated_collection_is_named_and_generated_again(
    elsewhere: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert elsewhere() == 1
    assert "postman.json (run `make collections`)" in capsys.readouterr().err
    assert command.main([]) == 0
    assert elsewhere() == 0
    (command.COLLECTIONS / "insomnia.json").write_text("{}")
    assert elsewhere() == 1
    assert "postman" not in capsys.readouterr().err


DOCUMENT: dict[str, Any] = {
    "info": {"title": "A shop"},
    "paths": {
        "/orders/{id}/": {"get": {"summary": "One.", "responses": {"200": {}, "404": {}}}},
        "/orders/current/": {"get": {"summary": "The open one.", "responses": {"200": {}}}},
    },
}


def test_an_operation_missing_in_the_plan_is_named() -> None:
    with pytest.raises(PlanError, match=r"GET /orders/current/$"):
        folders({"shop": DOCUMENT}, {"shop": [Step("GET /orders/{{id}}/")]})
    both = [Step("GET /orders/{{id}}/"), Step("GET /orders/current/")]
    (folder,) = folders({"shop": DOCUMENT}, {"shop": both})
    assert [one.name for one in folder.requests] == ["One.", "The open one."]


def test_a_step_missing_in_the_documents_is_named() -> None:
    with pytest.raises(PlanError, match="POST /orders/1/"):
        folders({"shop": DOCUMENT}, {"shop": [Step("POST /orders/1/")]})
