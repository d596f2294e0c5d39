"""The manifests fit together, and with what they start; their schemas are `make deploy/check`'s."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from larder.ops.mail_settings import PORTS
from tools.docs.pages import blocks

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "kubernetes"
NAME = "app.kubernetes.io/name"
# With the packages for development on Linux.
KUBECTL = shutil.which(
    "kubectl", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)
Manifest = dict[str, Any]


def manifests(folder: Path) -> Iterator[Manifest]:
    """What `kubectl apply -k` applies; a file that is named must be there."""
    named = yaml.safe_load((folder / "kustomization.yaml").read_text()).get("resources", ())
    for name in named:
        path = (folder / name).resolve()
        if path.is_dir():
            yield from manifests(path)
        else:
            yield from yaml.safe_load_all(path.read_text())


EVERYTHING = [one for part in ("prepare", "eks", "sentry") for one in manifests(FOLDER / part)]
WATCHING = list(manifests(FOLDER / "watching"))
"""test_kubernetes_watching.py has more of it."""
CANARY = yaml.safe_load((FOLDER / "canary" / "kustomization.yaml").read_text())
WORKLOADS = [one for one in EVERYTHING if one["kind"] in {"Deployment", "Job"}]


def kind(name: str) -> list[Manifest]:
    """All of a kind, once each."""
    found = {one["metadata"]["name"]: one for one in EVERYTHING if one["kind"] == name}
    return list(found.values())


def pod(workload: Manifest) -> Manifest:
    return dict(workload["spec"]["template"])


def labels() -> set[str]:
    """The names that pods have, those of a canary too."""
    (selected,) = [one["pairs"] for one in CANARY["labels"] if one.get("includeSelectors")]
    return {pod(one)["metadata"]["labels"][NAME] for one in WORKLOADS} | {selected[NAME]}


def test_every_file_is_applied() -> None:
    # The cluster has one class for all its namespaces.
    others = {"kustomization.yaml", "class.yaml"}
    files = {path for path in FOLDER.rglob("*.yaml") if path.name not in others}
    applied = [one for path in files for one in yaml.safe_load_all(path.read_text())]
    assert {(one["kind"], one["metadata"]["name"]) for one in applied} == {
        (one["kind"], one["metadata"]["name"]) for one in [*EVERYTHING, *WATCHING]
    }
    namespaces = {one["metadata"].get("namespace", "larder") for one in EVERYTHING}
    assert namespaces == {"larder"}


@pytest.mark.parametrize(
    "workload",
    [*WORKLOADS, *(one for one in WATCHING if one["kind"] == "Deployment")],
    ids=lambda one: one["metadata"]["name"],
)
def test_containers_have_minimal_rights(workload: Manifest) -> None:
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
def test_each_workload_starts_the_processes_of_the_page_with_known_settings(
    workload: Manifest,
) -> None:
    page = (ROOT / "docs" / "how-to" / "deployment.md").read_text()
    known = {one["metadata"]["name"] for one in kind("ConfigMap")} | {"larder", "larder-owner"}
    for container in pod(workload)["spec"]["containers"]:
        assert f"`{' '.join(container['command'])}`" in page
        sources = [next(iter(one.values()))["name"] for one in container.get("envFrom", ())]
        assert set(sources) <= known
        assert ("larder-owner" in sources) == (workload["kind"] == "Job")


def test_every_setting_exists() -> None:
    example = (ROOT / ".env.example").read_text()
    (settings,) = kind("ConfigMap")
    assert [name for name in settings["data"] if f"{name}=" not in example] == []


def test_each_selector_matches_a_pod() -> None:
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


def listeners_of(route: Manifest) -> list[str]:
    return [parent["sectionName"] for parent in route["spec"]["parentRefs"]]


def test_a_request_finds_its_way_from_the_gateway_to_the_probed_port() -> None:
    (gateway,) = kind("Gateway")
    hosts = {one["name"]: one["hostname"] for one in gateway["spec"]["listeners"]}
    routes = {one["metadata"]["name"]: one for one in kind("HTTPRoute")}
    assert {name: listeners_of(one) for name, one in routes.items()} == {
        "to-https": ["http"],
        "larder": ["https"],
    }
    (redirected,), (rule,) = (routes[one]["spec"]["rules"] for one in ("to-https", "larder"))
    assert "backendRefs" not in redirected
    services = {one["metadata"]["name"]: one for one in kind("Service")}
    assert [one["name"] for one in rule["backendRefs"]] == list(services)
    (published,) = {
        (backend["port"], port["port"], port["targetPort"])
        for backend in rule["backendRefs"]
        for port in services[backend["name"]]["spec"]["ports"]
    }
    assert published[0] == published[1]
    server = next(one for one in kind("Deployment") if one["metadata"]["name"] == "server")
    larder, front = pod(server)["spec"]["containers"]
    (port,), (front_port,) = larder["ports"], front["ports"]
    (settings,) = kind("ConfigMap")
    assert front_port["name"] == published[2]
    sidecar = (ROOT / "deploy" / "nginx" / "sidecar.conf").read_text()
    assert f"listen {front_port['containerPort']};" in sidecar
    assert f"server 127.0.0.1:{port['containerPort']} " in sidecar
    assert str(port["containerPort"]) == settings["data"]["PORT"]
    assert set(hosts.values()) == {settings["data"]["ALLOWED_HOSTS"]}
    assert all(one["spec"]["hostnames"] == list(set(hosts.values())) for one in routes.values())
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert larder[probe]["httpGet"]["port"] == port["name"]
    assert larder["livenessProbe"]["httpGet"]["path"] == "/livez"


def test_every_port_of_an_example_setting_is_allowed() -> None:
    """Those of .env.example: databases, caches, mail servers, Sentry, a collector; PgBouncer's."""
    pooler = (ROOT / "deploy/pgbouncer/pgbouncer.ini").read_text()
    (port,) = re.findall(r"^listen_port = (\d+)$", pooler, re.MULTILINE)
    ports: dict[str, set[object]] = {}
    for one in kind("NetworkPolicy"):
        for way in one["spec"].get("egress") or []:
            found = ports.setdefault(one["metadata"]["name"], set())
            found |= {port["port"] for port in way["ports"]}
    assert ports == {
        "names-and-databases": {53, 5432, int(port), 6379, 11211, 4318},
        "letters": {443, *PORTS.values()},
        "reports": {443},
    }


