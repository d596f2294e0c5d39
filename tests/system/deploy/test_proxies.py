"""Every installation has nginx before its servers, which are reachable only through it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from deploy.aws import template
from larder.ops import serve

ROOT = Path(__file__).resolve().parents[3]
SIDECAR = "deploy/nginx/sidecar.conf"


class Proxy(NamedTuple):
    """The main file of nginx, where the servers listen, and the ports that others reach, if the
    installation says which."""

    main: str
    servers: set[str]
    reached: set[int] | None = None


def address(environment: dict[str, str]) -> str:
    """Where a server with these settings listens."""
    options = serve.from_environment(environment)
    return f"{options.host}:{options.port}"


def compose() -> Proxy:
    services = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert not {"app1", "app2"} & published.keys()
    assert "../nginx/nginx.conf:/etc/nginx/larder.conf:ro" in services["nginx"]["volumes"]
    assert "/etc/nginx/larder.conf" in services["nginx"]["command"]
    servers = {f"{one}:{services[one]['environment']['PORT']}" for one in ("app1", "app2")}
    reached = {int(one.rpartition(":")[2]) for one in published["nginx"]}
    return Proxy("deploy/nginx/nginx.conf", servers, reached)


def ecs() -> Proxy:
    resources = template.read("service")["Resources"]
    containers = resources["ServerTask"]["Properties"]["ContainerDefinitions"]
    ports = {
        one["Name"]: {port["ContainerPort"] for port in one.get("PortMappings", [])}
        for one in containers
    }
    (behind,) = resources["Server"]["Properties"]["LoadBalancers"]
    assert behind["ContainerPort"] in ports["front"]
    front = template.read("front")["Resources"]
    assert {front[one]["Properties"]["Port"] for one in ("BlueTargets", "GreenTargets")} == {8000}
    group = template.read("network")["Resources"]["AppGroup"]["Properties"]
    allowed = {(one["FromPort"], one["ToPort"]) for one in group["SecurityGroupIngress"]}
    assert allowed == {(8000, 8000)}
    (command,) = (one["Command"] for one in containers if one["Name"] == behind["ContainerName"])
    assert command == ["sh", "/etc/nginx/sidecar.sh"]
    given = next(one["Environment"] for one in containers if one["Name"] == "larder")
    environment = {one["Name"]: one["Value"] for one in given if one["Name"] in {"HOST", "PORT"}}
    return Proxy(SIDECAR, {address(environment)}, set().union(*ports.values()))


def one_instance() -> Proxy:
    """All containers have the machine's addresses: its security group closes 8000."""
    resources = template.read("single")["Resources"]
    containers = {
        one["Name"]: one for one in resources["Shop"]["Properties"]["ContainerDefinitions"]
    }
    assert containers["front"]["Command"] == ["sh", "/etc/nginx/sidecar.sh"]
    assert containers["caddy"]["Command"][-2:] == ["--to", "127.0.0.1:8000"]
    group = resources["MachineGroup"]["Properties"]["SecurityGroupIngress"]
    assert {one["ToPort"] for one in group} == {80, 443}
    given = containers["larder"]["Environment"]
    environment = {one["Name"]: one["Value"] for one in given if one["Name"] in {"HOST", "PORT"}}
    return Proxy(SIDECAR, {address(environment)}, {8000})


def kubernetes() -> Proxy:
    folder = ROOT / "deploy/kubernetes"
    deployment = yaml.safe_load((folder / "pods/server.yaml").read_text())
    larder, proxy = deployment["spec"]["template"]["spec"]["containers"]
    assert proxy["command"] == ["sh", "/etc/nginx/sidecar.sh"]
    names = {port["name"]: port["containerPort"] for port in proxy["ports"]}
    documents = yaml.safe_load_all((folder / "server/gateway.yaml").read_text())
    services = [one for one in documents if one["kind"] == "Service"]
    reached = {names[port["targetPort"]] for one in services for port in one["spec"]["ports"]}
    # The probes reach the server itself, at the pod's address.
    return Proxy(SIDECAR, {f"127.0.0.1:{larder['ports'][0]['containerPort']}"}, reached)


def ec2() -> Proxy:
    said = (ROOT / "deploy/ec2/server.env.example").read_text()
    said += (ROOT / "deploy/ec2/larder-server.service").read_text()
    return Proxy("deploy/ec2/nginx.conf", {address(dict(re.findall(r"\b(HOST|PORT)=(\S+)", said)))})


def elastic_beanstalk() -> Proxy:
    bundle = "deploy/elasticbeanstalk/bundle"
    options = yaml.safe_load((ROOT / bundle / ".ebextensions/larder.config").read_text())
    given = options["option_settings"]["aws:elasticbeanstalk:application:environment"]
    environment = {name: str(given[name]) for name in ("HOST", "PORT")}
    return Proxy(f"{bundle}/.platform/nginx/nginx.conf", {address(environment)})


@pytest.mark.parametrize(
    "installation", [compose, ecs, one_instance, kubernetes, ec2, elastic_beanstalk]
)
def test_servers_are_reachable_only_through_nginx(installation: Callable[[], Proxy]) -> None:
    proxy = installation()
    main = (ROOT / proxy.main).read_text()
    assert set(re.findall(r"(?m)^ *server (\S+:\d+) ", main)) == proxy.servers
    if proxy.reached is None:
        # The machine has no other users.
        assert {one.partition(":")[0] for one in proxy.servers} == {"127.0.0.1"}
    else:
        assert proxy.reached == set(map(int, re.findall(r"listen (?:\S+:)?(\d+)", main)))


@pytest.mark.parametrize(
    "installation", [compose, ecs, one_instance, kubernetes, ec2, elastic_beanstalk]
)
def test_each_main_file_includes_the_limits_of_clients(installation: Callable[[], Proxy]) -> None:
    """By names: of a file that is missing nginx complains, and of a pattern without one it does
    not."""
    main = (ROOT / installation().main).read_text()
    included = set(re.findall(r"include larder/(\S+);", main))
    # The platform of Elastic Beanstalk has no Lua module.
    deadline = set() if "elasticbeanstalk" in installation().main else {"deadline.conf"}
    assert {"http.conf", "server.conf", *deadline} <= included
    assert included <= {one.name for one in (ROOT / "deploy/nginx/larder").iterdir()}


def test_no_redirect_of_nginx_names_a_host_or_a_port() -> None:
    """Each main file includes these lines, as the test before shows."""
    shared = (ROOT / "deploy/nginx/larder/http.conf").read_text()
    assert "\nabsolute_redirect off;\nport_in_redirect off;\n" in shared
