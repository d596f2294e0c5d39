"""Counting and logging of requests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from larder.core.telemetry import taken
from larder.http import answered_requests
from larder.http.answered_requests import AnsweredRequest
from larder.ops.telemetry import metrics, requests
from tests.conftest import Api, Person
from tests.ops.samples import numbers
from tests.server import Server
from tools.processes import wait_until

MakePerson = Callable[..., Person]


def counts() -> dict[str, float]:
    """Every sample, after this process has added up."""
    return numbers(Client().get("/metrics").content.decode())


def grown(name: str, before: dict[str, float], after: dict[str, float]) -> float:
    return after.get(name, 0) - before.get(name, 0)


def test_requests_are_counted_by_method_route_and_class_of_status(db: None, api: Api) -> None:
    before = counts()
    for _ in range(3):
        api("GET", "/livez")
    assert api("GET", "/api/v1/orders/0190a0a0-0000-7000-8000-000000000000").status == 401
    after = counts()
    assert grown("larder_http_requests_total GET /livez 2xx", before, after) == 3
    route = "GET /api/v1/orders/<id:order>"
    assert grown(f"larder_http_requests_total {route} 4xx", before, after) == 1
    assert grown(f"larder_http_request_duration_seconds_count {route}", before, after) == 1
    assert 0 < grown("larder_http_request_duration_seconds_sum GET /livez", before, after) < 3


def test_unknown_paths_create_no_new_series(db: None) -> None:
    before = counts()
    for path in ("/nowhere", "/api/v1/nothing", "/wp-login.php", "/%00"):
        Client().get(path)
    for method in ("BREW", "PROPFIND", "x" * 1000):
        Client().generic(method, "/livez")
    for path in ("/admin/", "/admin/orders/order/", "/admin/inventory/adjustment/7/change/"):
        Client().get(path)
    after = counts()
    new = {name for name in after if name.startswith("larder_http_requests_total")} - set(before)
    assert new <= {
        f"larder_http_requests_total {labels}"
        for labels in ("GET (none) 4xx", "other /livez 2xx", "other /livez 4xx", "GET /admin/ 3xx")
    } | {"larder_http_requests_total GET /metrics 2xx"}
    assert grown("larder_http_requests_total GET (none) 4xx", before, after) == 4
    assert grown("larder_http_requests_total GET /admin/ 3xx", before, after) == 3


def done(**changes: Any) -> AnsweredRequest:
    """A request that was answered."""
    as_usual = AnsweredRequest(
        "GET", "api/v1/products", 200, 1, 0.0, "/api/v1/products", None, None
    )
    return as_usual._replace(**changes)


def test_a_blocked_log_drops_the_oldest_lines_and_uses_no_more_memory(db: None, api: Api) -> None:
    for _ in range(answered_requests.KEPT + 10):
        answered_requests.answered.append(done())
    assert len(taken(answered_requests.answered)) == answered_requests.KEPT


def lines(written: bytes) -> list[dict[str, Any]]:
    """Lines of the log that tell of requests."""
    read = [json.loads(line) for line in written.splitlines() if line.startswith(b"{")]
    return [line for line in read if line["logger"] == "larder.requests"]


def test_an_access_line_has_caller_and_path_without_the_query(
    db: None,
    person: MakePerson,
    as_: Callable[[Person], Api],
    settings: LazySettings,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    settings.LOG_LEVEL = "INFO"
    taken(answered_requests.answered)
    who, correlation_id = person(), "0123456789abcdef0123456789abcdef"
    sent = {"Correlation-ID": correlation_id, "Authorization": "Bearer marker-of-a-token"}
    Client().get("/api/v1/me?q=marker", headers=sent)
    as_(who)("GET", "me")
    metrics.add_up()
    written = capfdbinary.readouterr().err
    refused, answered = lines(written)[0], lines(written)[-1]
    assert b"marker" not in written
    assert (refused["status"], refused["caller"]) == (401, None)
    assert refused["correlation_id"] == correlation_id
    assert (answered["method"], answered["route"], answered["path"]) == (
        "GET",
        "/api/v1/me",
        "/api/v1/me",
    )
    assert (answered["status"], answered["level"]) == (200, "info")
    assert answered["caller"] == str(who.customer.public_id)
    assert answered["timestamp"].endswith("Z")
    assert 0 < answered["seconds"] < 10


def test_the_access_log_can_be_turned_off(
    settings: LazySettings, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    settings.LOG_LEVEL = "WARNING"
    requests.write_lines([done()])
    assert capfdbinary.readouterr().err == b""


def test_lines_of_several_processes_are_not_mixed() -> None:
    each = requests._line(done(path="/ä" * 1000))
    pieces = list(requests._pieces([each] * 100))
    assert b"".join(pieces) == each * 100
    assert all(piece.endswith(b"\n") and len(piece) <= requests.PIECE for piece in pieces)


@pytest.mark.system
def test_all_processes_of_a_server_count_and_log_every_request(
    transactional_db: None, tmp_path: Path
) -> None:
    environment = {"LOG_LEVEL": "INFO"}
    with Server(workers=2, environment=environment, errors=tmp_path / "log") as server:
        for _ in range(40):
            server.call("GET", "/livez")
            server.hang_up()
        assert wait_until(lambda: livez_count(server) == 40)
        assert wait_until(lambda: len(logged_answers(tmp_path / "log")) == 40)
    answers = logged_answers(tmp_path / "log")
    assert len({line["correlation_id"] for line in answers}) == 40


def logged_answers(log: Path) -> list[dict[str, Any]]:
    return [line for line in lines(log.read_bytes()) if line["path"] == "/livez"]


def livez_count(server: Server) -> float:
    text = server.call("GET", "/metrics").body.decode()
    return numbers(text).get("larder_http_requests_total GET /livez 2xx", 0)


@pytest.mark.system
def test_a_server_writes_its_last_lines_before_it_ends(
    transactional_db: None, tmp_path: Path
) -> None:
    environment = {"LOG_LEVEL": "INFO"}
    with Server(workers=1, environment=environment, errors=tmp_path / "log") as server:
        for _ in range(5):
            server.call("GET", "/livez")
    assert len(logged_answers(tmp_path / "log")) == 5
