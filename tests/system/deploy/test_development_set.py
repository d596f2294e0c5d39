"""compose.yaml in the root: a demo for developers, reachable only from their machine."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.database import ROOT
from tests.runner import PytestRunner, environment

FILE = ROOT / "compose.yaml"
PRODUCTION = ROOT / "deploy/compose/compose.yaml"
CLUSTER = ROOT / "deploy/patroni/compose.yaml"


def services(file: Path = FILE) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text())["services"])


def test_services_with_known_passwords_listen_only_on_this_machine() -> None:
    published = [port for one in services().values() for port in one.get("ports", ())]
    assert published == ["127.0.0.1:${PORT:-8000}:8000"]


@pytest.mark.parametrize("name", ["web", "worker", "migrate"])
def test_the_mounted_code_hides_no_path_of_the_image(name: str) -> None:
    """/app/venv/bin/python and /app/src/manage.py are links that the stage `dev` makes."""
    volumes = [one for one in services()[name]["volumes"] if one.startswith("./")]
    mounted = dict(one.split(":") for one in volumes)
    assert {"./larder", "./config", "./manage.py"} <= set(mounted)
    for source, target in mounted.items():
        assert (ROOT / source).exists()
        assert target == f"/app/{source.removeprefix('./')}"


@pytest.mark.parametrize("name", ["web", "worker", "migrate"])
def test_pictures_are_stored_in_a_folder_of_all_services_that_the_image_makes(name: str) -> None:
    """A volume begins as the folder of the image, with its owner, who runs the server."""
    service = services()[name]
    folder = service["environment"]["PICTURES_DIR"]
    assert f"pictures:{folder}" in service["volumes"]
    assert "pictures" in yaml.safe_load(FILE.read_text())["volumes"]
    dev = (ROOT / "Dockerfile").read_text().partition("FROM test AS dev")[2].partition("FROM ")[0]
    assert f"mkdir src {folder.removeprefix('/app/')} " in dev


@pytest.mark.parametrize("name", ["app1", "app2", "worker", "prepare"])
def test_the_set_of_a_cluster_can_store_pictures_in_a_folder(name: str) -> None:
    cluster = ROOT / "deploy/patroni/compose.yaml"
    service = services(cluster)[name]
    assert "pictures:/var/lib/larder/pictures" in service["volumes"]
    for setting in ("PICTURES_DIR", "PICTURES_BUCKET", "PICTURES_URL"):
        assert service["environment"][setting] == f"${{{setting}:-}}"


def test_images_of_others_equal_those_of_production() -> None:
    for name in ("primary", "replica"):
        assert services()[name]["image"] == services(PRODUCTION)[name]["image"]


@pytest.mark.parametrize("name", ["app1", "app2", "worker"])
def test_servers_of_all_sets_have_the_same_time_to_start(name: str) -> None:
    """Two cores with other work start a server in two minutes; `up --wait` fails before."""
    of_all = services()["web"], services(PRODUCTION)[name], services(CLUSTER)[name]
    assert {one["healthcheck"]["start_period"] for one in of_all} == {"180s"}


def test_reads_use_the_replica() -> None:
    """Also lists of customers who send no position: the server knows when they last wrote."""
    given = services()["web"]["environment"]
    assert "@replica:" in given["REPLICA_URLS"]
    assert given["SHARED_DIR"] == "/dev/shm"  # noqa: S108


def test_manage_py_is_executable() -> None:
    assert (ROOT / "manage.py").stat().st_mode & 0o111 == 0o111


def test_tests_in_a_container_ignore_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://primary/larder")
    monkeypatch.setenv("SECRET_KEY_FILE", "/run/secrets/secret_key")
    assert not {"DATABASE_URL", "SECRET_KEY_FILE"} & set(environment())
    assert "PATH" in environment()


def test_the_command_returns_the_status_of_the_tests() -> None:
    runner = PytestRunner(failfast=True)
    assert runner.run_tests(["--version"]) == 0
    assert runner.run_tests(["--no-such-option"]) == 1
