"""Plays a collection as Postman and Insomnia do, request by request, from its file alone.

Only what our collections use is understood: variables, new UUIDs, the ways to authenticate, and
scripts of two kinds of line. Anything else is an error, so that nothing passes for being skipped.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.server import Reply, Server

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a collection, still with its variables in it."""

    name: str
    method: str
    url: str
    headers: list[tuple[str, str]]
    body: str
    script: list[str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a program writes its variables and its scripts."""

    variable: str
    uuid: str
    judged: str
    kept: str


POSTMAN = Dialect(
    variable=r"\{\{(\w+)\}\}",
    uuid=r"\{\{\$guid\}\}",
    judged=r'pm\.test\("\d+", \(\) => pm\.response\.to\.have\.status\((\d+)\)\);',
    kept=r'pm\.collectionVariables\.set\("(\w+)", pm\.response\.json\(\)(.*)\);',
)
INSOMNIA = Dialect(
    variable=r"\{\{ _\.(\w+) \}\}",
    uuid=r"\{% uuid 'v4' %\}",
    judged=r'insomnia\.test\("\d+", \(\) => '
    r"insomnia\.expect\(insomnia\.response\.code\)\.to\.eql\((\d+)\)\);",
    kept=r'insomnia\.baseEnvironment\.set\("(\w+)", insomnia\.response\.json\(\)(.*)\);',
)


@dataclass
class Player:
    """One run of a collection; variables live as long as it does."""

    server: Server
    dialect: Dialect
    variables: dict[str, str]
    played: list[str] = field(default_factory=list)

    def play(self, call: Call) -> Reply:
        """Send a request, judge its status and keep what its script keeps."""
        headers = {name: self.filled(value) for name, value in call.headers}
        body = self.filled(call.body).encode() if call.body else None
        if body and headers["Content-Type"] == "application/json":
            json.loads(body)
        method, path = call.method, self.path(self.filled(call.url))
        reply = self.server.call(method, path, body, headers=credentials_encoded(headers))
        self.run(call, reply)
        self.played.append(f"{method} {path}")
        return reply

    def filled(self, text: str) -> str:
        """The text with every variable's value, as it is now."""
        text = re.sub(self.dialect.uuid, lambda _: str(uuid4()), text)
        text = re.sub(self.dialect.variable, lambda found: self.variables[found[1]], text)
        assert "{{" not in text, text
        assert "{%" not in text, text
        return text

    def path(self, url: str) -> str:
        """What follows the address of the server."""
        base = self.variables["base_url"]
        assert url.startswith(f"{base}/")
        return url.removeprefix(base)

    def run(self, call: Call, reply: Reply) -> None:
        """The lines of a script; the first one is the judgement."""
        judged = re.fullmatch(self.dialect.judged, call.script[0])
        assert judged, call.script[0]
        answered = f"{call.method} {call.url} answered {reply.status}: {reply.body}"
        assert reply.status == int(judged[1]), answered
        for line in call.script[1:]:
            kept = re.fullmatch(self.dialect.kept, line)
            assert kept, line
            self.variables[kept[1]] = str(member(reply.body, kept[2]))


def member(body: Any, path: str) -> Any:
    """`.results[0].id` and `.users.slice(-1)[0].id` of a body."""
    for last, name, place in re.findall(r"(\.slice\(-1\)\[0\])|\.(\w+)|\[(\d+)\]", path):
        body = body[-1] if last else body[int(place)] if place else body[name]
    return body


def credentials_encoded(headers: Mapping[str, str]) -> dict[str, str]:
    """Names and passwords become what HTTP sends."""
    sent = dict(headers)
    scheme, _, pair = sent.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        sent["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return sent


def postman_calls(collection: Json) -> Iterator[Call]:
    """The requests of a Postman collection in order."""
    for folder in collection["item"]:
        for item in folder["item"]:
            sent = item["request"]
            headers = [(one["key"], one["value"]) for one in sent["header"]]
            (event,) = item["event"]
            assert event["listen"] == "test"
            yield Call(
                item["name"],
                sent["method"],
                sent["url"],
                [*headers, *_postman_credentials(sent["auth"])],
                sent.get("body", {}).get("raw", ""),
                event["script"]["exec"],
            )


def _postman_credentials(auth: Json) -> list[tuple[str, str]]:
    said = {one["key"]: one["value"] for one in auth.get(auth["type"], ())}
    shown: dict[str, Callable[[], str]] = {
        "bearer": lambda: f"Bearer {said['token']}",
        "basic": lambda: f"Basic {said['username']}:{said['password']}",
        "apikey": lambda: said["value"],
    }
    if auth["type"] == "noauth":
        return []
    assert said.get("in", "header") == "header"
    return [(said.get("key", "Authorization"), shown[auth["type"]]())]


def insomnia_calls(export: Json) -> Iterator[Call]:
    """The requests of an Insomnia export in the order that Insomnia shows."""
    by_parent: dict[Any, list[Json]] = {}
    for resource in sorted(export["resources"], key=lambda one: one.get("metaSortKey", 0)):
        by_parent.setdefault(resource["parentId"], []).append(resource)
    (workspace,) = by_parent[None]
    groups = [one for one in by_parent[workspace["_id"]] if one["_type"] == "request_group"]
    for request in _below(groups, by_parent):
        headers = [(one["name"], one["value"]) for one in request["headers"]]
        yield Call(
            request["name"],
            request["method"],
            request["url"],
            [*headers, *_insomnia_credentials(request["authentication"])],
            request["body"].get("text", ""),
            request["afterResponseScript"].split("\n"),
        )


def _below(groups: Iterable[Json], by_parent: Mapping[Any, list[Json]]) -> Iterator[Json]:
    for group in groups:
        yield from by_parent[group["_id"]]


def _insomnia_credentials(said: Json) -> list[tuple[str, str]]:
    if not said:
        return []
    value = {
        "bearer": f"Bearer {said.get('token')}",
        "basic": f"Basic {said.get('username')}:{said.get('password')}",
    }[said["type"]]
    return [("Authorization", value)]
