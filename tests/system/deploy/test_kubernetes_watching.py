"""What Kubernetes would start to watch the shop, started here: an alarm reaches the operators.

Only the addresses are others: of the servers, of Alertmanager and of Prometheus itself.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from tests.ops.operators import lost_alerts, received, receivers
from tests.ops.prometheus import NEEDED, Prometheus, rules, running
from tests.ops.receiver import receiver
from tests.server import ROOT
from tools.ports import free_port
from tools.processes import wait_until

FOLDER = ROOT / "deploy" / "kubernetes" / "watching"
TOKEN = "a-token-for-prometheus"
PROGRAMS = {"prometheus": "prometheus", "alertmanager": "prometheus-alertmanager"}
ALERT_SECONDS = 60.0

# With the packages for development on Linux.
KUBECTL = shutil.which(
    "kubectl", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)
pytestmark = [
    NEEDED,
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed"),
    pytest.mark.skipif(
        shutil.which(PROGRAMS["alertmanager"]) is None,
        reason="prometheus-alertmanager is not installed",
    ),
]
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def made() -> list[Manifest]:
    """What is applied."""
    command = [str(KUBECTL), "kustomize", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(done.stdout))


def one(made: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (m for m in made if (m["kind"], m["metadata"]["name"]) == (kind, name))
    return found


def contents(made: list[Manifest], volume: Manifest, secrets: dict[str, str]) -> dict[str, str]:
    """The files of a volume, by their path in it."""
    if "emptyDir" in volume:
        return {}
    if "secret" in volume:
        assert volume["secret"]["secretName"] == "watching"
        return {item["path"]: secrets[item["key"]] for item in volume["secret"]["items"]}
    files: dict[str, str] = {}
    for source in volume["projected"]["sources"]:
        data = one(made, "ConfigMap", source["configMap"]["name"])["data"]
        items = source["configMap"].get("items") or [{"key": key, "path": key} for key in data]
        assert {item["key"] for item in items} == set(data), "each file of a map is in the pod"
        files |= {item["path"]: data[item["key"]] for item in items}
    return files


def lay_out(
    made: list[Manifest], name: str, root: Path, secrets: dict[str, str], others: dict[str, str]
) -> list[str]:
    """A pod's volumes as folders; returns its command as it is there."""
    spec = one(made, "Deployment", name)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    paths = {}
    for mount in container["volumeMounts"]:
        folder = root / name / mount["mountPath"].lstrip("/")
        folder.mkdir(parents=True)
        paths[mount["mountPath"]] = str(folder)
        for path, text in contents(made, volumes[mount["name"]], secrets).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
    if name == "prometheus":
        configuration = root / name / "etc/prometheus/prometheus.yml"
        text = configuration.read_text().replace("/run/secrets", paths["/run/secrets"])
        configuration.write_text(text)
        # As it is applied, with the discovery by name.
        command = ["promtool", "check", "config", str(configuration)]
        subprocess.run(command, check=True, capture_output=True)
        others = others | {"dns_sd_configs": "static_configs", "15s": "1s", "5s": "1s"}
        for there, here in others.items():
            assert there in text
            text = text.replace(there, here)
        configuration.write_text(text)
    command = []
    for part in container["command"]:
        option, equals, value = part.partition("=")
        for there, here in paths.items():
            value = here + value.removeprefix(there) if value.startswith(there) else value
        command.append(f"{option}{equals}{value}".replace("0.0.0.0", "127.0.0.1"))  # noqa: S104
    return [PROGRAMS[command[0]], *command[1:]]


@contextmanager
def broken_shop() -> Iterator[int]:
    """A server whose stock disagrees with its ledger. Its metrics need the token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == f"Bearer {TOKEN}"
            body = b'larder_invariant_violations{invariant="stock"} 1\n'
            self.send_response(200 if known and self.path == "/metrics" else 401)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@pytest.mark.system
def test_an_alarm_reaches_the_operators(made: list[Manifest], tmp_path: Path) -> None:
    ports = {name: free_port() for name in PROGRAMS}
    with receiver() as operators, broken_shop() as port:
        secrets = {"metrics_token": TOKEN, "alertmanager.yml": receivers(operators)}
        others = {
            "{names: [servers.larder.svc], type: A, port: 8001}": f"targets: ['127.0.0.1:{port}']",
            "alertmanager:9093": f"127.0.0.1:{ports['alertmanager']}",
            "prometheus:9090": f"127.0.0.1:{ports['prometheus']}",
        }
        commands = {}
        for name, listens in ports.items():
            command = lay_out(made, name, tmp_path, secrets, others)
            published = one(made, "Service", name)["spec"]["ports"][0]["port"]
            (at,) = (n for n, part in enumerate(command) if part.endswith(f":{published}"))
            command[at] = command[at].replace(f":{published}", f":{listens}")
            commands[name] = command
        logs = {name: tmp_path / f"{name}.log" for name in ports}
        with (
            running(
                commands["alertmanager"], ports["alertmanager"], logs["alertmanager"]
            ) as manager,
            running(commands["prometheus"], ports["prometheus"], logs["prometheus"]) as url,
        ):
            fired = "LarderInvariantViolated"
            assert wait_until(lambda: fired in received(operators), ALERT_SECONDS), logs[
                "prometheus"
            ].read_text()
            groups = Prometheus(url).get("rules")["groups"]
            assert sum(len(group["rules"]) for group in groups) == len(rules())
            assert lost_alerts(manager, operators) == set()


def test_only_the_discovery_is_special_to_kubernetes() -> None:
    common, special = (
        yaml.safe_load((folder / "prometheus.yml").read_text())
        for folder in (ROOT / "deploy" / "prometheus", FOLDER)
    )
    del common["scrape_configs"][0]["static_configs"]
    (found,) = special["scrape_configs"][0].pop("dns_sd_configs")
    assert common == special
    assert found == {"names": ["servers.larder.svc"], "type": "A", "port": 8001}


def test_the_servers_are_found_and_reached(made: list[Manifest]) -> None:
    """Those that are not ready, and a canary's, too."""
    servers = one(made, "Service", "servers")
    assert (servers["metadata"]["namespace"], servers["spec"]["clusterIP"]) == ("larder", "None")
    assert servers["spec"]["publishNotReadyAddresses"] is True
    pods = yaml.safe_load((FOLDER.parent / "pods" / "server.yaml").read_text())["spec"]["template"]
    selected = servers["spec"]["selector"]
    assert selected.items() <= pods["metadata"]["labels"].items()
    assert "app.kubernetes.io/name" not in selected
    ways = one(made, "NetworkPolicy", "prometheus")["spec"]["egress"]
    (way,) = (one for one in ways if {"protocol": "TCP", "port": 8001} in one["ports"])
    assert way["to"][0]["podSelector"]["matchLabels"] == selected
    (port,) = pods["spec"]["containers"][0]["ports"]
    assert (port["name"], port["containerPort"]) == (
        servers["spec"]["ports"][0]["targetPort"],
        8001,
    )


def test_the_programs_are_those_of_the_container_set(made: list[Manifest]) -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text())
    for name in PROGRAMS:
        (container,) = one(made, "Deployment", name)["spec"]["template"]["spec"]["containers"]
        assert container["image"] == compose["services"][name]["image"]
