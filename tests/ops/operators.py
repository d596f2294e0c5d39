"""The operators, as Alertmanager's receiver: every alert reaches them."""

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.ops.prometheus import rules
from tests.ops.receiver import Receiver
from tests.server import ROOT
from tools.processes import wait_until

ARRIVES_SECONDS = 60.0


def receivers(operators: Receiver) -> str:
    """The deployed configuration, with the operators as its receiver."""
    text = (ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text()
    url = f"http://127.0.0.1:{operators.port}/alerts"
    text = text.replace("group_wait: 30s", "group_wait: 1s")
    return f"{text}    webhook_configs: [{{url: {url!r}}}]\n"


def received(operators: Receiver) -> set[str]:
    """The names of the alerts that came."""
    bodies = [json.loads(body) for path, body in operators.received if path == "/alerts"]
    return {one["labels"]["alertname"] for body in bodies for one in body["alerts"]}


def lost_alerts(alertmanager: str, operators: Receiver) -> set[str]:
    """Gives each alert of the rules to this Alertmanager. Returns those that do not reach the
    operators in ARRIVES_SECONDS."""
    alerts = {rule["alert"]: rule["labels"]["severity"] for rule in rules() if "alert" in rule}
    labels = [{"alertname": name, "severity": kind} for name, kind in alerts.items()]
    sender = HTTPConnection(urlsplit(alertmanager).netloc, timeout=10)
    body = json.dumps([{"labels": one} for one in labels])
    sender.request("POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
    assert sender.getresponse().status == 200
    sender.close()
    wait_until(lambda: received(operators) >= alerts.keys(), ARRIVES_SECONDS)
    return set(alerts) - received(operators)
