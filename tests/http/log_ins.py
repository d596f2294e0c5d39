"""Each operation of log-ins and passwords, once."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from larder.http.authentication import secrets
from larder.identity.services import passwords
from larder.identity.services.passwords import Invitation
from larder.relay.models import Delivery
from larder.relay.services.account_mails import PASSWORD_RESET
from tests.conftest import Answer, Api

Json = dict[str, Any]
CONFIRM = "auth/password/reset/confirm"


def of_log_ins(api: Api, account: Json) -> dict[str, Answer]:
    """A client is registered, logs in twice, changes the password, and ends both log-ins."""
    answers = {"register": api("POST", "auth/register", account)}
    credentials = {name: account[name] for name in ("username", "password")}
    pair = answers["log_in"] = api("POST", "auth/token", credentials)
    other = api("POST", "auth/token", credentials)
    mine = {"Authorization": f"Bearer {pair.body['access']}"}
    listed = answers["list_sessions"] = api("GET", "me/sessions", **mine)
    path = f"me/sessions/{listed.body['results'][1]['id']}"
    answers["get_session"] = api("GET", path, **mine)
    answers["end_session"] = api("DELETE", path, **mine)
    answers["end_sessions"] = api("DELETE", "me/sessions", **mine)
    passwords = {"current_password": account["password"], "new_password": "analytical engine"}
    answers["change_password"] = api("POST", "auth/password/change", passwords, **mine)
    renewed = api("POST", "auth/token/refresh", {"refresh": pair.body["refresh"]})
    answers["refresh_token"] = renewed
    token = {"refresh": renewed.body["refresh"]}
    answers["revoke_token"] = api("POST", "auth/token/revoke", token)
    assert other.status == 200
    answers["reset_password"] = api("POST", "auth/password/reset", {"email": account["email"]})
    answers["set_forgotten_password"] = set_forgotten(api, "difference engine")
    return answers


def set_forgotten(api: Api, password: str) -> Answer:
    """Follows the instructions of the newest mail."""
    return api("POST", CONFIRM, {"reset_token": newest_token(), "new_password": password})


def newest_token() -> str:
    """Returns the token of the newest mail."""
    link = newest_link()
    assert link is not None
    return link.token


def newest_link(mail: Delivery | None = None, *, now: datetime | None = None) -> Invitation | None:
    """Returns the link of a mail as it would be sent now: by default of the newest."""
    sent = mail or Delivery.objects.filter(type=PASSWORD_RESET).latest("id")
    moment, secret = now or datetime.now(UTC), secrets()[0]
    about = UUID(sent.object)
    return passwords.invitation(about, requested_at=sent.at, secret=secret, now=moment)
