"""Workers that are killed lose no event, and keep the order of first attempts."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import sleep
from uuid import uuid4

import pytest
from django.conf import settings

from larder.db import database
from larder.orders.services.moves import cancel_order
from larder.relay.services.endpoints import create_endpoint
from tests.conftest import Person
from tests.db.feeds import transaction
from tests.orders.holding import order, request
from tests.relay.listening import ADD_EVENT, Listener, started
from tests.server import ROOT
from tests.tiers import LONGEST
from tools.processes import wait_until

pytestmark = [pytest.mark.system, pytest.mark.django_db(transaction=True)]

KILLS = 3
TYPES = ["order.placed", "order.cancelled"]

Told = list[tuple[str, str]]
"""The event and the order of each request that came."""


@contextmanager
def receiving() -> Iterator[tuple[int, Told]]:
    told: Told = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append((self.headers["webhook-id"], body["data"]["id"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], told
        server.shutdown()


@contextmanager
def killed_worker(log: Path) -> Iterator[None]:
    command = [sys.executable, "manage.py", "worker"]
    environment = os.environ | {"WEBHOOK_NETWORKS": "127.0.0.0/8"}
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.kill()
        process.wait(LONGEST)


def test_no_event_is_lost_by_killed_workers(
    person: Callable[..., Person], product: Callable[..., int], tmp_path: Path
) -> None:
    who, jam = person(), product(stock=1000)
    owner = person(is_staff=True, role="owner").caller
    started(Listener())
    rolled_back = uuid4()
    with receiving() as (port, told):
        fields = {"url": f"http://127.0.0.1:{port}/", "name": "test", "events": TYPES}
        now = datetime.now(UTC)
        create_endpoint(fields, caller=owner, keys=[settings.SECRET_KEY], at=now)
        for _ in range(KILLS):
            before = len(told)
            with killed_worker(tmp_path / "log"):
                # What is told begins in the middle of what happens, and ends there.
                while len(told) < before + 20:
                    placed = order(who, (jam, 1)).id
                    cancel_order(request(who.caller, placed))
                    # On a busy machine a worker starts late: it has to tell all of this.
                    sleep(0.1)
        with transaction() as other:
            other.execute(ADD_EVENT, [rolled_back, placed, "changed"])
            other.rollback()
        facts = database.rows("SELECT id::text, order_id::text FROM order_event ORDER BY position")
        with killed_worker(tmp_path / "log"):
            assert wait_until(lambda: {id for id, _ in told} >= {id for id, _ in facts}, LONGEST)
    assert sorted(dict(told).items()) == sorted(facts)
    first = {id: at for at, (id, _) in reversed([*enumerate(told)])}
    for _, of in facts:
        attempts = [first[id] for id, order in facts if order == of]
        assert attempts == sorted(attempts)
