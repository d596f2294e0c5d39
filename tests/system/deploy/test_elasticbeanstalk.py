"""The source bundle has only the needed files and can be started."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from larder.ops import serve

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "elasticbeanstalk"
PAGE = (ROOT / "docs/how-to/deploy/elastic-beanstalk.md").read_text()
RESTORE = PAGE.partition("\n## Restore\n")[2].partition("\n## ")[0]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was committed, unpacked as the platform does it."""
    folder = tmp_path_factory.mktemp("bundle")
    if not shutil.which("git") and not (ROOT / ".git").exists():
        pytest.skip("a bundle is made of a commit, and here is no git")
    command = ["git", "rev-parse"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode and ((ROOT / ".git").exists() or "GITHUB_ACTIONS" in os.environ):
        # One that git does not accept, as it belongs to another user.
        pytest.fail(asked.stderr)
    if asked.returncode:
        pytest.skip("a bundle is made of a commit, and this is no git checkout")
    # As that of macOS with a file that is yet to be made.
    (folder / "programs").mkdir()
    (folder / "programs" / "realpath").write_text("#!/bin/sh\nexit 1\n")
    (folder / "programs" / "realpath").chmod(0o755)
    command = ["sh", str(FOLDER / "bundle.sh"), "larder.zip"]
    environment = {"PYTHON": sys.executable, "PATH": f"{folder}/programs:{os.environ['PATH']}"}
    subprocess.run(command, cwd=folder, env=os.environ | environment, check=True)
    zipfile.ZipFile(folder / "larder.zip").extractall(folder)
    return folder


def options() -> dict[str, Any]:
    file = FOLDER / "bundle" / ".ebextensions" / "larder.config"
    return dict(yaml.safe_load(file.read_text()))


def test_the_bundle_has_the_files_of_the_platform_and_no_tests(bundle: Path) -> None:
    assert (bundle / "Procfile").read_text() == (FOLDER / "bundle" / "Procfile").read_text()
    assert (bundle / ".ebextensions" / "larder.config").is_file()
    nginx = bundle / ".platform" / "nginx"
    included = re.findall(r"include (larder/.*\.conf);", (nginx / "nginx.conf").read_text())
    assert [name for name in included if not (nginx / name).is_file()] == []
    assert "larder/deadline" not in " ".join(included)
    assert not list((nginx / "larder").glob("deadline.*"))
    assert not (bundle / "tests").exists()
    (required,) = (one for one in (bundle / "requirements.txt").read_text().split() if "/" in one)
    assert (bundle / required).is_file()


def test_requests_are_logged_beside_the_health_of_the_platform() -> None:
    """A log in `server` replaces those in `http`."""
    text = (FOLDER / "bundle" / ".platform" / "nginx" / "nginx.conf").read_text()
    assert text.index("/healthd*.conf;") < text.index("access_log /var/log/nginx/access.log ")


def test_commands_of_larder_run_in_the_bundle(bundle: Path) -> None:
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--dry-run"]
    done = subprocess.run(command, cwd=bundle, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "static files" in done.stdout


def test_the_bundle_starts_the_processes_of_the_deployment_page() -> None:
    page = (ROOT / "docs" / "how-to" / "deployment.md").read_text()
    lines = (FOLDER / "bundle" / "Procfile").read_text().splitlines()
    assert [line for line in lines if f"`{line.partition(': ')[2]}`" not in page] == []
    (prepare,) = (one for one in options()["container_commands"].values() if "leader_only" in one)
    assert prepare["command"].endswith("python manage.py prepare")


def test_systemd_keeps_the_folder_that_the_processes_of_a_server_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is below /tmp, where systemd deletes what has not changed for ten days."""
    settings = options()["option_settings"]["aws:elasticbeanstalk:application:environment"]
    assert not settings.keys() & {"TMPDIR", *serve.SHARED}
    (kept,) = re.findall(
        r"^x (\S+)$", options()["files"]["/etc/tmpfiles.d/larder.conf"]["content"], re.MULTILINE
    )
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (folder,) = set(serve.shared_folders({}, int(settings["PORT"])).values())
    assert fnmatchcase(f"/tmp/{Path(folder).name}", kept)  # noqa: S108


def test_every_setting_exists_and_none_is_a_secret() -> None:
    example = (ROOT / ".env.example").read_text()
    prefix = "aws:elasticbeanstalk:application:environment"
    settings, secrets = (options()["option_settings"][prefix + end] for end in ("", "secrets"))
    assert [name for name in (*settings, *secrets) if f"{name}=" not in example] == []
    assert {"SECRET_KEY", "DATABASE_URL", "OWNER_DATABASE_URL"} == set(secrets)


def test_a_restored_database_takes_the_name_of_the_damaged_one_when_it_is_prepared() -> None:
    """RDS restores to a new instance, and the addresses in the secrets stay."""
    steps = ["larder --new-db-instance-identifier larder-damaged "]
    steps += ["--target-db-instance-identifier larder-restored ", "/@larder-restored.}"]
    steps += [" prepare && ", " end_sessions_and_keys && ", " check_invariants\n```"]
    steps += ["larder-restored --new-db-instance-identifier larder ", "--skip-final-snapshot\n"]
    assert [RESTORE.find(one) for one in steps] == sorted(RESTORE.index(one) for one in steps)


def test_a_restored_database_has_the_settings_of_the_first_one() -> None:
    """RDS takes its defaults: one zone, the default group, no protection, no limit of storage."""
    text = re.sub(r" *\\\n *", " ", PAGE)
    made, restored = (
        set(re.findall(r"--(?:multi|max|vpc|deletion|no-pub)[a-z-]*(?: [\w\"$]+)?", command))
        for command in re.findall(r"aws rds (?:create|restore)-db-instance.*", text)
    )
    assert len(made) == 5
    assert restored == made


def test_a_restored_database_is_prepared_by_its_own_address(tmp_path: Path) -> None:
    """The shell of an instance has the addresses of the servers."""
    (block,) = re.findall(r"```sh\n(export DATABASE_URL=.*?)```", RESTORE, re.DOTALL)
    (tmp_path / "python").write_text('#!/bin/sh\necho "$2 $DATABASE_URL $OWNER_DATABASE_URL"\n')
    (tmp_path / "python").chmod(0o755)
    end = "12.eu-west-2.rds.amazonaws.com:5432/larder?sslmode=require"
    settings = {
        "DATABASE_URL": f"postgresql://larder_app:0a@larder.{end}",
        "OWNER_DATABASE_URL": f"postgresql://larder_owner:1b@larder.{end}",
        "PATH": f"{tmp_path}:/usr/bin:/bin",
    }
    done = subprocess.run(
        ["bash", "-c", block], env=settings, capture_output=True, text=True, check=True
    )
    restored = (
        f"postgresql://larder_app:0a@larder-restored.{end} "
        f"postgresql://larder_owner:1b@larder-restored.{end}"
    )
    commands = ("prepare", "end_sessions_and_keys", "check_invariants")
    assert done.stdout.splitlines() == [f"{one} {restored}" for one in commands]
