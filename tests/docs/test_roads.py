"""The pages of the deployments give the steps that the scripts beside them take."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.database import ROOT
from tools.docs import pages

ROADS = ROOT / "docs" / "how-to" / "deploy"
PATH = os.environ["PATH"]
PATRONI = (ROADS / "patroni.md").read_text()
PARTS = {"terraform.md", "watching.md"}
"""Pages of what roads have in common: they end without an order."""
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (
        *ROADS.glob("*.md"),
        ROOT / "docs/how-to/deployment.md",
        ROOT / "deploy/aws/README.md",
    )
}
ENDS = [name for name in PAGES if name.rpartition("/")[2] not in PARTS]
SECTIONS = re.split(r"^## ", PATRONI, flags=re.MULTILINE)
UNDONE = {
    "attach-role-policy": "detach-role-policy",
    "authorize-security-group-ingress": "delete-security-group",
    "create-application-version": "delete-application",
    "create-environment": "terminate-environment",
    "create-launch-template-version": "delete-launch-template",
    "create-listener": "delete-load-balancer",
    "put-role-policy": "delete-role-policy",
    "run-instances": "terminate-instances",
}
"""What ends what a command of AWS began, where it is not the `delete-` of a `create-`."""
KEPT = {"create-storage-location", "create-service-linked-role"}
"""The bucket of Elastic Beanstalk and roles of services; the pages say that they stay."""
CHECKS = sorted(one.parent.name for one in ROOT.glob("deploy/*/check.sh"))


def test_a_changed_receiver_reaches_an_alertmanager_that_runs() -> None:
    """It reads its file when it starts, and nothing here asks it to read again."""
    text = (ROOT / "deploy/kubernetes/watching/alertmanager.yaml").read_text()
    (name,) = [
        one["metadata"]["name"] for one in yaml.safe_load_all(text) if one["kind"] == "Deployment"
    ]
    section = PAGES["docs/how-to/deploy/kubernetes.md"].partition("\n## Alarms\n")[2]
    informed = f"kubectl -n monitoring rollout restart deployment/{name}`"
    assert informed in section.partition("\n## ")[0]


@pytest.mark.parametrize("name", ["docs/how-to/deployment.md", "docs/how-to/deploy/patroni.md"])
def test_a_backup_that_fails_leaves_the_last_one(name: str) -> None:
    made = re.findall(r"backup(?:\.sh)? make (?:</dev/null )?>(\S+)(.*)", PAGES[name])
    assert made
    for file, rest in made:
        assert rest == f" && mv {file} {file.removesuffix('.new')}"


@pytest.mark.parametrize("name", PAGES)
def test_a_backup_its_restore_and_its_end_are_separate_blocks(name: str) -> None:
    """Who pastes the first one keeps all log-ins, and who pastes the second the former database."""
    steps = re.compile(r"backup(?:\.sh)? (make|restore|forget)\b")
    found = [steps.findall(one.text) for one in pages.blocks(PAGES[name])]
    assert [one for one in found if len(one) > 1] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_package_is_installed_without_a_question(name: str) -> None:
    """Its answer would be the next line of the block."""
    text = "".join(one.text for one in pages.blocks(PAGES[name]) if one.language == "sh")
    assert re.findall(r"\bapt-get install (?!-y ).*", text) == []


@pytest.mark.parametrize("name", PAGES)
def test_psql_asks_for_a_password_after_all_that_is_pasted(name: str) -> None:
    """It discards what is pasted behind the question: no later statement is executed."""
    asking = [one for one in pages.blocks(PAGES[name]) if r"\password" in one.text]
    last = [one.text.strip().splitlines()[-1].strip() for one in asking]
    assert [one for one in last if not one.startswith(r"\password ")] == []


@pytest.mark.parametrize("folder", ["ec2", "watching"])
def test_a_snap_is_installed_when_snapd_is_ready(folder: str) -> None:
    """On a first start it installs those of the image, and user data may run before it is done."""
    script = (ROOT / "deploy" / folder / "user-data.sh").read_text()
    assert "\nsnap wait system seed.loaded\nsnap install " in script


@pytest.mark.parametrize("name", ENDS)
def test_a_road_ends_with_an_order_a_sum_and_its_tear_down(name: str) -> None:
    text = PAGES[name]
    ways = [one for one in SECTIONS if one.startswith("Set it up")] if text == PATRONI else [text]
    for way in ways:
        assert "createsuperuser" in way
        assert "sh deploy/first_order.sh" in way
    assert re.search(r"Tear (it )?down", text)
    assert re.search(r"(?i)what it costs", text)
    assert re.search(r"\*\*together\*\*|\d+ dollars", text)


def verbs_of_aws(text: str) -> set[str]:
    """The commands of the AWS CLI in a page."""
    return set(re.findall(r"\baws [a-z0-9-]+ ([a-z-]+)", text))


@pytest.mark.parametrize("name", ENDS + [str(one) for one in PAGES if "watching" in one])
def test_what_a_road_makes_on_aws_its_tear_down_deletes(name: str) -> None:
    done = verbs_of_aws(PAGES[name]) - KEPT
    made = {one: one.replace("create-", "delete-") for one in done if one.startswith("create-")}
    needed = made | {one: UNDONE[one] for one in UNDONE.keys() & done}
    assert {one: undone for one, undone in needed.items() if undone not in done} == {}
    (put, deleted) = (
        set(re.findall(rf"{verb}-role-policy .*--policy-name (\S+)", PAGES[name]))
        for verb in ("put", "delete")
    )
    assert put == deleted


@pytest.mark.parametrize("name", PAGES)
def test_no_group_is_deleted_while_another_one_admits_it(name: str) -> None:
    """AWS refuses to, and a loop around the command would not end."""
    text = PAGES[name]
    admits = re.findall(
        r"authorize-security-group-ingress --group-id (\S+) .*--source-group ([^\s`]+)", text
    )
    deleted = "".join(re.findall(r"^.*\bdelete-security-group\b.*$", text, re.MULTILINE))
    for group, admitted in admits:
        if f"revoke-security-group-ingress --group-id {group} " not in text:
            assert -1 < deleted.find(group) < deleted.find(admitted), (group, admitted)


@pytest.mark.parametrize("name", [name for name in PAGES if "delete-secret " in PAGES[name]])
def test_a_tear_down_says_how_long_the_names_of_secrets_stay_taken(name: str) -> None:
    assert "30 days" in PAGES[name].partition("delete-secret ")[2]


@pytest.mark.parametrize("name", ["ec2", "elastic-beanstalk"])
def test_a_later_shell_finds_what_the_first_one_made(name: str) -> None:
    """A new version and the tear-down come days after the variables were set."""
    _, found, later = (ROADS / f"{name}.md").read_text().partition("\nIn a new shell, ")
    assert found
    text = "".join(one.text for one in pages.blocks(later) if one.language == "sh")
    used, set_there = (set(re.findall(one, text)) for one in (r"\$([A-Z]+)\b", r"\b([A-Z_]+)="))
    assert used
    assert used <= set_there


def test_a_later_shell_has_the_host_of_the_app() -> None:
    """zsh has another value of `HOST`, the name of its machine."""
    for block in pages.blocks((ROADS / "heroku.md").read_text()):
        used, set_there = (
            set(re.findall(one, block.text, re.MULTILINE))
            for one in (r"\$([A-Z]+)\b", r"^([A-Z]+)=")
        )
        assert used <= set_there


def test_a_push_to_heroku_takes_what_is_checked_out() -> None:
    """A clone at the tag of a release has no branch, or another commit on `main`. Without a branch
    git does not guess that `main`, which an empty repository has not, is one."""
    page = (ROADS / "heroku.md").read_text()
    pushed = re.findall(r"git push heroku (\S+?)(?=[`\s])", page)
    assert set(pushed) == {"HEAD:refs/heads/main"}


def test_heroku_has_certificates_and_deploys_what_github_has() -> None:
    page = (ROADS / "heroku.md").read_text()
    assert "\nheroku certs:auto:enable\n" in page
    assert re.search(
        r"\*\*Deploy from GitHub\.\*\* .*connect the repository.*automatic deploys", page
    )


def test_no_dyno_serves_while_the_database_is_restored() -> None:
    """The log-ins of a backup are valid until they are ended."""
    _, found, page = (ROADS / "heroku.md").read_text().partition("ps:scale web=0 worker=0 && \\\n")
    assert found
    steps = [":restore b001 DATABASE_URL --confirm my-larder && ", " prepare && "]
    steps += [" end_sessions_and_keys && ", ' check_invariants"\n```', "web=1 worker=1`"]
    assert [page.find(one) for one in steps] == sorted(page.index(one) for one in steps)


@pytest.mark.parametrize(
    ("name", "informs"),
    [
        ("ecs-ec2", "in a new shell, run its first three again, and define `apply` and `manage`"),
        ("eks", "In a new shell, as for a new version or the tear-down, run the first three"),
    ],
)
def test_a_later_shell_has_the_variables_of_the_first_three_commands(
    name: str, informs: str
) -> None:
    """A new version and the tear-down come days after they were defined."""
    page = (ROADS / f"{name}.md").read_text()
    assert informs in page
    first = next(one.text for one in pages.blocks(page) if one.language == "sh")
    lines = [one for one in first.splitlines() if not one.startswith("#")]
    starts = ("export AWS_REGION=", "export DOCKER_DEFAULT_PLATFORM=", "REGISTRY=")
    assert [one for one, start in zip(lines, starts, strict=False) if one.startswith(start)] == (
        lines[:3]
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_machine_is_started_when_ec2_knows_its_profile(name: str) -> None:
    for block in pages.blocks(PAGES[name]):
        added, _, after = block.text.rpartition("add-role-to-instance-profile")
        if added and "run-instances" in after:
            assert "aws iam wait instance-profile-exists" in after.partition("run-instances")[0]


@pytest.mark.system
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone")
@pytest.mark.parametrize("name", PAGES)
def test_git_ignores_the_secrets_that_a_road_writes_beside_it(name: str) -> None:
    text = "".join(one.text for one in pages.blocks(PAGES[name]) if one.language == "sh")
    written = {
        *re.findall(r"> ?([\w-]+\.(?:env|dump(?:\.new)?))(?=\s)", text),
        *re.findall(r"\bcp \S*?([\w.-]+) \.(?:\s|$)", text),
        *re.findall(r"\bcp \S+ ([\w-]+\.env)\b", text),
        *(f"{one}/app" for one in re.findall(r"/secrets\.sh ([\w-]+)\b", text)),
    }
    for one in written:
        ignored = subprocess.run(["git", "check-ignore", "--quiet", one], cwd=ROOT, check=False)
        assert ignored.returncode == 0, one


@pytest.mark.parametrize("name", PAGES)
def test_commands_of_aws_have_a_region(name: str) -> None:
    blocks = [one.text for one in pages.blocks(PAGES[name]) if one.language == "sh"]
    if any(re.search(r"^aws ", one, re.MULTILINE) for one in blocks):
        assert "export AWS_REGION=" in PAGES[name]


@pytest.mark.parametrize("name", PAGES)
def test_an_image_for_machines_of_aws_is_built_for_their_processors(name: str) -> None:
    text = PAGES[name]
    if "make docker/build" in text and "docker push" in text:
        assert "DOCKER_DEFAULT_PLATFORM=linux/amd64" in text


@pytest.mark.parametrize("name", PAGES)
def test_a_command_in_a_container_names_a_service_of_its_file(name: str) -> None:
    named = re.findall(
        r"docker compose (?:-f|--file) (\S+) (?:exec|run)(?: -\S+)* (\w+)", PAGES[name]
    )
    for file, service in named:
        assert service in yaml.safe_load((ROOT / file).read_text())["services"]


def test_the_certificate_of_the_containers_is_copied_for_all_to_read() -> None:
    """A secret of compose has the mode of its file, and nginx there is not root."""
    page = (ROOT / "docs/how-to/deployment.md").read_text()
    copied = re.findall(r"^install -m 444 \S+ \.data/secrets/(\w+)$", page, re.MULTILINE)
    composed = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())
    assert copied == composed["services"]["nginx"]["secrets"]


@pytest.mark.parametrize("name", PAGES)
def test_a_backup_of_a_road_names_its_database(name: str) -> None:
    """Without DATABASE_URL `make backup` takes that of `make run`, whatever the owner's is."""
    made = re.findall(r"`([^`]*\bmake backup\b[^`]*)`", PAGES[name])
    assert [one for one in made if not re.search(r"\bDATABASE_URL=", one)] == []


