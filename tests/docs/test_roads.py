"""The pages of the deployments give the steps that the scripts beside them take."""

import re

import pytest

from tests.database import ROOT

ROADS = ROOT / "docs" / "how-to" / "deploy"
PATRONI = (ROADS / "patroni.md").read_text()
USER_DATA = (ROOT / "deploy/ec2/user-data.sh").read_text()
CHECKS = sorted(one.parent.name for one in ROOT.glob("deploy/*/check.sh"))
STARTED_BY_DEBIAN = {"postgresql@15-main", "patroni", "etcd"}
"""Units that their packages start at once, with their default configuration."""


def test_what_debian_started_is_stopped_before_it_gets_its_configuration() -> None:
    (stopped, configured) = PATRONI.split("/etc/default/etcd", 1)[0].rsplit("\nsed ", 1)
    (units,) = re.findall(r"^systemctl disable --now ([^#\n]+)", stopped, re.MULTILINE)
    assert set(units.split()) == STARTED_BY_DEBIAN
    assert configured


def test_a_machine_of_patroni_is_installed_as_one_of_ec2() -> None:
    (wanted,) = re.findall(r"^apt-get install -y (.*)$", USER_DATA, re.MULTILINE)
    assert f"\napt-get install {wanted}\n" in PATRONI
    for line in re.sub(r" \\\n *", " ", USER_DATA).splitlines():
        if line.strip().startswith(("useradd ", "install ", "cp ")):
            assert f"\n{line.strip()}\n" in PATRONI, line
    assert "make build\n" in PATRONI
    assert "/etc/larder/server.env" in PATRONI


def test_the_page_names_the_role_that_jobs_of_every_branch_can_assume() -> None:
    account = (ROOT / "deploy/aws/templates/account.yaml").read_text()
    assert "repo:${GitHubRepository}:ref:refs/heads/*" in account
    (role,) = re.findall(r"^ *RoleName: (\S+)$", account, re.MULTILINE)
    assert f"`{role}`" in (ROOT / "docs/how-to/deployment.md").read_text()


@pytest.mark.parametrize("folder", CHECKS, ids=str)
def test_a_check_of_a_deployment_says_what_it_does_not_check(folder: str) -> None:
    lines = (ROOT / "deploy" / folder / "check.sh").read_text().splitlines()
    assert lines[-1].startswith('echo "Not checked here: ')


def test_every_dockerfile_is_checked() -> None:
    files = {str(one.relative_to(ROOT)) for one in (ROOT / "deploy").glob("**/Dockerfile")}
    assert files == {str(one.relative_to(ROOT)) for one in ROOT.glob("deploy/*/Dockerfile")}
    assert (
        '/hadolint" Dockerfile deploy/*/Dockerfile\n'
        in (ROOT / "deploy/docker/check.sh").read_text()
    )
