"""Plays the examples of a page: `http` blocks, each request followed by the answer to it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.conftest import Answer, Api
from tests.db.feeds import settle
from tests.docs.example_values import ExampleValues
from tests.http.log_ins import newest_token

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api"
WIDTH = 88
HOST = "https://shop.example"
HEADERS = (
    *("Content-Type", "Location", "ETag", "Idempotency-Replayed", "Retry-After"),
    *("WWW-Authenticate", "Content-Disposition"),
)
"""The headers of an answer that the pages show."""

_BLOCK = re.compile(r"^```http\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A request and its answer, as the page has them. `start` and `end` are where the answer is in
    the page; where there is none yet, both are the end of the request."""

    request: str
    answer: str
    start: int
    end: int

    @property
    def title(self) -> str:
        """Method and path."""
        return self.request.split(" HTTP/", 1)[0]


def examples(page: str) -> Iterator[Example]:
    """The examples of a page, in order."""
    blocks = [*_BLOCK.finditer(page)]
    for place, block in enumerate(blocks):
        if _is_answer(block[1]):
            continue
        behind = blocks[place + 1] if place + 1 < len(blocks) else None
        if behind is not None and _is_answer(behind[1]):
            yield Example(block[1], behind[1], *behind.span())
        else:
            yield Example(block[1], "", block.end(), block.end())


def _is_answer(block: str) -> bool:
    return block.startswith("HTTP/")


def play(page: str, api: Api, values: ExampleValues) -> Iterator[tuple[Example, str]]:
    """Sends the requests of a page in order. Yields each with the answer as the page should show
    it. Raises AssertionError for an error of the server: no page shows one."""
    for number, example in enumerate(examples(page), start=1):
        if "RESET_TOKEN" in example.request:
            values.bind(newest_token(), "RESET_TOKEN")
        answer = _send(api, values.request(example.request))
        assert answer.status < 500, f"{example.title}: {answer.status} {answer.body}"
        text = _text(answer)
        values.learn(text, example.answer)
        yield example, values.answer(text, number)


def rewritten(page: str, played: list[tuple[Example, str]]) -> str:
    """The page with these answers."""
    for example, answer in reversed(played):
        block = f"```http\n{answer}```\n"
        new = block if example.answer else f"\n{block}"
        page = page[: example.start] + new + page[example.end :]
    return page


def _send(api: Api, request: str) -> Answer:
    head, _, body = request.partition("\n\n")
    first, *lines = head.strip().split("\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    kind = headers.pop("Content-Type", "application/json")
    if "/changes" in path:
        settle()
    return api(method, path, body, content_type=kind, **headers)


def _text(answer: Answer) -> str:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {answer.headers[name]}" for name in HEADERS if name in answer.headers]
    if answer.body is not None:
        lines += ["", _body(answer.body)]
    return "\n".join(lines).replace("http://testserver", HOST) + "\n"


def _body(body: Any) -> str:
    if isinstance(body, bytes):
        return body.decode().replace("\r\n", "\n").rstrip("\n")
    return layout(body)


def layout(value: Any, indent: str = "") -> str:
    """JSON: what fits in a line is one line.

    >>> print(layout({"a": [1, 2]}))
    {"a": [1, 2]}
    """
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) < WIDTH or not isinstance(value, dict | list) or not value:
        return line
    deeper = f"{indent}  "
    if isinstance(value, list):
        rows, (first, last) = [layout(one, deeper) for one in value], "[]"
    else:
        rows = [f"{json.dumps(name)}: {layout(one, deeper)}" for name, one in value.items()]
        first, last = "{}"
    return f"{first}\n{deeper}" + f",\n{deeper}".join(rows) + f"\n{indent}{last}"
