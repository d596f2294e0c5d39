"""What the machine that watches a shop installs, started here: its alarms reach the operators.

Only addresses, intervals and the provider are others.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from larder.db import database
from larder.ops import tasks
from tests.ops.operators import lost_alerts, received, receivers
from tests.ops.prometheus import NEEDED, Prometheus, rules, running
from tests.ops.receiver import Receiver, receiver
from tests.pages import blocks
from tests.server import ROOT, Server
from tests.system.deploy.nginx import BEHIND_A_PROXY, INSTANCE, nginx_before
from tools.http_client import Client
from tools.ports import free_port, listens
from tools.processes import wait_until

FOLDER = ROOT / "deploy" / "watching"
BEANSTALK = ROOT / "deploy/elasticbeanstalk/bundle/.platform/nginx/nginx.conf"
TOKEN = "a-token-for-prometheus"
PACKAGED = Path("/etc/prometheus/alertmanager.yml")
"""As Debian's package prometheus-alertmanager has it."""
SIGNED = {"access_key": "a", "secret_key": "s"}
ALERT_SECONDS = 60.0
TAGS = [
    ("aws:autoscaling:groupName", "larder-server"),
    ("elasticbeanstalk:environment-name", "shop"),
]

needs_programs = pytest.mark.skipif(
    not all(map(shutil.which, ("prometheus-alertmanager", "nginx"))),
    reason="needs prometheus-alertmanager and nginx",
)


