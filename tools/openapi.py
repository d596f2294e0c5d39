"""The OpenAPI document of v1, and the compatibility gate: whether it breaks the last release.

    python -m tools.openapi             checks that it is current, and breaks nothing
    python -m tools.openapi --write     writes it

A release keeps its documents in `docs/openapi/released/<version>/`, and their SHA-256 in the file
`SHA256SUMS` there: they are not edited afterwards. The gate compares the document of v1 with that
of the highest version. The earlier contracts are held by the recorded exchanges of tests/compat.

What clients *send* must still be accepted: limits may widen, never narrow. What they *read* must
still be there and of the same kind: fields may come, none may go or become null. Errors that are
documented keep their status and code. A breaking change passes only where `pyproject.toml` has a
version that may break: the next major version, before 1.0.0 the next minor one.
"""

import hashlib
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "openapi"
SUMS = "SHA256SUMS"
LEVELS = 3
"""A line for each operation and component, so that a difference names what changed."""

Json = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch")
PROBLEM = "application/problem+json"
FLOORS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
CEILINGS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_NO_LIMIT = {name: float("-inf") for name in FLOORS} | {name: float("inf") for name in CEILINGS}


def main() -> int:
    """Writes the document, or checks it and runs the gate. Returns 1 if it is not as it should
    be."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
    django.setup()
    # The routes need the settings.
    from tools.openapi_document import document

    file, text = FOLDER / "v1.json", _lines(document(), LEVELS) + "\n"
    if "--write" in sys.argv:
        file.write_text(text, encoding="utf-8")
    elif text != file.read_text(encoding="utf-8"):
        sys.stderr.write(f"Out of date: {file.name}. Run `make openapi`.\n")
        return 1
    return gate()


def _lines(value: Any, levels: int) -> str:
    """Returns compact JSON, with a line for each member of the outer objects."""
    if not levels or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    members = (f"{json.dumps(name)}:{_lines(part, levels - 1)}" for name, part in value.items())
    return "{\n" + ",\n".join(members) + "\n}"


def gate(folder: Path = FOLDER, version: str | None = None) -> int:
    """Runs the gate, with the faults on standard error. Returns 1 for an edited release, or for a
    break that `version` (by default that of pyproject.toml) does not allow; otherwise 0."""
    release, present = releases(folder)[-1], version or _version()
    edited, broken = list(altered(folder)), list(incompatible(release, folder))
    is_allowed = _series(present) > _series(release.name)
    sys.stderr.writelines(f"{fault}\n" for fault in edited + broken)
    if broken:
        advice = f"version {present} may" if is_allowed else "see Release in CONTRIBUTING.md"
        sys.stderr.write(f"This breaks release {release.name}: {advice}.\n")
    return 1 if edited or (broken and not is_allowed) else 0


def releases(folder: Path = FOLDER) -> list[Path]:
    """Returns the folders of the releases, in the order of their versions."""
    return sorted((folder / "released").iterdir(), key=lambda release: _numbers(release.name))


def altered(folder: Path = FOLDER) -> Iterator[str]:
    """Yields each released file that is not what its release wrote."""
    for release in releases(folder):
        wanted = _sums_of(release / SUMS)
        found = {one.name: _sum(one) for one in release.iterdir() if one.name != SUMS}
        for name in sorted(wanted.keys() | found.keys()):
            if name not in found:
                yield f"released/{release.name}/{name}: removed"
            elif found[name] != wanted.get(name):
                yield f"released/{release.name}/{name}: not as it was released"


def incompatible(release: Path, folder: Path = FOLDER) -> Iterator[str]:
    """Yields what the current document of v1 breaks of a release."""
    released, present = (
        json.loads((place / "v1.json").read_text("utf-8")) for place in (release, folder)
    )
    yield from (f"v1.json: {fault}" for fault in breaks(released, present))


def _sums_of(file: Path) -> dict[str, str]:
    """Reads what `sha256sum` wrote: the sum of each file, by its name."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def _sum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _series(version: str) -> tuple[int, ...]:
    """Returns the part of a version (SemVer) that changes with a breaking change."""
    major, minor, _ = _numbers(version)
    return (major, 0) if major else (0, minor)