@pytest.mark.parametrize("page", ["deploy/kubernetes.md", "pictures.md"])
def test_servers_with_a_bucket_of_pictures_reach_it(page: str) -> None:
    """It answers by HTTPS, which servers reach by one folder alone; the worker always does."""
    opened = {
        one["metadata"]["name"]
        for one in kind("NetworkPolicy")
        for way in one["spec"].get("egress") or []
        if 443 in [port["port"] for port in way["ports"]]
    }
    assert opened == {"letters", *(one["metadata"]["name"] for one in manifests(FOLDER / "sentry"))}
    lines = (ROOT / "docs/how-to" / page).read_text().split("\n\n")
    (named,) = [one for one in lines if "kubectl apply -k deploy/kubernetes/sentry" in one]
    assert re.search(r"PICTURES_BUCKET|AWS_ACCESS_KEY_ID", named)


def test_no_route_sends_an_order_to_a_second_pod() -> None:
    for route in kind("HTTPRoute"):
        assert [rule for rule in route["spec"]["rules"] if "retry" in rule] == []


def test_a_canary_is_the_servers_pods_with_a_name_that_only_its_service_selects() -> None:
    server, canary = (one["spec"]["selector"][NAME] for one in kind("Service"))
    assert f"{server}{CANARY['nameSuffix']}" == canary
    assert canary in labels()
    assert CANARY["resources"] == ["../pods"]
    assert [one["name"] for one in CANARY["replicas"]] == [server]
    (route,) = (one for one in kind("HTTPRoute") if listeners_of(one) == ["https"])
    (rule,) = route["spec"]["rules"]
    assert [one["weight"] for one in rule["backendRefs"]] == [100, 0]
    # What lets requests and reports through names both.
    for name in ("requests", "reports"):
        (policy,) = (one for one in kind("NetworkPolicy") if one["metadata"]["name"] == name)
        (expression,) = policy["spec"]["podSelector"]["matchExpressions"]
        assert {server, canary} <= set(expression["values"])


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
@pytest.mark.parametrize("road", ["kubernetes", "eks"])
def test_each_folder_that_a_road_applies_makes_the_same_of_what_they_share(road: str) -> None:
    """Whichever is applied later would reset what differs."""
    page = (ROOT / "docs/how-to/deploy" / f"{road}.md").read_text()
    (block,) = [one.text for one in blocks(page) if "job/prepare" in one.text]
    folders = re.findall(r"kubectl apply -k deploy/kubernetes/(\S+)", block)
    prepared, served = (rendered(folder) for folder in folders)
    shared = prepared.keys() & served.keys()
    assert {kind for kind, _ in shared} == {"ConfigMap", "Namespace", "ServiceAccount"}
    assert {one: prepared[one] for one in shared} == {one: served[one] for one in shared}


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", ["prepare", "eks/prepare"])
def test_the_job_of_a_restore_differs_from_the_one_that_prepares_in_its_command(
    folder: str,
) -> None:
    page = (ROOT / "docs/how-to/runbooks/backup-and-restore.md").read_text()
    (script,) = re.findall(r"kubectl kustomize \S+ \| sed '([^']+)' \| kubectl apply", page)
    command = [str(KUBECTL), "kustomize", str(FOLDER / folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    changed = subprocess.run(
        ["sed", script], input=made, capture_output=True, text=True, check=True
    ).stdout
    former = [*yaml.safe_load_all(made)]
    (job,) = [one for one in former if one["kind"] == "Job"]
    (container,) = pod(job)["spec"]["containers"]
    assert container["command"] == ["python", "manage.py", "prepare"]
    container["command"][-1] = "end_sessions_and_keys"
    assert [*yaml.safe_load_all(changed)] == former


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
@pytest.mark.parametrize(
    "page", ["deploy/kubernetes.md", "deploy/eks.md", "runbooks/backup-and-restore.md"]
)
def test_a_preparation_is_waited_for_until_it_succeeds_or_fails(page: str) -> None:
    """A wait for success alone lasts its whole time if the job has failed."""
    text = (ROOT / "docs/how-to" / page).read_text()
    ended, succeeded = re.findall(r"wait (--for=\S+) --timeout=\d+m job/prepare", text)
    assert succeeded == "--for=condition=complete"
    ((path, value),) = re.findall(r"^--for=jsonpath='(.+)'=(\w+)$", ended)
    for conditions, seen in (
        ([], ""),
        (["Complete"], value),
        (["SuccessCriteriaMet", "Complete"], value),
        (["Failed"], value),
        (["FailureTarget"], value),
    ):
        found = [{"type": one, "status": "True"} for one in conditions]
        status = {"conditions": found} if found else {"active": 1}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "prepare"}}
        done = subprocess.run(
            [str(KUBECTL), "label", "--local", "-f", "-", "a=b", "-o", f"jsonpath={path}"],
            input=json.dumps({**job, "status": status}),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == seen


def test_a_private_registry_lets_the_account_of_every_pod_pull() -> None:
    page = (ROOT / "docs/how-to/deploy/kubernetes.md").read_text()
    (secret,) = re.findall(r"create secret docker-registry (\S+) ", page)
    ((account, patch),) = re.findall(r"patch serviceaccount (\S+) --patch '([^']*)'", page)
    assert json.loads(patch) == {"imagePullSecrets": [{"name": secret}]}
    assert {pod(one)["spec"]["serviceAccountName"] for one in WORKLOADS} == {account}
    # What pods or manifests name would replace it.
    files = [one.read_text() for one in FOLDER.rglob("*.yaml")]
    assert [one for one in files if "imagePullSecrets" in one] == []


def rendered(folder: str) -> dict[tuple[str, str], Manifest]:
    """What kustomize makes of a folder, by kind and name."""
    command = [str(KUBECTL), "kustomize", str(FOLDER / folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(made)}


def test_the_check_renders_each_folder_that_can_be_applied() -> None:
    parts = {
        path.parent.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("kustomization.yaml")
        if yaml.safe_load(path.read_text())["kind"] == "Kustomization"
    }
    (rendered,) = re.findall(
        r"^ *for part in (.*); do$", (FOLDER / "check.sh").read_text(), re.MULTILINE
    )
    assert set(rendered.split()) == parts - {"pods", "shared"}


def test_the_load_balancer_of_eks_is_where_terraform_has_its_subnets() -> None:
    variables = (ROOT / "deploy" / "terraform" / "variables.tf").read_text()
    ((network,),) = [re.findall(r'"(10\.[\d./]+)"', variables)]
    public = next(ip_network(network).subnets(new_prefix=22))
    overlay = "".join(path.read_text() for path in (FOLDER / "eks").rglob("kustomization.yaml"))
    assert set(re.findall(r"10\.[\d./]+", overlay)) == {str(public)}


def test_a_running_order_has_time_to_end() -> None:
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
