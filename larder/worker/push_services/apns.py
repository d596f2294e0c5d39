"""Apple Push Notification service, over HTTP/2."""

from collections.abc import Mapping

import jwt
import msgspec

from larder.core.clock import Stopwatch, now
from larder.relay.channels import Outcome
from larder.worker.outgoing import Client
from larder.worker.push_services import SECONDS, Message, judged

TOKEN_SECONDS = 2_400
"""How long a token is used. Apple takes none that is older than an hour, and no new one within 20
minutes."""

GONE = (b"BadDeviceToken", b"DeviceTokenNotForTopic")


class Apns:
    """Sends messages with a key of the developer's account: `private_key`, its `key_id`, the
    `team_id`, and the `topic`, which is the bundle id of the app. `host` is another than that of
    production."""

    def __init__(self, client: Client, account: Mapping[str, str]) -> None:
        self._client, self._account = client, account
        host = account.get("host", "api.push.apple.com")
        self._url = f"https://{host}/3/device/"
        self._token, self._age = "", Stopwatch()

    async def send(self, message: Message) -> Outcome:
        """Sends a message. Raises NoAnswer."""
        if not self._token or self._age.seconds > TOKEN_SECONDS:
            claims = {"iss": self._account["team_id"], "iat": now()}
            key_id = {"kid": self._account["key_id"]}
            key = self._account["private_key"]
            self._token = jwt.encode(claims, key, algorithm="ES256", headers=key_id)
            self._age = Stopwatch()
        headers = {
            "authorization": f"bearer {self._token}",
            "apns-topic": self._account["topic"],
            "apns-push-type": "alert",
            "apns-expiration": str(int(now().timestamp()) + SECONDS),
            "apns-collapse-id": str(message.event),
        }
        alert = {"title": message.title, "body": message.body}
        body = msgspec.json.encode({"aps": {"alert": alert, "sound": "default"}, **message.data})
        answer = await self._client.post(f"{self._url}{message.device.address}", headers, body)
        if answer.status == 403:
            self._token = ""
        is_gone = answer.status == 410 or any(reason in answer.body for reason in GONE)
        return judged(answer, is_gone=is_gone, is_refused=not self._token)
