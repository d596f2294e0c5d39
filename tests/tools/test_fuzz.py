"""`make fuzz`: placeholders address existing objects, and an undocumented answer is reported."""

import argparse
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from larder.ops.management.commands.openapi import FOLDER
from tests.server import Server
from tools.fuzz.people import PASSWORD, Person
from tools.fuzz.run import Run
from tools.fuzz.stand_ins import IN_PLACE_OF_TEXT, NAMES, replaced, with_stand_ins, write

pytestmark = pytest.mark.system

BRIEF = argparse.Namespace(examples=3, seconds=None, seed=1, phases=("fuzzing",))
TEXT = {name: number for number, name in IN_PLACE_OF_TEXT.items()}


@pytest.fixture
def shop(transactional_db: None, product: Callable[..., int]) -> Iterator[Server]:
    """A server with something to sell and all contracts."""
    for _ in range(3):
        product(stock=1000)
    with Server(workers=1, environment={"COMPAT": "0,1,2,3,4"}) as server:
        yield server


def run(server: Server, folder: Path, role: str) -> Run:
    address = f"http://127.0.0.1:{server.port}"
    urls = {"DJANGO_SETTINGS_MODULE": "config.settings"}
    return Run("contract1", role, folder, address, os.environ | urls)


def test_only_a_server_that_answers_as_documented_passes(
    shop: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second document asks for more than the answers hold, and declares a closed operation."""
    write(FOLDER / "contract1.json", tmp_path)
    stranger = run(shop, tmp_path, "nobody")
    assert not stranger.play(BRIEF), capsys.readouterr().out
    assert len({*stranger.asked()}) == 7
    path = tmp_path / "contract1.json"
    said = json.loads(path.read_text())
    paths = said["paths"]
    said["components"]["schemas"]["Refusal"]["required"].append("colour")
    paths["/api/token/"]["post"]["security"] = [{"bearer": []}]
    said["paths"] = {name: paths[name] for name in ("/api/token/", "/api/products/")}
    path.write_text(json.dumps(said))
    longer = argparse.Namespace(**vars(BRIEF) | {"examples": 40})
    assert run(shop, tmp_path, "nobody").play(longer)
    found = capsys.readouterr().out
    assert "colour" in found
    assert "A stranger got an answer." in found


DOCUMENT: dict[str, Any] = {
    "paths": {
        "/orders/{order}/": {
            "post": {
                "parameters": [{"in": "path", "name": "order", "schema": {"type": "integer"}}],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/A"}}
                        }
                    }
                },
            }
        }
    },
    "components": {"schemas": {"A": {"properties": {"username": {"type": "string"}}}}},
}


def test_placeholders_are_in_schemas_of_requests_and_not_of_answers() -> None:
    made = with_stand_ins(DOCUMENT)
    schemas = made["components"]["schemas"]
    assert schemas["A"] == DOCUMENT["components"]["schemas"]["A"]
    offered = schemas["SentA"]["properties"]["username"]
    assert offered == {"anyOf": [{"enum": [TEXT["username"]]}, {"type": "string"}]}
    operation = made["paths"]["/orders/{order}/"]["post"]
    assert operation["parameters"][0]["schema"]["anyOf"][0] == {
        "enum": ["order-number", "draft-number"]
    }
    assert "SentA" in json.dumps(operation["requestBody"])
    assert "SentA" not in json.dumps(operation["responses"])


def test_only_placeholders_are_replaced_at_any_depth() -> None:
    real = {name: f"real {name}" for name in NAMES}
    sent = {"a": ["order-number", 5, True, None], "b": {"c": TEXT["token"], "d": "text"}}
    assert replaced(str(TEXT["key-uuid"]), real) == "real key-uuid"
    assert replaced(sent, real) == {
        "a": ["real order-number", 5, True, None],
        "b": {"c": "real token", "d": "text"},
    }


def test_a_name_is_sent_with_its_password() -> None:
    person = Person("http://127.0.0.1", "v1", "Ada")
    assert person.completed({"name": "Ada", "password": "?"})["password"] == PASSWORD
    assert person.completed({"name": "Bob", "password": "?"})["password"] == "?"
    assert person.completed({"password": PASSWORD, "password2": "?"})["password2"] == PASSWORD
    assert person.completed(["Ada"]) == ["Ada"]