@contextmanager
def provider(*tags: tuple[str, str]) -> Iterator[tuple[str, list[str]]]:
    """EC2 with an instance for each tag; gives its address and their ids."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            assert wait_until(lambda: listens(port), 60)
            address = f"http://127.0.0.1:{port}"
            keys = {"aws_access_key_id": "a", "aws_secret_access_key": "s"}
            client = boto3.client("ec2", "eu-west-2", endpoint_url=address, **keys)
            image = client.describe_images()["Images"][0]["ImageId"]
            ids = []
            for name, value in tags:
                ran = client.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"]
                client.create_tags(
                    Resources=[ran[0]["InstanceId"]], Tags=[{"Key": name, "Value": value}]
                )
                ids.append(ran[0]["InstanceId"])
            yield address, ids
        finally:
            process.terminate()


def installed(folder: Path, main: str, operators: Receiver) -> Path:
    """Run install.sh as on the machine; return the folder of its /etc."""
    etc = folder / "etc"
    (etc / "prometheus").mkdir(parents=True)
    (etc / "prometheus/metrics_token").write_text(TOKEN)
    (etc / "prometheus/alertmanager.yml").write_text(receivers(operators))
    command = ["sh", str(FOLDER / "install.sh"), str(FOLDER / main)]
    environment = os.environ | {"DESTDIR": str(folder)}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return etc


@contextmanager
def started(
    etc: Path, change: Callable[[dict[str, Any]], None], folder: Path
) -> Iterator[tuple[Prometheus, str]]:
    """Both programs with what is installed; `change` adapts the job that measures the shop."""
    ports = {name: free_port() for name in ("prometheus", "prometheus-alertmanager")}
    files = {"prometheus": "prometheus.yml", "prometheus-alertmanager": "alertmanager.yml"}
    main = etc / "prometheus/prometheus.yml"
    said = yaml.safe_load(main.read_text())
    said["global"] = dict.fromkeys(said["global"], "1s")
    for published, name in (("9093", "prometheus-alertmanager"), ("9090", "prometheus")):
        said = yaml.safe_load(yaml.safe_dump(said).replace(f":{published}", f":{ports[name]}"))
    (larder,) = (job for job in said["scrape_configs"] if job["job_name"] == "larder")
    change(larder)
    main.write_text(yaml.safe_dump(said))

    def command(name: str) -> list[str]:
        line = (etc / "default" / name).read_text().strip().removeprefix("ARGS=")
        options = " ".join(shlex.split(line)).split()
        (at,) = (n for n, one in enumerate(options) if one.startswith("--web.listen-address="))
        options[at] = f"--web.listen-address=127.0.0.1:{ports[name]}"
        store = "storage.path" if name == "prometheus-alertmanager" else "storage.tsdb.path"
        config = f"--config.file={etc / 'prometheus' / files[name]}"
        return [name, config, f"--{store}={folder / name}", *options]

    with (
        running(
            command("prometheus-alertmanager"),
            ports["prometheus-alertmanager"],
            folder / "alertmanager.log",
        ) as manager,
        running(command("prometheus"), ports["prometheus"], folder / "prometheus.log") as url,
    ):
        yield Prometheus(url), manager


def break_an_invariant() -> None:
    database.execute(
        "INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at)"
        " VALUES (gen_random_uuid(), 'POST /x', 'k', '', '', now())"
    )
    tasks.check_invariants(timestamp=0)


@NEEDED
@needs_programs
def test_instances_are_found_and_their_alarms_arrive(
    transactional_db: None, tmp_path: Path
) -> None:
    break_an_invariant()
    at = free_port()
    changes = {r"listen 8002\b": f"listen 127.0.0.1:{at}"}
    environment = BEHIND_A_PROXY | {"METRICS_TOKEN": TOKEN}
    nginx = tmp_path / "nginx"
    nginx.mkdir()
    with (
        receiver() as operators,
        provider(*TAGS, ("Name", "another machine")) as (aws, ids),
        Server(environment=environment) as server,
        nginx_before(server.port, nginx, changes),
    ):

        def here(job: dict[str, Any]) -> None:
            for discovery in job["ec2_sd_configs"]:
                discovery.update(SIGNED, endpoint=aws)
            job["relabel_configs"].append(
                {"target_label": "__address__", "replacement": f"127.0.0.1:{at}"}
            )

        etc = installed(tmp_path, "aws.yml", operators)
        with started(etc, here, tmp_path) as (prometheus, manager):
            fired = "LarderInvariantViolated"
            assert wait_until(lambda: fired in received(operators), ALERT_SECONDS), (
                tmp_path / "prometheus.log"
            ).read_text()
            up = prometheus.query('up{job="larder"} == 1')
            assert {one["metric"]["instance"] for one in up} == set(ids[:2])
            groups = prometheus.get("rules")["groups"]
            assert sum(len(group["rules"]) for group in groups) == len(rules())
            assert lost_alerts(manager, operators) == set()
            assert '"job":"larder"' in tried(prometheus, manager)
            assert wait_until(lambda: "Try" in received(operators), ALERT_SECONDS)


def tried(prometheus: Prometheus, manager: str) -> str:
    """What the commands of watching.md print that try the alarms."""
    page = (ROOT / "docs/operate/alerts.md").read_text()
    (text,) = [one.text for one in blocks(page) if one.text.startswith("amtool ")]
    for port, url in ((9090, prometheus.url), (9093, manager)):
        text = text.replace(f"http://127.0.0.1:{port}", url)
    return subprocess.run(["sh", "-euc", text], capture_output=True, text=True, check=True).stdout


@NEEDED
@needs_programs
@pytest.mark.parametrize(
    ("main", "scheme"), [("heroku.yml", "https"), ("patroni.yml", "http")], ids=str
)
def test_alarms_of_servers_that_a_file_names_arrive(
    transactional_db: None, tmp_path: Path, main: str, scheme: str
) -> None:
    break_an_invariant()
    environment = {"METRICS_TOKEN": TOKEN, "TRUSTED_PROXIES": "127.0.0.1/32"}
    with receiver() as operators, Server(environment=environment) as server:

        def here(job: dict[str, Any]) -> None:
            assert job.pop("scheme", "http") == scheme
            job["static_configs"] = [{"targets": [f"127.0.0.1:{server.port}"]}]

        etc = installed(tmp_path, main, operators)
        with started(etc, here, tmp_path) as (_, manager):
            fired = "LarderInvariantViolated"
            assert wait_until(lambda: fired in received(operators), ALERT_SECONDS), (
                tmp_path / "prometheus.log"
            ).read_text()
            assert lost_alerts(manager, operators) == set()


@pytest.mark.parametrize("main", [INSTANCE, BEANSTALK], ids=["ec2", "beanstalk"])
@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_the_port_of_prometheus_has_metrics_alone(
    transactional_db: None, tmp_path: Path, main: Path
) -> None:
    at = free_port()
    changes = {
        r"listen 8002\b": f"listen 127.0.0.1:{at}",
        "include conf.d/.*;": "",
        "include larder/deadline.conf;": "",
        "include /etc/nginx/modules-enabled/.*": "",
    }
    with (
        Server(environment=BEHIND_A_PROXY | {"METRICS_TOKEN": TOKEN}) as server,
        nginx_before(server.port, tmp_path, changes, main=main),
    ):
        client = Client(at)
        signed = {"Authorization": f"Bearer {TOKEN}"}
        assert client.call("GET", "/metrics", headers=signed).status == 200
        assert client.call("GET", "/metrics").status == 404
        assert client.call("POST", "/metrics", headers=signed).status == 403
        assert client.call("GET", "/api/v1/products", headers=signed).status == 404
        assert client.call("GET", "/admin/", headers=signed).status == 404
        client.hang_up_all()


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (ROOT / "deploy/alertmanager/alertmanager.yml", "names no receiver"),
        pytest.param(
            PACKAGED,
            "names an example as a receiver",
            marks=pytest.mark.skipif(not PACKAGED.exists(), reason="Debian's file is not here"),
        ),
    ],
    ids=["ours", "packaged"],
)
def test_an_installation_without_a_receiver_is_refused(
    tmp_path: Path, file: Path, reason: str
) -> None:
    (tmp_path / "etc/prometheus").mkdir(parents=True)
    (tmp_path / "etc/prometheus/metrics_token").write_text(TOKEN)
    shutil.copy(file, tmp_path / "etc/prometheus/alertmanager.yml")
    command = ["sh", str(FOLDER / "install.sh"), str(FOLDER / "aws.yml")]
    environment = os.environ | {"DESTDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert reason in done.stderr


@pytest.mark.parametrize("main", ["aws.yml", "heroku.yml", "patroni.yml"])
def test_only_the_discovery_is_special_to_the_machine(main: str) -> None:
    common, special = (
        yaml.safe_load(file.read_text())
        for file in (ROOT / "deploy/prometheus/prometheus.yml", FOLDER / main)
    )
    if main == "patroni.yml":
        # The nodes of the cluster, beside what every shop has.
        others = special["scrape_configs"][2:]
        assert [job["job_name"] for job in others] == ["patroni", "etcd", "node"]
        del special["scrape_configs"][2:]
    for one in (common, special):
        (larder,) = (job for job in one["scrape_configs"] if job["job_name"] == "larder")
        larder["authorization"] = Path(larder["authorization"]["credentials_file"]).name
        for key in [key for key in larder if key not in ("job_name", "authorization")]:
            del larder[key]
        del one["alerting"], one["scrape_configs"][1]["static_configs"]
    assert common == special
