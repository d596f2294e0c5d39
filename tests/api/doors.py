"""Each operation of log-ins and passwords, once."""

from typing import Any

from tests.conftest import Answer, Api

Json = dict[str, Any]


def of_log_ins(api: Api, account: Json) -> dict[str, Answer]:
    """Somebody is registered, logs in twice, changes the password, and ends both log-ins."""
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
    wanted = {"current_password": account["password"], "new_password": "analytical engine"}
    answers["change_password"] = api("POST", "auth/password/change", wanted, **mine)
    renewed = api("POST", "auth/token/refresh", {"refresh": pair.body["refresh"]})
    answers["refresh_token"] = renewed
    given = {"refresh": renewed.body["refresh"]}
    answers["revoke_token"] = api("POST", "auth/token/revoke", given)
    assert other.status == 200
    return answers
