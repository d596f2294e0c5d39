"""Stand-ins in an OpenAPI document: values that exist, for what a random one would never hit.

A random product id is an unknown product, a random token is none. So where a request has room
for one, the document offers a stand-in too, and right before the request is sent its place is
taken by what the one who sends it has: their order's id, their name, a live token.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from tools.clients.plan_earlier import PLANS
from tools.clients.requests import folders
from tools.clients.step import VARIABLES
from tools.openapi import inlined

Json = dict[str, Any]

NAMES = (
    *("customer-number", "customer-uuid", "order-number", "order-uuid", "draft-number"),
    *("packed-uuid", "shipped-uuid"),
    *("product-number", "product-uuid", "key-uuid", "address-uuid"),
    *("session-uuid", "reset_token"),
    *("username", "password", "refresh", "token"),
)
IN_PLACE_OF_TEXT: dict[str | int, str] = {
    7_000_000_000 + number: name for number, name in enumerate(NAMES)
}
# In a path a number is text already.
_NAME_OF: dict[str | int, str] = IN_PLACE_OF_TEXT | {
    str(n): name for n, name in IN_PLACE_OF_TEXT.items()
}
_IN_TEXT = {name: number for number, name in IN_PLACE_OF_TEXT.items()}
_KINDS = ("product", "order", "customer", "user", "key", "address", "session")
_MOVED = {"ship": "packed-uuid", "deliver": "shipped-uuid", "return": "shipped-uuid"}
"""The orders that these moves are allowed on."""
_OF_THE_PLAN = {
    "{{username}}": _IN_TEXT["username"],
    "{{password}}": _IN_TEXT["password"],
    "{{refresh}}": _IN_TEXT["refresh"],
    "{{access}}": _IN_TEXT["token"],
    "{{reset_token}}": _IN_TEXT["reset_token"],
    "{{guest_password}}": VARIABLES["guest_password"],
    "#{{product_id}}": "product-number",
    "{{product_public_id}}": _IN_TEXT["product-uuid"],
}
"""What takes the place of the plan's variables (tools/clients), stand-ins most of them."""
_MEMBERS = {"name": "username", "current_password": "password"} | {
    one: one for one in NAMES if "-" not in one
}


def write(source: Path, folder: Path) -> None:
    """Write the document with stand-ins under its own name into another folder."""
    document = json.loads(source.read_text("utf-8"))
    made = with_stand_ins(document)
    _add_examples(source.stem, made)
    (folder / source.name).write_text(json.dumps(made), "utf-8")


def _add_examples(name: str, document: Json) -> None:
    """The bodies of the collections, which succeed: chance alone makes few that do."""
    for request in folders({name: document}, PLANS)[0].requests:
        for content in request.operation.said.get("requestBody", {}).get("content", {}).values():
            body = _with_stand_ins_of_the_plan(request.step.body)
            content.setdefault("examples", {})[str(len(content.get("examples", ())))] = {
                "value": body
            }


def _with_stand_ins_of_the_plan(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _with_stand_ins_of_the_plan(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_stand_ins_of_the_plan(one) for one in node]
    if not isinstance(node, str):
        return node
    # What is left of variables is in names that have to be new, or in passwords.
    return _OF_THE_PLAN.get(node) or re.sub(r"\{\{.*?\}\}", str(UUID(int=0)), node)


def with_stand_ins(document: Json) -> Json:
    """A copy of a document whose requests, and nothing else, have room for stand-ins."""
    made = inlined(copy.deepcopy(document))
    schemas = made.get("components", {}).get("schemas", {})
    sent = {f"Sent{name}": _renamed(schema) for name, schema in schemas.items()}
    for schema in sent.values():
        _offer_in_body(schema)
    schemas |= sent
    for path, operation in operations(made):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                _offer_in_path(path, parameter)
            elif parameter["name"] == "If-Match":
                parameter["example"] = "*"
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content["schema"] = _renamed(content["schema"])
            _offer_in_body(content["schema"])
    return made


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    """Every operation with its path."""
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _renamed(node: Any) -> Any:
    """A copy of a schema that refers to the copies for what is sent."""
    if isinstance(node, list):
        return [_renamed(one) for one in node]
    if not isinstance(node, dict):
        return node
    before, found, name = str(node.get("$ref", "")).rpartition("/schemas/")
    if found:
        return {"$ref": f"{before}{found}Sent{name}"}
    return {key: _renamed(value) for key, value in node.items()}


def _offer_in_body(schema: Json) -> None:
    for name, member in schema.get("properties", {}).items():
        _offer_in_body(member)
        schema["properties"][name] = _in_member(name, member)
    if isinstance(schema.get("items"), dict):
        _offer_in_body(schema["items"])


def _in_member(name: str, member: Json) -> Json:
    if name in _MEMBERS and member.get("type") == "string":
        return _either([_MEMBERS[name]], member)
    if name in {"id", "product"} and member.get("type") == "integer":
        return _either(["product-number"], member)
    if name == "product" and member.get("format") == "uuid":
        return _either(["product-uuid"], member)
    return member


def _offer_in_path(path: str, parameter: Json) -> None:
    """Room for what the path leads to, which is also the parameter's example: chance alone may
    not hit it in a short run."""
    schema = parameter["schema"]
    names = _names_in_path(path, "number" if schema.get("type") == "integer" else "uuid")
    parameter["schema"] = _either(names, schema)
    if names:
        parameter["example"] = parameter["schema"]["anyOf"][0]["enum"][0]


def _names_in_path(path: str, form: str) -> list[str]:
    """The first of the kinds that the path contains, and for moves an order that allows them.

    Contract 4 fills orders at paths of products, so these go first.
    """
    moved = _MOVED.get(path.rpartition("/")[2]) if "/orders/" in path else None
    kind = next((one for one in _KINDS if one in path), "")
    kind = {"user": "customer"}.get(kind, kind)
    names = [moved or f"{kind}-{form}"]
    if names == ["order-number"]:
        names.append("draft-number")
    return [one for one in names if one in NAMES]


def _either(names: list[str], schema: Json) -> Json:
    """The schema, or a stand-in that is of another type: a separate one would be lost in it."""
    if not names:
        return schema
    of_text = schema.get("type") != "integer"
    return {"anyOf": [{"enum": [_IN_TEXT[one] if of_text else one for one in names]}, schema]}


def replaced(node: Any, real: Mapping[str, Any]) -> Any:
    """The same value with what is real in the place of stand-ins."""
    if isinstance(node, dict):
        return {key: replaced(value, real) for key, value in node.items()}
    if isinstance(node, list):
        return [replaced(one, real) for one in node]
    if not isinstance(node, str | int):
        return node
    name = _NAME_OF.get(node, node)
    return real.get(name, node) if isinstance(name, str) else node
