"""Every setting can be set for the containers; `make stack` tests that they start."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from larder.ops import restored
from tools.stack import compose
from tools.stack.stack import WITHOUT

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "compose"
ELSEWHERE = {
    "DEMO": "a demo is `make run`",
    "DEMO_ON_LAN": "a demo is `make run`",
    "DEBUG": "only in demo mode",
    "SECURE_SSL_REDIRECT": "on: nginx lets the servers redirect plain HTTP",
    "STRICT_WAITS": "a check for tests",
    "STATIC_ROOT": "the image has its own",
    "FAST_PATH": "on; off to compare",
}
"""Settings that compose.yaml does not have, and why."""
makes_secrets = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")


def documents() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "compose.yaml").read_text()))


def test_every_setting_is_in_the_compose_file_or_listed_with_a_reason() -> None:
    example = (ROOT / ".env.example").read_text()
    known = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
    given = {
        name.removesuffix("_FILE")
        for service in ("app1", "worker", "migrate")
        for name in documents()["services"][service]["environment"]
    }
    assert known - given == set(ELSEWHERE)
    assert given <= known


def test_processes_are_limited_as_compose_accepts_it() -> None:
    """Beside `deploy.resources.limits` it refuses `pids_limit`."""
    for name, service in documents()["services"].items():
        assert "pids_limit" not in service, name
        assert service["deploy"]["resources"]["limits"]["pids"] >= 256, name


def test_each_permanent_service_has_a_health_check() -> None:
    """`up --wait` of Compose 2.26 fails for a container whose image's check is disabled."""
    for name, service in documents()["services"].items():
        if service.get("restart") != "no":
            assert service["healthcheck"]["test"], name


@pytest.mark.parametrize("service", ["app1", "app2", "worker", "migrate"])
def test_each_service_gets_exactly_the_secrets_of_its_settings(service: str) -> None:
    given = documents()["services"][service]
    named = {
        value.removeprefix("/run/secrets/")
        for name, value in given["environment"].items()
        if name.endswith("_FILE")
    }
    assert set(given["secrets"]) == named


@makes_secrets
def test_a_new_folder_has_every_secret_and_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    subprocess.run(["/bin/sh", FOLDER / "secrets.sh", folder], check=True)
    assert set(documents()["secrets"]) <= {one.name for one in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700


@makes_secrets
def test_the_owner_can_write_the_files_that_are_left_to_fill_in(tmp_path: Path) -> None:
    subprocess.run(["/bin/sh", FOLDER / "secrets.sh", tmp_path], check=True)
    empty = {one.name for one in tmp_path.iterdir() if not one.read_text()}
    assert "email_url" in empty
    for name in empty | {"alertmanager_config"}:
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o644, name


@makes_secrets
def test_an_existing_secret_is_kept(tmp_path: Path) -> None:
    (tmp_path / "email_url").write_text("smtp+tls://shop:x@mail.example.com")
    subprocess.run(["/bin/sh", FOLDER / "secrets.sh", tmp_path], check=True)
    assert (tmp_path / "email_url").read_text() == "smtp+tls://shop:x@mail.example.com"
    assert (tmp_path / "sentry_dsn").read_text() == ""


def test_servers_and_worker_share_a_folder_of_pictures_with_their_owner() -> None:
    given = documents()
    for name in ("app1", "app2", "worker"):
        assert given["services"][name]["volumes"] == ["pictures:/var/lib/larder/pictures"]
    assert "pictures" in given["volumes"]
    image = (ROOT / "Dockerfile").read_text()
    assert "install -d -o 10001 -g 10001 /var/lib/larder/pictures" in image
    for name in ("server", "worker"):
        unit = (ROOT / f"deploy/ec2/larder-{name}.service").read_text()
        assert "\nStateDirectory=larder/pictures\n" in unit


def test_registration_is_closed_by_default() -> None:
    def registration(**variables: str) -> set[str | None]:
        services = compose.read(FOLDER / "compose.yaml", variables, without=WITHOUT)
        return {one.environment.get("REGISTRATION") for one in services} - {None}

    assert registration() == {"closed"}
    assert registration(REGISTRATION="open") == {"open"}


def test_lines_of_env_are_read_as_compose_reads_them(tmp_path: Path) -> None:
    given = tmp_path / ".env"
    assert compose.settings(given) == {}
    given.write_text(
        "# Ours\nPUBLIC_URL=https://shop.example.com\nREGISTRATION='open'\n"
        "\nDEFAULT_FROM_EMAIL=Shop <shop@example.com>\n"
    )
    assert compose.settings(given) == {
        "PUBLIC_URL": "https://shop.example.com",
        "REGISTRATION": "open",
        "DEFAULT_FROM_EMAIL": "Shop <shop@example.com>",
    }


def test_files_with_passwords_are_neither_committed_nor_in_an_image() -> None:
    for name, pattern in ((".gitignore", ".env"), (".dockerignore", "**/.env")):
        assert pattern in (ROOT / name).read_text().splitlines()


def test_a_restore_leaves_the_mark_with_which_prepare_ends_sessions_and_keys() -> None:
    script = (ROOT / "deploy" / "postgresql" / "backup.sh").read_text()
    marked = script.index(f"COMMENT ON DATABASE $fresh IS '{restored.MARK}'")
    assert script.index("pg_restore --exit-on-error") < marked
    assert marked < script.index("ALTER DATABASE $fresh RENAME TO larder")
