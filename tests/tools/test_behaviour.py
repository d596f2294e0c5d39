"""`make behaviour`: variants of requests, hidden volatile values, and compared answers."""

from pathlib import Path

from tools.behaviour import normal, variants
from tools.behaviour.__main__ import compare, documents, write
from tools.behaviour.call import Answer, Call
from tools.clients.plan_earlier import PLANS
from tools.clients.requests import folders

ORDER = Call(
    "POST",
    "/api/v1/orders/7/pack?dry=1",
    {"Content-Type": "application/json"},
    '{"lines": [{"product": 1}]}',
)
PARAMETERS = [{"in": "query", "name": "dry"}, {"in": "header", "name": "If-Match"}]


def varied() -> dict[str, Call]:
    return dict(variants.of(ORDER, PARAMETERS, "/api/v1/orders/{order}/pack"))


def test_members_at_any_depth_are_removed_and_replaced() -> None:
    assert varied()["without lines.0.product"].body == '{"lines": [{}]}'
    assert varied()["lines.0.product = -1"].body == '{"lines": [{"product": -1}]}'
    assert varied()["lines = null"].body == '{"lines": null}'


def test_paths_queries_headers_and_credentials_are_varied() -> None:
    found = varied()
    assert found["{order} -1"].target == "/api/v1/orders/-1/pack?dry=1"
    assert found["query dry=x"].target == "/api/v1/orders/7/pack?dry=x"
    assert found["If-Match *"].headers["If-Match"] == "*"
    assert "Authorization" not in found["no credentials"].headers


def test_a_deletion_is_sent_only_in_variants_that_delete_nothing() -> None:
    call = ORDER.but(method="DELETE", headers={"Authorization": "Bearer t"}, body=None)
    for _, one in variants.of(call, PARAMETERS, "/api/v1/orders/{order}/pack"):
        same = (one.target, one.headers.get("Authorization")) == (call.target, "Bearer t")
        assert not same or one.headers["If-Match"] == '"other"'


def test_there_are_more_than_two_thousand_requests() -> None:
    requests = sum(
        len(list(variants.of(_call(request.step.text), [], request.operation.path)))
        for folder in folders(documents(), PLANS)
        for request in folder.requests
    )
    assert requests > 2_000


def _call(text: str) -> Call:
    is_json = text.startswith(("{", "[")) and "#" not in text and "{{" not in text
    headers = {"Content-Type": "application/json" if is_json else "text/csv"}
    return Call("POST", "/", headers, text or None)


def test_volatile_values_are_hidden_and_sent_values_are_shown() -> None:
    own = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
    other = "16fd2706-8baf-433b-82eb-8c7fada847da"
    body = f'{{"id":"{own}","by":"{other}","at":"2026-11-23T09:16:46.123Z","sku":"L-CX230-ZMJX3"}}'
    answer = Answer(200, (("date", "now"), ("etag", '"abc"')), body.encode())
    assert normal.answer(answer, frozenset({own})) == (
        f'200\netag: "…"\n\n{{"id":"{own}","by":"<uuid>","at":"<time>","sku":"<sku>"}}'
    )


def test_only_answers_that_differ_are_shown(tmp_path: Path) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    for folder, status in ((before, "200"), (now, "404")):
        folder.mkdir()
        write(folder / "v1.txt", ["## GET /same\n200\n", f"## GET /other\n{status}\n"])
    lines = list(compare(before, now))
    assert lines[0] == "--- v1: ## GET /other #1"
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-200", "+404"]
    assert list(compare(before, before)) == []