def _version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def breaks(released: Json, current: Json) -> Iterator[str]:
    """Yields every breaking change between two documents, in words."""
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
        """The schemas of each media type, and the codes of problems."""
        for kind, content in old.get("content", {}).items():
            present = new.get("content", {}).get(kind)
            if present is None:
                yield f"{where}: {kind} removed"
                continue
            yield from self.schema(content["schema"], present["schema"], where, sent=sent)
            if kind == PROBLEM:
                codes = content.get("examples", {}).keys() - present.get("examples", {}).keys()
                yield from (f"{where}: code {code} removed" for code in sorted(codes))

    def schema(self, old: Json, new: Json, where: str, *, sent: bool) -> Iterator[str]:
        """Every value that one side has must be one that the other knows."""
        before, after = _by_type(old, self.released), _by_type(new, self.current)
        given, known = (before, after) if sent else (after, before)
        for kind in given.keys() - known.keys():
            yield f"{where}: {kind} is {'refused' if sent else 'new'}"
        for kind in before.keys() & after.keys():
            for one in given[kind]:
                pairs = [(one, other) if sent else (other, one) for other in known[kind]]
                yield from self.nearest(pairs, where, sent=sent)

    def nearest(
        self, pairs: Sequence[tuple[Json, Json]], where: str, *, sent: bool
    ) -> Sequence[str]:
        """Of several alternatives of one type one has to know the value: the fewest faults."""
        seen, tried = self.seen, []
        for old, new in pairs:
            self.seen = seen.copy()
            tried.append((list(self.values(old, new, where, sent=sent)), self.seen))
        faults, self.seen = min(tried, key=lambda each: len(each[0]))
        return faults

    def values(self, old: Json, new: Json, where: str, *, sent: bool) -> Iterator[str]:
        """Two schemas of one type; a pair only once, for a schema may contain itself."""
        pair = (id(old), id(new), sent)
        if pair in self.seen:
            return
        self.seen.add(pair)
        if sent:
            yield from _narrowed(old, new, where)
        elif _is_constant(old) and old["const"] != new.get("const"):
            yield f"{where}: another value than {old['const']}"
        was, now = old.get("format"), new.get("format")
        # A plain integer may have any size: int64 only says to typed clients how to read it.
        if was != now and (was, now) != (None, "int64"):
            yield f"{where}: format {was} became {now}"
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


def _by_type(schema: Json, document: Json) -> dict[str, list[Json]]:
    """Returns the alternatives of a schema by their type; one without a type allows anything."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found: dict[str, list[Json]] = {}
    if options := schema.get("anyOf") or schema.get("oneOf"):
        for option in options:
            for kind, alternatives in _by_type(option, document).items():
                found.setdefault(kind, []).extend(alternatives)
        return found
    kinds = schema.get("type", "anything")
    return {kind: [schema] for kind in ([kinds] if isinstance(kinds, str) else kinds)}


_WORDS = re.compile(r"\(([a-z]+(?:\|[a-z]+)+)\)")
"""A choice of words in a pattern."""


def _takes_all(new: str, old: str) -> bool:
    """Returns whether a pattern is the old one, perhaps with more words to choose from."""
    choices = zip(_WORDS.findall(old), _WORDS.findall(new), strict=False)
    more = all(set(was.split("|")) <= set(now.split("|")) for was, now in choices)
    return _WORDS.sub("()", new) == _WORDS.sub("()", old) and more


def _narrowed(old: Json, new: Json, where: str) -> Iterator[str]:
    """Limits of what is sent that are tighter than they were."""
    for name in FLOORS + CEILINGS:
        was, now = (side.get(name, _NO_LIMIT[name]) for side in (old, new))
        if now > was if name in FLOORS else now < was:
            yield f"{where}: {name} {was} became {now}"
    if "pattern" in new and not _takes_all(new["pattern"], old.get("pattern", "")):
        yield f"{where}: has another pattern"
    before, after = _choice(old), _choice(new)
    if after is not None and (before is None or not before <= after):
        yield f"{where}: fewer values are allowed"
    if "multipleOf" in new and new["multipleOf"] != old.get("multipleOf"):
        yield f"{where}: has another multipleOf"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{where}: unknown fields are refused now"


def _is_constant(schema: Json) -> bool:
    """Returns whether a member always has one value. That of a boolean tells clients no more than
    its presence: typed clients make an enumeration of it, which they cannot read."""
    return "const" in schema and schema["const"] is not True


def _choice(schema: Json) -> frozenset[Any] | None:
    """Returns the only values that a schema allows; None if it allows others as well."""
    if "const" in schema:
        return frozenset([schema["const"]])
    return frozenset(schema["enum"]) if "enum" in schema else None


if __name__ == "__main__":
    sys.exit(main())