def test_what_debian_started_leaves_its_ports_to_the_set_of_processes() -> None:
    """Both packages start at all addresses, 127.0.0.0/8 among them."""
    page = (ROOT / "docs/how-to/deployment.md").read_text()
    _, installed, after = page.partition("apt-get install nginx-light ")
    assert installed
    assert "`systemctl disable --now prometheus prometheus-alertmanager`" in after


def test_a_replica_that_copies_again_has_a_new_slot() -> None:
    """PostgreSQL 18 refuses a slot whose log it has removed."""
    page = (ROOT / "docs/how-to/deployment.md").read_text()
    roles = (ROOT / "deploy/postgresql/roles.sql").read_text()
    (made,) = re.findall(r"pg_create_physical_replication_slot\(.*\)", roles)
    (again,) = [one.text for one in pages.blocks(page) if "volume rm larder_replica" in one.text]
    dropped = made.replace("create_physical", "drop")
    steps = ["rm --stop --force replica", dropped, made, "\nmake up"]
    assert [again.find(one) for one in steps] == sorted(again.index(one) for one in steps)


@pytest.mark.parametrize("name", PAGES)
def test_what_a_road_installs_by_helm_its_tear_down_uninstalls(name: str) -> None:
    installed = re.findall(r"\bhelm install (\S+) \S+ --namespace (\S+)", PAGES[name])
    gone = re.findall(r"\bhelm uninstall (\S+) --namespace ([^\s`]+)", PAGES[name])
    assert installed == gone


