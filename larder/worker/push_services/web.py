"""The push services of browsers (RFC 8030), which need no account."""

from collections.abc import Sequence

import msgspec

from larder.core.clock import now
from larder.relay import web_push
from larder.relay.channels import Gone, Outcome
from larder.worker.outgoing import Client
from larder.worker.push_services import SECONDS, Message, judged


class WebPush:
    """Sends messages to browsers, signed with the key that each of them has subscribed with."""

    def __init__(self, client: Client, secrets: Sequence[str], subject: str) -> None:
        """`secrets` are the secret keys of the installation: devices stay until the one of their
        time is none of them any more."""
        self._secrets = {web_push.public_key(secret): secret for secret in secrets}
        self._client, self._subject = client, subject

    async def send(self, message: Message) -> Outcome:
        """Sends a message. Raises NoAnswer."""
        keys, address = message.device.keys, message.device.address
        secret = self._secrets.get(keys["server"])
        if secret is None:
            return Gone("the shop has another key")
        shown = {"title": message.title, "body": message.body, **message.data}
        signature = web_push.authorization(address, secret, subject=self._subject, now=now())
        headers = {
            "Authorization": signature,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(SECONDS),
            "Topic": web_push.encode(message.event.bytes),
        }
        body = web_push.encrypted(
            msgspec.json.encode(shown), p256dh=keys["p256dh"], auth=keys["auth"]
        )
        answer = await self._client.post(address, headers, body)
        return judged(answer, is_gone=answer.status in {404, 410})
