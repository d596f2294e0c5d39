"""deploy/patroni/compose.yaml, as it was seen to start with runc 1.1.5 and Compose 2.26."""

import re
from typing import Any

import pytest
import yaml

from tools.nginx import ROOT

FOLDER = ROOT / "deploy" / "patroni"


def services() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"])


def test_each_program_that_goes_on_can_be_waited_for() -> None:
    """`up --wait` fails for a container whose health check is disabled and that has not ended."""
    disabled = [
        name for name, one in services().items() if one.get("healthcheck", {}).get("disable")
    ]
    assert disabled == ["prepare"]


@pytest.mark.parametrize("name", ["db1", "db2", "db3"])
def test_postgresql_may_write_the_folder_of_its_socket(name: str) -> None:
    """Also where runc ignores the mode, because the image has the folder."""
    [uid] = re.findall(
        r"useradd --system --uid (\d+) .* postgres", (FOLDER / "Dockerfile").read_text()
    )
    [folder] = [one for one in services()[name]["tmpfs"] if one.startswith("/var/run/postgresql:")]
    assert f"uid={uid},gid={uid}," in folder


@pytest.mark.parametrize("name", ["db1", "db2", "db3"])
def test_a_node_has_the_script_of_backups_where_the_pages_name_it(name: str) -> None:
    mounted = dict(one.rsplit(":", 1)[0].split(":") for one in services()[name]["volumes"][:-1])
    places = {path: source for source, path in mounted.items()}
    for page in ("deploy/patroni.md", "runbooks/postgresql-upgrade.md"):
        text = (ROOT / "docs" / "how-to" / page).read_text()
        used = re.findall(r"^compose exec .* db1 sh (\S+) (?:make|restore) ", text, re.MULTILINE)
        assert used
        for path in used:
            assert (FOLDER / places[path]).resolve() == ROOT / "deploy" / "postgresql" / "backup.sh"


def test_the_alarms_know_the_ports_of_the_nodes() -> None:
    watching = yaml.safe_load((ROOT / "deploy/watching/patroni.yml").read_text())
    targets = {
        job["job_name"]: job["static_configs"][0]["targets"] for job in watching["scrape_configs"]
    }
    etcd = (FOLDER / "etcd.env.example").read_text()
    [port] = re.findall(r"^ETCD_LISTEN_METRICS_URLS=http://0\.0\.0\.0:(\d+)$", etcd, re.MULTILINE)
    assert targets["etcd"] == [f"db{number}:{port}" for number in (1, 2, 3)]
    patroni = yaml.safe_load((FOLDER / "patroni.yml").read_text())
    port = patroni["restapi"]["listen"].rpartition(":")[2]
    assert targets["patroni"] == [f"db{number}:{port}" for number in (1, 2, 3)]
