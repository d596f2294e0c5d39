"""Reads lists and feeds of v1."""

from typing import Any

from tests.conftest import Answer, Api
from tests.db.feeds import settle


def answers(api: Api, since: str = "") -> tuple[list[dict[str, Any]], str]:
    """Reads all answers; returns the orders and the last mark."""
    settle()
    rows: list[dict[str, Any]] = []
    while True:
        answer = api("GET", f"orders/changes?since={since}")
        assert answer.status == 200, answer.body
        rows += answer.body["results"]
        since = answer.body["since"]
        if not answer.body["more"]:
            return rows, since


def walk(api: Api, path: str) -> list[dict[str, Any]]:
    """Returns all rows from this page, through the `next` links."""
    rows: list[dict[str, Any]] = []
    link: str | None = path
    while link is not None:
        answer = api("GET", link)
        assert answer.status == 200, answer.body
        rows += answer.body["results"]
        link = answer.body["next"]
        if link is not None:
            assert link.startswith("http://testserver/api/v1/")
            link = link.removeprefix("http://testserver")
    return rows


def ids(answer: Answer) -> list[int]:
    return [row["id"] for row in answer.body["results"]]


def figures(api: Api, *products: int) -> dict[int, int]:
    asked = ",".join(str(id) for id in products)
    rows = api("GET", f"stock?products={asked}").body["results"]
    return {row["product"]: row["quantity"] for row in rows}
