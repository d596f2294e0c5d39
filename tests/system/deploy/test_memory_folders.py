"""The shared folder of a server's processes is a separate, bounded file system in memory."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from deploy.aws import template

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("SHARED_DIR", "PROMETHEUS_MULTIPROC_DIR")
MEGABYTES = 16
Folders = tuple[dict[str, str], dict[str, int]]
"""The settings of a server, and the file systems in memory that it has: path and megabytes."""


def compose() -> Folders:
    services = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())["services"]
    assert services["app1"]["tmpfs"] == services["app2"]["tmpfs"]
    mounts = [one.split(":") for one in services["app1"]["tmpfs"]]
    sizes = {path: int(re.findall(r"size=(\d+)m", options)[0]) for path, options in mounts}
    return services["app1"]["environment"], sizes


def ecs(stack: str = "service", name: str = "ServerTask") -> Folders:
    task = template.read(stack)["Resources"][name]["Properties"]
    (server,) = (one for one in task["ContainerDefinitions"] if one["Name"] == "larder")
    given = {one["Name"]: one["Value"] for one in server["Environment"]}
    return given, {one["ContainerPath"]: one["Size"] for one in server["LinuxParameters"]["Tmpfs"]}


def one_instance() -> Folders:
    return ecs("single", "Shop")


def kubernetes() -> Folders:
    documents = yaml.safe_load_all((ROOT / "deploy/kubernetes/pods/server.yaml").read_text())
    pod = next(documents)["spec"]["template"]["spec"]
    server = pod["containers"][0]
    volumes = {one["name"]: one["emptyDir"] for one in pod["volumes"]}
    mounts = {one["mountPath"]: volumes[one["name"]] for one in server["volumeMounts"]}
    sizes = {
        path: int(one["sizeLimit"].removesuffix("Mi"))
        for path, one in mounts.items()
        if one.get("medium") == "Memory"
    }
    return {one["name"]: one["value"] for one in server["env"]}, sizes


def ec2() -> Folders:
    unit = (ROOT / "deploy/ec2/larder-server.service").read_text()
    given = dict(re.findall(rf"({'|'.join(NAMES)})=(\S+)", unit))
    (mounts,) = re.findall(r"(?m)^TemporaryFileSystem=(.*)$", unit)
    sizes = re.findall(r"(/\S+):mode=1777,size=(\d+)M", mounts)
    return given, {path: int(size) for path, size in sizes}


@pytest.mark.parametrize("installation", [compose, ecs, one_instance, kubernetes, ec2])
def test_shared_files_have_separate_small_file_systems_in_memory(
    installation: Callable[[], Folders],
) -> None:
    given, in_memory = installation()
    folders = [given[name] for name in NAMES]
    assert len(set(folders)) == 2
    assert [in_memory.get(one) for one in folders] == [MEGABYTES, MEGABYTES]


@pytest.mark.parametrize(("stack", "name"), [("single", "Shop"), ("worker", "WorkerTask")])
def test_a_worker_has_nothing_that_the_processes_of_a_server_share(stack: str, name: str) -> None:
    """It serves nothing, keeps its counts in memory, and has no pool of connections."""
    task = template.read(stack)["Resources"][name]["Properties"]
    (worker,) = (one for one in task["ContainerDefinitions"] if "procrastinate" in one["Command"])
    given = {one["Name"] for one in worker["Environment"]}
    assert given & {*NAMES, "HOST", "PORT", "WORKERS", "THREADS", "DB_POOL_SIZE"} == set()
    mounted = [one["ContainerPath"] for one in worker["LinuxParameters"].get("Tmpfs", ())]
    assert [one for one in mounted if one.startswith("/run/larder/")] == []
