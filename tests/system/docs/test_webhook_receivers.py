"""The receivers of docs/integrate/webhooks.md verify, drop repeats, and catch up."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from larder.core.clock import now
from larder.core.ids import new_id
from larder.relay.channels import Failed
from larder.relay.models import Endpoint
from larder.relay.services import deliveries, endpoints
from larder.worker.webhooks import headers
from tests.conftest import Person
from tests.pages import DOCS, blocks
from tests.relay.listening import due
from tests.server import Server
from tests.system.clients.npm import SDK, install, node

pytestmark = pytest.mark.system

DRIVE_PYTHON = """
import sys
given = json.load(open("given.json"))
for headers in given["requests"]:
    try:
        receive(given["secret"], headers, given["body"])
    except Exception as error:
        print(type(error).__name__)
print(database.execute("SELECT count(*) FROM seen").fetchone()[0])
print(database.execute("SELECT id, version FROM copy").fetchall())
print(catch_up(*given["recover"]))
"""
DRIVE_TYPESCRIPT = """
const given = JSON.parse(process.argv[2]);
for (const headers of given.requests) {
    try {
        const event = await receive(given.secret, new Headers(headers), given.body);
        console.log(event?.data.version ?? "known");
    } catch (error) {
        console.log(error.message);
    }
}
console.log(await catchUp(...given.recover));
"""


def test_the_receivers_of_the_page_work(
    server: Server, person: Callable[..., Person], tmp_path: Path
) -> None:
    owner = person("webhook-owner", "correct horse", is_staff=True, is_superuser=True)
    fields = {"url": "https://shop.example/events", "name": "", "events": ["order.placed"]}
    made = endpoints.create_endpoint(fields, caller=owner.caller, keys=["k" * 50], at=now())
    body = json.dumps({"type": "order.placed", "data": {"id": str(uuid4()), "version": 3}})
    (secret,) = endpoints.opened(_sealed(), made.endpoint, ["k" * 50])
    signed = headers(new_id(), now(), body.encode(), [b"another", secret])
    forged = signed | {"webhook-id": str(uuid4())}
    address = f"http://127.0.0.1:{server.port}"
    token = server.call(
        "POST", "/api/v1/auth/token", {"username": "webhook-owner", "password": "correct horse"}
    ).body["access"]
    given = {
        "secret": made.text,
        "body": body,
        "requests": [signed, signed, forged],
        "recover": [address, token, str(made.endpoint), "2026-01-02T03:04:05Z"],
    }
    page = list(blocks((DOCS / "integrate" / "webhooks.md").read_text()))
    code = {block.language: block.text for block in page}

    _fail_one(owner, made.endpoint)
    (tmp_path / "given.json").write_text(json.dumps(given))
    (tmp_path / "app.py").write_text(code["python"] + DRIVE_PYTHON)
    said = subprocess.run(
        [sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    id = json.loads(body)["data"]["id"]
    assert said.stdout.splitlines() == ["WebhookVerificationError", "1", f"[('{id}', 3)]", "1"]

    _fail_one(owner, made.endpoint)
    install(SDK)
    (tmp_path / "app.mts").write_text(code["ts"])
    strict = ("--strict", "--module", "nodenext", "--target", "es2022")
    node(SDK / "node_modules" / ".bin" / "tsc", *strict, "app.mts", folder=tmp_path)
    built = tmp_path / "app.mjs"
    built.write_text(built.read_text() + DRIVE_TYPESCRIPT)
    told = node("node", "app.mjs", json.dumps(given), folder=tmp_path).splitlines()
    assert told == ["3", "known", "not signed with this secret", "2"]


def _sealed() -> list[str]:
    return Endpoint.objects.get().secrets


def _fail_one(owner: Person, endpoint: UUID) -> None:
    """Lets a delivery fail for good."""
    endpoints.send_test(endpoint, caller=owner.caller, at=now())
    for row in due(endpoint):
        deliveries.record([(row, Failed("503"), None)])
