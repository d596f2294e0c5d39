"""What several operations have is written once in the OpenAPI document, and referred to."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from larder.v1.operations import EVERYWHERE

Place = tuple[Any, Any, str]
"""A dictionary or list, the key in it, and the name of what is there."""


def share(paths: dict[str, Any]) -> dict[str, Any]:
    """Moves what several operations have into the components of the OpenAPI document. Returns
    these."""
    operations = [one for methods in paths.values() for one in methods.values()]
    answers = [one for operation in operations for one in operation["responses"].values()]
    headers = [(one["headers"], name, name) for one in answers for name in one.get("headers", ())]
    return {
        "parameters": _replace("parameters", _parameters(operations)),
        "headers": _replace("headers", headers),
        "responses": _replace("responses", _refusals(operations)),
    }


def _parameters(operations: list[dict[str, Any]]) -> Iterator[Place]:
    for operation in operations:
        for place, one in enumerate(operation.get("parameters", ())):
            yield operation["parameters"], place, f"{one['in']}-{one['name']}"


def _refusals(operations: list[dict[str, Any]]) -> Iterator[Place]:
    for operation in operations:
        for status, one in operation["responses"].items():
            codes = one["description"].split(", ")
            own = [code for code in codes if code not in EVERYWHERE.codes]
            if status >= "400":
                yield operation["responses"], status, "-".join([status, *own])


def _replace(kind: str, places: Iterator[Place] | list[Place]) -> dict[str, Any]:
    """Returns for each name what most places with it have, if they are several, and replaces it."""
    by_name = defaultdict(list)
    for holder, key, name in places:
        by_name[name].append((holder, key))
    components = {}
    for name, found in sorted(by_name.items()):
        ((text, times),) = Counter(json.dumps(holder[key]) for holder, key in found).most_common(1)
        if times == 1:
            continue
        components[name] = json.loads(text)
        for holder, key in found:
            if holder[key] == components[name]:
                holder[key] = {"$ref": f"#/components/{kind}/{name}"}
    return components
