"""Firebase Cloud Messaging, HTTP v1."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

import jwt
import msgspec

from larder.core.clock import Stopwatch, now
from larder.relay.channels import Again, Outcome
from larder.worker.outgoing import Client
from larder.worker.push_services import SECONDS, Message, judged

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 3_000
"""How long a token is used. It is valid for an hour."""


class Fcm:
    """Sends messages with a service account: the file of Google's console."""

    def __init__(
        self, client: Client, account: Mapping[str, str], url: str = "https://fcm.googleapis.com"
    ) -> None:
        self._client, self._account = client, account
        self._url = f"{url}/v1/projects/{account['project_id']}/messages:send"
        self._token, self._age, self._renewing = "", Stopwatch(), asyncio.Lock()

    async def send(self, message: Message) -> Outcome:
        """Sends a message. Raises NoAnswer."""
        async with self._renewing:
            if not self._token or self._age.seconds > TOKEN_SECONDS:
                await self._renew()
        if not self._token:
            return Again("no token for the service account")
        told = {
            "token": message.device.address,
            "notification": {"title": message.title, "body": message.body},
            "data": message.data,
            "android": {"ttl": f"{SECONDS}s", "collapse_key": str(message.event)},
        }
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        body = msgspec.json.encode({"message": told})
        answer = await self._client.post(self._url, headers, body)
        if answer.status in {401, 403}:
            self._token = ""
        is_gone = b"UNREGISTERED" in answer.body or b"SENDER_ID_MISMATCH" in answer.body
        return judged(answer, is_gone=is_gone, is_refused=not self._token)

    async def _renew(self) -> None:
        account, at = self._account, now()
        claims = {
            "iss": account["client_email"],
            "scope": SCOPE,
            "aud": account["token_uri"],
            "iat": at,
            "exp": at + timedelta(hours=1),
        }
        assertion = jwt.encode(claims, account["private_key"], algorithm="RS256")
        form = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._client.post(account["token_uri"], headers, form)
        self._token, self._age = "", Stopwatch()
        if answer.status == 200:
            self._token = msgspec.json.decode(answer.body)["access_token"]
