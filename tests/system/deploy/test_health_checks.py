"""Servers are replaced by /livez and not by /readyz: a new server does not repair a database."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from deploy.aws import template

ROOT = Path(__file__).resolve().parents[3]


def kubernetes() -> set[str]:
    documents = yaml.safe_load_all((ROOT / "deploy/kubernetes/pods/server.yaml").read_text())
    server = next(documents)["spec"]["template"]["spec"]["containers"][0]
    return {server[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")}


def ecs() -> set[str]:
    task = template.read("service")["Resources"]["ServerTask"]["Properties"]
    (server,) = (one for one in task["ContainerDefinitions"] if one["Name"] == "larder")
    return asked(" ".join(server["HealthCheck"]["Command"]))


def load_balancer() -> set[str]:
    """ECS replaces a task that this check finds unhealthy."""
    front = template.read("front")["Resources"]
    return {front[one]["Properties"]["HealthCheckPath"] for one in ("BlueTargets", "GreenTargets")}


def image() -> set[str]:
    (command,) = re.findall(r"(?m)^HEALTHCHECK (?:.*\\\n)*.*$", (ROOT / "Dockerfile").read_text())
    return asked(command)


def asked(command: str) -> set[str]:
    return set(re.findall(r"/(?:livez|readyz)\b", command))


@pytest.mark.parametrize("installation", [kubernetes, ecs, load_balancer, image])
def test_a_server_is_replaced_if_livez_fails(installation: Callable[[], set[str]]) -> None:
    assert installation() == {"/livez"}
