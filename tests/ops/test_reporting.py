"""Sentry and OpenTelemetry: not loaded unless configured, and tested with a real receiver."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Person
from tests.database import superuser_url
from tests.ops.receiver import Receiver, receiver
from tests.ops.samples import order
from tests.ops.worker import worker
from tests.server import ROOT, Server
from tools.processes import wait_until

MakePerson = Callable[..., Person]
OPTIONAL = (
    "sentry_sdk",
    "opentelemetry",
    "larder.ops.telemetry.tracing",
    "larder.ops.telemetry.error_reporting",
)


def loaded(**environment: str) -> list[str]:
    """Which of OPTIONAL a process has that has imported all that a server imports."""
    code = (
        "import sys, django; django.setup();"
        "import larder.config.urls, larder.ops.telemetry.instruments;"
        f"print(*[name for name in {OPTIONAL} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "larder.config.settings"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.system
def test_unused_reporting_libraries_are_not_imported() -> None:
    assert loaded(SENTRY_DSN="", OTEL_EXPORTER_OTLP_ENDPOINT="") == []
    assert loaded(SENTRY_DSN="http://key@127.0.0.1:9/1", OTEL_EXPORTER_OTLP_ENDPOINT="") == [
        *("sentry_sdk", "larder.ops.telemetry.error_reporting")
    ]


@contextmanager
def broken_addresses() -> Iterator[None]:
    """A table is not where statements look for it."""
    with psycopg.connect(superuser_url(), autocommit=True) as superuser:
        superuser.execute("ALTER TABLE identity.address RENAME TO address_away")
        try:
            yield
        finally:
            superuser.execute("ALTER TABLE identity.address_away RENAME TO address")


def sentry(to: Receiver) -> dict[str, str]:
    return {"SENTRY_DSN": f"http://key@127.0.0.1:{to.port}/1"}


@pytest.mark.system
def test_an_error_in_a_request_is_one_event_with_its_id_and_without_data(
    transactional_db: None, person: MakePerson, tmp_path: Path
) -> None:
    who = person(password="marker-of-a-password")
    with (
        receiver() as there,
        Server(workers=2, environment=sentry(there), errors=tmp_path / "log") as server,
    ):
        token = server.token(who.customer.username, who.password)
        with broken_addresses():
            body = {"line1": "marker-of-a-street", "city": "x", "country": "GB", "postal_code": "1"}
            answer = server.call(
                *("POST", "me/addresses?key=marker-of-a-query"),
                {"name": "marker-of-a-name", "label": "marker-of-a-label", **body},
                token=token,
                headers={"Cookie": "sessionid=marker-of-a-cookie"},
            )
            assert answer.status == 500, answer
            assert wait_until(lambda: bool(there.events))
        server.call("GET", "/livez")
        sent = b"".join(body for _, body in there.received)
    (event,) = there.events
    assert event["tags"]["correlation_id"] == answer.headers["correlation-id"]
    assert "address" in event["exception"]["values"][-1]["value"]
    assert b"marker" not in sent
    assert token.encode() not in sent
    assert who.customer.username.encode() not in sent


@pytest.mark.system
def test_a_failed_task_is_an_event(transactional_db: None, tmp_path: Path) -> None:
    with receiver() as there, psycopg.connect(superuser_url(), autocommit=True) as superuser:
        superuser.execute("ALTER TABLE inventory.stock RENAME TO stock_away")
        try:
            with worker(tmp_path / "log", **sentry(there)):
                assert wait_until(lambda: bool(there.events))
        finally:
            superuser.execute("ALTER TABLE inventory.stock_away RENAME TO stock")
    ids = {event["tags"]["correlation_id"] for event in there.events}
    assert ids
    assert all(len(id) == 32 for id in ids)


def tracing(to: Receiver) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{to.port}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }


@pytest.mark.system
def test_every_order_and_every_page_is_a_span(
    transactional_db: None, person: MakePerson, product: Callable[..., int]
) -> None:
    """Also those that would be answered before Django."""
    jam, who = product(stock=10), person()
    with receiver() as there, Server(workers=1, environment=tracing(there)) as server:
        token = server.token(who.customer.username, who.password)
        for _ in range(3):
            assert order(server, token, jam) == 201
            assert server.call("GET", "products", token=token).status == 200
        expected = {"POST /api/v1/orders": 3, "GET /api/v1/products": 3}

        def found() -> dict[str, int]:
            names = [span.name for span in there.spans]
            return {name: names.count(name) for name in expected}

        assert wait_until(lambda: found() == expected), found()


@pytest.mark.system
def test_a_trace_of_a_client_is_continued(transactional_db: None) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with receiver() as there, Server(workers=1, environment=tracing(there)) as server:
        server.call("GET", "/livez", headers={"traceparent": f"00-{trace}-{parent}-01"})
        assert wait_until(lambda: any(span.name == "GET /livez" for span in there.spans))
    (span,) = [span for span in there.spans if span.name == "GET /livez"]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (trace, parent)


@pytest.mark.system
def test_a_server_sends_its_spans_before_it_ends(transactional_db: None) -> None:
    with receiver() as there:
        hourly = tracing(there) | {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}
        with Server(workers=1, environment=hourly) as server:
            server.call("GET", "/livez")
        assert [span.name for span in there.spans if span.name == "GET /livez"]


@pytest.mark.system
def test_a_task_is_a_trace(transactional_db: None, tmp_path: Path) -> None:
    with receiver() as there, worker(tmp_path / "log", **tracing(there)):
        assert wait_until(lambda: any(span.name == "task old_rows" for span in there.spans))
    (task,) = [span for span in there.spans if span.name == "task old_rows"]
    assert [span for span in there.spans if span.parent_span_id == task.span_id]


@pytest.mark.system
@pytest.mark.parametrize(
    ("variable", "module"),
    [("SENTRY_DSN", "sentry_sdk"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry")],
)
def test_a_missing_package_is_reported_with_its_name(variable: str, module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; import django; django.setup()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "larder.config.settings",
            variable: "http://key@127.0.0.1:9/1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"{variable} is set, and {module}" in done.stderr
    assert "requirements/prod.txt" in done.stderr
