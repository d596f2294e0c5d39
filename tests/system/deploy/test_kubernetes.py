"""The manifests fit together, and with what they start; their schemas are `make deploy/check`'s."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from larder.ops.mail_settings import PORTS

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "kubernetes"
NAME = "app.kubernetes.io/name"
Manifest = dict[str, Any]


def manifests(folder: Path) -> Iterator[Manifest]:
    """What `kubectl apply -k` applies; a file that is named must be there."""
    named = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    for name in named:
        path = (folder / name).resolve()
        if path.is_dir():
            yield from manifests(path)
        else:
            yield from yaml.safe_load_all(path.read_text())


EVERYTHING = [one for part in ("prepare", "server", "sentry") for one in manifests(FOLDER / part)]
WORKLOADS = [one for one in EVERYTHING if one["kind"] in {"Deployment", "Job"}]


def kind(name: str) -> list[Manifest]:
    """All of a kind, once each."""
    found = {one["metadata"]["name"]: one for one in EVERYTHING if one["kind"] == name}
    return list(found.values())


def pod(workload: Manifest) -> Manifest:
    return dict(workload["spec"]["template"])


def labels() -> set[str]:
    """The names that pods have."""
    return {pod(one)["metadata"]["labels"][NAME] for one in WORKLOADS}


def test_no_file_is_forgotten() -> None:
    files = {path for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml"}
    applied = [one for path in files for one in yaml.safe_load_all(path.read_text())]
    assert {(one["kind"], one["metadata"]["name"]) for one in applied} == {
        (one["kind"], one["metadata"]["name"]) for one in EVERYTHING
    }
    assert {one["metadata"].get("namespace", "larder") for one in applied} == {"larder"}


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one["metadata"]["name"])
def test_no_container_may_more_than_it_needs(workload: Manifest) -> None:
    spec = pod(workload)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} == set(container["resources"])


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one["metadata"]["name"])
def test_each_starts_what_the_deployment_page_says_with_settings_that_exist(
    workload: Manifest,
) -> None:
    page = (ROOT / "docs" / "how-to" / "deployment.md").read_text()
    known = {one["metadata"]["name"] for one in kind("ConfigMap")} | {"larder", "larder-owner"}
    for container in pod(workload)["spec"]["containers"]:
        assert f"`{' '.join(container['command'])}`" in page
        sources = [next(iter(one.values()))["name"] for one in container.get("envFrom", ())]
        assert set(sources) <= known
        assert ("larder-owner" in sources) == (workload["kind"] == "Job")


def test_every_setting_is_one_that_exists() -> None:
    example = (ROOT / ".env.example").read_text()
    (settings,) = kind("ConfigMap")
    assert [name for name in settings["data"] if f"{name}=" not in example] == []


def test_each_selector_of_pods_matches_some() -> None:
    selectors = [one["spec"]["selector"][NAME] for one in kind("Service")]
    others = [*kind("Deployment"), *kind("PodDisruptionBudget")]
    selectors += [one["spec"]["selector"]["matchLabels"][NAME] for one in others]
    for one in kind("NetworkPolicy"):
        selectors += (one["spec"]["podSelector"].get("matchLabels") or {}).values()
        for expression in one["spec"]["podSelector"].get("matchExpressions") or []:
            selectors += expression["values"]
    assert set(selectors) <= labels()
    for one in kind("Deployment"):
        mine = pod(one)["metadata"]["labels"]
        assert one["spec"]["selector"]["matchLabels"].items() <= mine.items()


def test_a_request_finds_its_way_from_the_ingress_to_the_probed_port() -> None:
    (ingress,), (service,) = kind("Ingress"), kind("Service")
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    (published,) = service["spec"]["ports"]
    assert path["backend"]["service"]["name"] == service["metadata"]["name"]
    assert path["backend"]["service"]["port"]["name"] == published["name"]
    server = next(one for one in kind("Deployment") if one["metadata"]["name"] == "server")
    larder, front = pod(server)["spec"]["containers"]
    (port,), (front_port,) = larder["ports"], front["ports"]
    (settings,) = kind("ConfigMap")
    assert front_port["name"] == published["targetPort"]
    sidecar = (ROOT / "deploy" / "nginx" / "sidecar.conf").read_text()
    assert f"listen {front_port['containerPort']};" in sidecar
    assert f"server 127.0.0.1:{port['containerPort']} " in sidecar
    assert str(port["containerPort"]) == settings["data"]["PORT"]
    assert rule["host"] in settings["data"]["ALLOWED_HOSTS"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert larder[probe]["httpGet"]["port"] == port["name"]
    assert larder["livenessProbe"]["httpGet"]["path"] == "/livez"


def test_every_address_that_a_setting_may_name_can_be_reached() -> None:
    """Those of .env.example: databases, caches, mail servers, Sentry, a collector."""
    ports: dict[str, set[object]] = {}
    for one in kind("NetworkPolicy"):
        for way in one["spec"].get("egress") or []:
            found = ports.setdefault(one["metadata"]["name"], set())
            found |= {port["port"] for port in way["ports"]}
    assert ports == {
        "names-and-databases": {53, 5432, 6379, 11211, 4318},
        "letters": {443, *PORTS.values()},
        "reports": {443},
    }


def test_the_admins_files_pass_the_ingress() -> None:
    (ingress,) = kind("Ingress")
    limit = ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    nginx = (ROOT / "deploy" / "nginx" / "larder" / "server.conf").read_text()
    _, _, admin = nginx.partition("location /admin/")
    assert f"client_max_body_size {limit};" in admin


def test_an_order_under_way_has_time_to_end() -> None:
    """The pause before TERM and the server's 25 seconds, within the grace."""
    from larder.ops.serve import STOP_SECONDS

    server = next(one for one in kind("Deployment") if one["metadata"]["name"] == "server")
    spec = pod(server)["spec"]
    for container in spec["containers"]:
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pause + STOP_SECONDS < spec["terminationGracePeriodSeconds"]


def test_two_servers_stay_when_nodes_are_drained() -> None:
    (scaler,), (budget,) = kind("HorizontalPodAutoscaler"), kind("PodDisruptionBudget")
    assert scaler["spec"]["scaleTargetRef"]["name"] in labels()
    assert scaler["spec"]["minReplicas"] - budget["spec"]["maxUnavailable"] >= 1
