"""Whether the present API breaks what was promised.

    python -m tools.openapi     docs/openapi/v1.json breaks nothing that v1.released.json has

Within v1 things are only added. What clients *send* must still be accepted: limits may widen,
never narrow. What they *read* must still be there and of the same kind: fields may come, none may
go or become null. A release replaces `v1.released.json` by a copy of `v1.json`.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CURRENT = ROOT / "docs" / "openapi" / "v1.json"
RELEASED = ROOT / "docs" / "openapi" / "v1.released.json"

Json = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch")
FLOORS = ("minimum", "minLength", "minItems")
CEILINGS = ("maximum", "maxLength", "maxItems")
_NO_LIMIT = {name: float("-inf") for name in FLOORS} | {name: float("inf") for name in CEILINGS}


def main() -> int:
    """The command line. Exit status 0: all is well; 1: the faults are on standard error."""
    faults = list(incompatible())
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults else 0


def incompatible() -> Iterator[str]:
    """What the current document breaks of the released one."""
    released, current = (json.loads(path.read_text("utf-8")) for path in (RELEASED, CURRENT))
    yield from breaks(released, current)


def breaks(released: Json, current: Json) -> Iterator[str]:
    """Every breaking change between two documents, in words."""
    for path, methods in released["paths"].items():
        for method in METHODS:
            if method in methods:
                present = current["paths"].get(path, {}).get(method)
                where = f"{method.upper()} {path}"
                if present is None:
                    yield f"{where}: removed"
                    continue
                comparison = Comparison(released, current)
                yield from comparison.operation(methods[method], present, where)


@dataclass
class Comparison:
    """Compares two documents; remembers the pairs of schemas it went through."""

    released: Json
    current: Json
    seen: set[tuple[int, int, bool]] = field(default_factory=set)

    def operation(self, old: Json, new: Json, where: str) -> Iterator[str]:
        """What became of one operation."""
        if old.get("operationId") != new.get("operationId"):
            yield f"{where}: has another operationId"
        if new.get("security") and not old.get("security"):
            yield f"{where}: needs a token now"
        yield from self.parameters(old, new, where)
        yield from self.body(old.get("requestBody"), new.get("requestBody"), where)
        for status, answer in old["responses"].items():
            place = f"{where}, {status}"
            if status in new["responses"]:
                yield from self.answer(answer, new["responses"][status], place)
            else:
                yield f"{place}: removed"

    def parameters(self, old: Json, new: Json, where: str) -> Iterator[str]:
        """Parameters of path, query and header."""
        before, after = (
            {(one["in"], one["name"]): one for one in side.get("parameters", ())}
            for side in (old, new)
        )
        for key in before.keys() - after.keys():
            yield f"{where}: parameter {key[1]} removed"
        for key, one in after.items():
            place = f"{where}, parameter {key[1]}"
            if one.get("required") and not before.get(key, {}).get("required"):
                yield f"{place}: required now"
            if key in before:
                yield from self.schema(before[key]["schema"], one["schema"], place, sent=True)

    def body(self, old: Json | None, new: Json | None, where: str) -> Iterator[str]:
        """What is sent."""
        place = f"{where}, body"
        if new and new.get("required") and not (old and old.get("required")):
            yield f"{place}: required now"
        if old and new:
            yield from self.contents(old, new, place, sent=True)
        elif old:
            yield f"{place}: removed"

    def answer(self, old: Json, new: Json, where: str) -> Iterator[str]:
        """What is read: headers and contents of one status."""
        for name, header in old.get("headers", {}).items():
            present = new.get("headers", {}).get(name)
            if present is None or (header.get("required") and not present.get("required")):
                yield f"{where}: header {name} removed"
        yield from self.contents(old, new, where, sent=False)

    def contents(self, old: Json, new: Json, where: str, *, sent: bool) -> Iterator[str]:
        """The schemas of each media type."""
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{where}: {kind} removed"
            else:
                schema = new["content"][kind]["schema"]
                yield from self.schema(content["schema"], schema, where, sent=sent)

    def schema(self, old: Json, new: Json, where: str, *, sent: bool) -> Iterator[str]:
        """Every value that one side has must be one that the other knows."""
        before, after = _by_type(old, self.released), _by_type(new, self.current)
        given, known = (before, after) if sent else (after, before)
        for kind in given.keys() - known.keys():
            yield f"{where}: {kind} is {'refused' if sent else 'new'}"
        for kind in before.keys() & after.keys():
            yield from self.values(before[kind], after[kind], where, sent=sent)

    def values(self, old: Json, new: Json, where: str, *, sent: bool) -> Iterator[str]:
        """Two schemas of one type; a pair only once, for a schema may contain itself."""
        pair = (id(old), id(new), sent)
        if pair in self.seen:
            return
        self.seen.add(pair)
        if sent:
            yield from _narrowed(old, new, where)
        if old.get("format") != new.get("format"):
            yield f"{where}: format {old.get('format')} became {new.get('format')}"
        if "items" in old and "items" in new:
            yield from self.schema(old["items"], new["items"], f"{where}[]", sent=sent)
        yield from self.members(old, new, where, sent=sent)

    def members(self, old: Json, new: Json, where: str, *, sent: bool) -> Iterator[str]:
        """The fields of two objects."""
        before, after = old.get("properties", {}), new.get("properties", {})
        was, now = set(old.get("required", ())), set(new.get("required", ()))
        for name in before.keys() - after.keys():
            yield f"{where}.{name}: removed"
        for name in sorted(now - was if sent else (was - now) & after.keys()):
            yield f"{where}.{name}: {'required now' if sent else 'may be missing now'}"
        for name in before.keys() & after.keys():
            yield from self.schema(before[name], after[name], f"{where}.{name}", sent=sent)


def _by_type(schema: Json, document: Json) -> dict[str, Json]:
    """The alternatives of a schema by their type; one without a type allows anything."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return {kind: one for option in options for kind, one in _by_type(option, document).items()}
    kinds = schema.get("type", "anything")
    return dict.fromkeys([kinds] if isinstance(kinds, str) else kinds, schema)


def _narrowed(old: Json, new: Json, where: str) -> Iterator[str]:
    """Limits of what is sent that are tighter than they were."""
    for name in FLOORS + CEILINGS:
        before, after = (side.get(name, _NO_LIMIT[name]) for side in (old, new))
        if after > before if name in FLOORS else after < before:
            yield f"{where}: {name} {before} became {after}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{where}: has another pattern"
    if "enum" in new and not set(old.get("enum", [None])) <= set(new["enum"]):
        yield f"{where}: fewer values are allowed"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{where}: unknown fields are refused now"


if __name__ == "__main__":
    sys.exit(main())
