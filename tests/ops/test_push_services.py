"""The adapters of push services, against local services that speak their protocols."""

import asyncio
import json
import ssl
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured

from larder.ops.environment import push_accounts
from larder.relay import web_push
from larder.relay.channels import Again, Failed, Gone, Outcome, Sent
from larder.relay.models import Device
from larder.worker.outgoing import Client
from larder.worker.push_services import Message
from larder.worker.push_services.apns import Apns
from larder.worker.push_services.fcm import GRANT, SCOPE, Fcm
from larder.worker.push_services.web import WebPush
from tests.ops.certificates import write_certificate
from tests.ops.push_receiver import Service, serving
from tests.ops.receiving import LOOPBACK, closing
from tests.relay.browser import Browser

EVENT = uuid4()
DATA = {"type": "order.shipped", "object": "7", "url": "https://app.example.com/7"}


def message(kind: str, address: str, **keys: str) -> Message:
    return Message(
        event=EVENT,
        device=Device(kind=kind, address=address, keys=keys),
        title="Order 7 is on its way",
        body="DHL 42",
        data=DATA,
    )


def pem(key: Any) -> str:
    raw: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return raw.decode()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def kinds(outcomes: list[Outcome]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


def test_a_browser_gets_what_it_alone_can_read_signed_with_the_key_of_its_time() -> None:
    async def work() -> None:
        service, browser = Service(), Browser()
        async with serving(service), closing(Client(LOOPBACK)) as client:
            adapter = WebPush(client, ["present", "former"], "mailto:a@example.com")
            address = f"http://127.0.0.1:{service.port}/send/1"
            key = web_push.public_key("former")
            told = message("webpush", address, server=key, **browser.keys)
            service.answers = [(201, b""), (404, b""), (410, b""), (429, b""), (500, b"")]
            service.answers += [(400, b""), (302, b"")]
            outcomes = [await adapter.send(told) for _ in range(7)]
            assert kinds(outcomes) == [Sent, Gone, Gone, Again, Again, Failed, Failed]
            path, headers, body = service.requests[0]
            assert (path, headers["content-encoding"]) == ("/send/1", "aes128gcm")
            assert len(headers["topic"]) <= 32
            assert json.loads(browser.read(body)) == {
                "title": "Order 7 is on its way",
                "body": "DHL 42",
                **DATA,
            }
            token = headers["authorization"].removeprefix("vapid t=").partition(",")[0]
            origin = f"http://127.0.0.1:{service.port}"
            jwt.decode(token, web_push.point(key), ["ES256"], audience=origin)
            unknown = message("webpush", address, server="another", **browser.keys)
            assert kinds([await adapter.send(unknown)]) == [Gone]

    run(work())


@pytest.mark.parametrize(
    "text", ["{", "7", '{"pager": {}}', '{"fcm": {"private_key": "secret"}}', '{"apns": 7}']
)
def test_faulty_accounts_are_refused_without_their_keys(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PUSH_ACCOUNTS") as refused:
        push_accounts(text)
    assert "secret" not in str(refused.value)


def test_fcm_gets_a_message_with_a_token_of_the_service_account() -> None:
    key = rsa.generate_private_key(65537, 2048)

    async def work() -> None:
        service = Service()
        async with serving(service), closing(Client(LOOPBACK)) as client:
            home = f"http://127.0.0.1:{service.port}"
            account = {
                "project_id": "shop",
                "client_email": "larder@shop.example",
                "private_key": pem(key),
                "token_uri": f"{home}/token",
            }
            adapter, told = Fcm(client, account, home), message("fcm", "TOKEN")
            token = json.dumps({"access_token": "secret", "expires_in": 3599}).encode()
            gone = json.dumps({"error": {"details": [{"errorCode": "UNREGISTERED"}]}}).encode()
            service.answers = [(500, b""), (200, token), (200, b"{}"), (404, gone), (404, b"")]
            service.answers += [(401, b""), (200, token), (503, b"")]
            outcomes = [await adapter.send(told) for _ in range(6)]
            assert kinds(outcomes) == [Again, Sent, Gone, Failed, Again, Again]
            asked = parse_qs(service.requests[0][2].decode())
            assert asked["grant_type"] == [GRANT]
            claims = jwt.decode(
                asked["assertion"][0], key.public_key(), ["RS256"], audience=account["token_uri"]
            )
            assert (claims["iss"], claims["scope"]) == (account["client_email"], SCOPE)
            path, headers, body = service.requests[2]
            assert path == "/v1/projects/shop/messages:send"
            assert headers["authorization"] == "Bearer secret"
            sent = json.loads(body)["message"]
            assert (sent["token"], sent["data"]) == ("TOKEN", DATA)
            assert sent["notification"] == {"title": "Order 7 is on its way", "body": "DHL 42"}

    run(work())


def test_apns_gets_a_message_over_http2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, key = tmp_path / "certificate.pem", ec.generate_private_key(ec.SECP256R1())
    write_certificate(file, "apns.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.set_alpn_protocols(["h2"])

    async def work() -> None:
        service = Service()
        client = Client(LOOPBACK, lambda _: ["127.0.0.1"], http2=True)
        async with serving(service, context), closing(client):
            account = {
                "team_id": "TEAM",
                "key_id": "KEY",
                "private_key": pem(key),
                "topic": "com.example.shop",
                "host": f"apns.example:{service.port}",
            }
            adapter, told = Apns(client, account), message("apns", "ab" * 32)
            bad, unknown = b'{"reason":"BadDeviceToken"}', b'{"reason":"BadTopic"}'
            service.answers = [(200, b""), (410, b""), (400, bad), (400, unknown), (403, b"")]
            service.answers += [(429, b"")]
            outcomes = [await adapter.send(told) for _ in range(6)]
            assert kinds(outcomes) == [Sent, Gone, Gone, Failed, Again, Again]
            path, headers, body = service.requests[0]
            assert path == f"/3/device/{'ab' * 32}"
            assert headers["apns-topic"] == "com.example.shop"
            sent = json.loads(body)
            alert = {"title": "Order 7 is on its way", "body": "DHL 42"}
            assert (sent["aps"]["alert"], sent["object"]) == (alert, "7")
            tokens = [headers["authorization"] for _, headers, _ in service.requests]
            assert len(set(tokens)) == 2, "a refused token is not used again, another one is"
            token = tokens[0].removeprefix("bearer ")
            assert jwt.get_unverified_header(token)["kid"] == "KEY"
            assert jwt.decode(token, key.public_key(), ["ES256"])["iss"] == "TEAM"

    run(work())