@pytest.mark.system
@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize("owner", [True, False])
def test_processes_of_ec2_are_restarted_if_the_preparation_succeeded(
    tmp_path: Path, *, owner: bool, status: int
) -> None:
    """Only the machine of the worker has the owner's address, and prepares."""
    (line,) = re.findall(r"^.*\btry-restart .*$", (ROADS / "ec2.md").read_text(), re.MULTILINE)
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$1"\n[ "$1" = try-restart ] || exit {status}\n')
    systemctl.chmod(0o755)
    file = tmp_path / "owner.env"
    if owner:
        file.touch()
    done = subprocess.run(
        ["sh", "-c", line.replace("/etc/larder/owner.env", str(file))],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    restarted = ["try-restart"] if not owner or status == 0 else []
    assert done.stdout.split() == [*(["start"] if owner else []), *restarted]


@pytest.mark.system
@pytest.mark.parametrize("broken", ["git", "make", "cp", "nothing"])
def test_processes_of_ec2_are_restarted_if_their_version_was_built(
    tmp_path: Path, broken: str
) -> None:
    blocks = [one.text for one in pages.blocks((ROADS / "ec2.md").read_text())]
    (block,) = [one for one in blocks if "git checkout TAG" in one]
    for name in ("git", "make", "cp", "systemctl", "nginx"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} $1\n[ {name} != {broken} ]\n")
        program.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", block.replace("/opt/", "").replace("cd larder", f"cd {tmp_path}")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("systemctl try-restart" in done.stdout.splitlines()) == (broken == "nothing")


def test_servers_of_ec2_are_replaced_after_a_look_at_the_preparation() -> None:
    """An instance refresh of the worker succeeds even if `prepare` has failed."""
    blocks = [one.text for one in pages.blocks((ROADS / "ec2.md").read_text())]
    (worker,) = [one for one in blocks if "\nreplace worker " in one]
    assert "replace server " not in worker
    user_data = (ROOT / "deploy/ec2/user-data.sh").read_text()
    assert "\nset -eu\n" in user_data
    assert "systemctl start larder-prepare\n    systemctl enable --now larder-worker\n" in user_data


@pytest.mark.system
@pytest.mark.parametrize(("failed", "last"), [(" run ", " migrate"), (" app1", " app1")])
def test_a_server_of_the_containers_is_replaced_if_all_before_it_succeeded(
    tmp_path: Path, failed: str, last: str
) -> None:
    """Otherwise none is left that serves."""
    page = (ROOT / "docs/how-to/release.md").read_text()
    (block,) = [one.text for one in pages.blocks(page) if " --no-deps app1" in one.text]
    for program in ("docker", "make"):
        stub = tmp_path / program
        stub.write_text(f'#!/bin/sh\necho "$@"\ncase "$*" in *"{failed}"*) exit 1 ;; esac\n')
        stub.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", block],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.endswith(f"{last}\n")


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
