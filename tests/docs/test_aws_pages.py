"""The commands of the pages for AWS can work, as far as a text shows it."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.database import ROOT
from tools.docs import pages

SHELL = {
    path.relative_to(ROOT).as_posix(): [
        one.text for one in pages.blocks(path.read_text()) if one.language == "sh"
    ]
    for path in (
        *ROOT.glob("docs/how-to/**/*.md"),
        *ROOT.glob("deploy/*/README.md"),
    )
}
"""The blocks of shell of each page, in order."""
AWS = sorted(
    name
    for name, blocks in SHELL.items()
    if re.search(r"\baws (?!ssm\b)[a-z0-9]+ [a-z]", "".join(blocks))
)
UPDATED = sorted(name for name, blocks in SHELL.items() if "git checkout TAG" in "".join(blocks))
LATER = (
    *("create-db-instance ", "create-db-snapshot ", "create-environment ", "delete-db-instance "),
    *("create-db-cluster-snapshot ", "delete-load-balancer ", "delete-stack "),
    *("restore-db-cluster-", "restore-db-instance-"),
    *("run-task ", "start-restore-job ", "terminate-environment ", "terminate-instances "),
    *("--new-db-cluster-identifier ", "--new-db-instance-identifier "),
    *("--auth-token-update-strategy ROTATE ", "continue-update-rollback "),
)
"""Requests of AWS that are answered long before they are done."""
NEEDS_A_PROFILE = r"aws (?:ec2 run-instances|autoscaling create-auto|elasticbeanstalk create-env)"


def lines(name: str) -> list[list[str]]:
    """The commands of each block of a page, those over several lines as one."""
    return [re.sub(r" *\\\n *", " ", block).splitlines() for block in SHELL[name]]


@pytest.mark.parametrize("name", AWS)
def test_a_page_names_the_region_before_its_first_command_of_aws(name: str) -> None:
    text = "".join(SHELL[name])
    (first,) = re.findall(r"(?m)\A(?:.*\n)*?.*(?:\baws |deploy/aws/run )[a-z]", text)
    assert re.search(r"^export AWS_REGION=", first, re.MULTILINE)
    # Version 2 of the CLI shows long answers in `less`, which takes the next lines as its keys.
    assert re.search(r"^export (?:.* )?AWS_PAGER=(?: |$)", first, re.MULTILINE)


@pytest.mark.parametrize("name", AWS)
def test_what_aws_does_later_is_waited_for(name: str) -> None:
    for block in lines(name):
        commands = [command for line in block for command in line.split(" && ")]
        for command, after in pairwise(commands):
            if any(one in command for one in LATER):
                assert re.search(r" wait |^ *(?:while|until) ", after), command


@pytest.mark.parametrize("name", AWS)
def test_a_new_profile_is_waited_for_before_a_machine_has_it(name: str) -> None:
    text = "".join(SHELL[name])
    _, added, after = text.partition("iam add-role-to-instance-profile ")
    if added:
        before = re.split(NEEDS_A_PROFILE, after)[0]
        assert "iam wait instance-profile-exists " in before


@pytest.mark.parametrize("name", AWS)
def test_a_task_is_run_when_a_machine_for_it_is_there(name: str) -> None:
    before, run, _ = "".join(SHELL[name]).partition("ecs run-task ")
    assert not run or "ecs list-container-instances " in before


@pytest.mark.system
@pytest.mark.parametrize(
    ("started", "code", "status", "said"),
    [
        ("arn:aws:ecs:eu-west-2:123456789012:task/larder-single/1", "0", 0, ""),
        ("arn:aws:ecs:eu-west-2:123456789012:task/larder-single/1", "1", 1, ""),
        ("RESOURCE:MEMORY", "None", 1, "not started: RESOURCE:MEMORY\n"),
    ],
)
def test_a_task_that_ecs_does_not_start_is_not_waited_for(
    tmp_path: Path, started: str, code: str, status: int, said: str
) -> None:
    """`aws ecs wait` would look for it a hundred times, and give no reason.

    After a hundred times, ten minutes, it also gives up a task that works.
    """
    text = (ROOT / "docs/how-to/deploy/ecs-ec2.md").read_text()
    (manage,) = re.findall(r"^manage\(\) \{\n.*?^\}\n", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "aws").write_text(
        f"""#!/bin/sh
case "$*" in
    *list-container-instances*) echo arn:one ;;
    *"run-task "*'"manage.py", "prepare"]'*"--query tasks[0].taskArn || failures[0].reason "*)
        echo {started} ;;
    *" wait tasks-stopped "*" {started}")
        mkdir "$0.once" 2>/dev/null && exit 255
        touch "$0.ended" ;;
    *describe-tasks*) test -e "$0.ended" && echo {code} || echo None ;;
    *) exit 9 ;;
esac
"""
    )
    (tmp_path / "aws").chmod(0o755)
    (tmp_path / "sleep").symlink_to("/bin/true")
    done = subprocess.run(
        ["sh", "-c", f"{manage}manage prepare"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (status, said)


@pytest.mark.system
@pytest.mark.parametrize("fails", ["first", "prepare", "nothing"])
def test_the_next_image_serves_only_if_the_database_was_prepared_by_it(fails: str) -> None:
    """Where the stack was not changed, the task that prepares is the former one, or none."""
    blocks = [
        one for one in SHELL["docs/how-to/deploy/ecs-ec2.md"] if "manage prepare && apply " in one
    ]
    released = [one[one.index("apply PrepareImage=") :] for one in blocks]
    assert len(released) == 2
    stubs = f"""
apply() {{ count=$((count + 1)); echo "apply $count"; [ "{fails} $count" != "first 1" ]; }}
manage() {{ echo "$1"; [ {fails} != "$1" ]; }}
"""
    expected = ["apply 1", "prepare", "apply 2"][: ["first", "prepare", "nothing"].index(fails) + 1]
    for one in released:
        done = subprocess.run(
            ["sh", "-c", stubs + one], env={}, capture_output=True, text=True, check=False
        )
        assert done.stdout.splitlines() == expected


def test_new_passwords_reach_the_machines_that_replace_others() -> None:
    """They read the secrets that `create-secret` made, not the files that were written anew."""
    data = (ROOT / "deploy/ec2/user-data.sh").read_text()
    assert re.findall(r"^ *secret (\S+) >", data, re.MULTILINE) == ["server.env", "owner.env"]
    page = (ROOT / "docs/how-to/deploy/ec2.md").read_text()
    assert "put-secret-value --secret-id larder/ec2/server.env --secret-string file://" in page
    assert "the same for `owner.env`" in page
    renewed = (ROOT / "docs/how-to/deploy/terraform.md").read_text()
    section = renewed.partition("\n## New passwords\n")[2].partition("\n## ")[0]
    assert "](ec2.md#a-new-version)" in section


@pytest.mark.parametrize("name", AWS)
def test_the_latest_version_has_that_name_for_groups_alone(name: str) -> None:
    """`$Latest` is a version for groups; another version is made from a number."""
    named = re.findall(r"(\S*)\$Latest", "".join(SHELL[name]))
    assert [one for one in named if not one.endswith("Version=")] == []


@pytest.mark.parametrize("name", AWS)
def test_a_database_admits_the_instances_before_they_are_started(name: str) -> None:
    text = "".join(SHELL[name])
    if "create-db-instance " in text and "create-environment " in text:
        assert text.index("--port 5432 ") < text.index("create-environment ")
        config = ROOT / "deploy/elasticbeanstalk/bundle/.ebextensions/larder.config"
        assert re.search(r"^    SecurityGroups: sg-", config.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", AWS)
def test_a_page_says_where_the_name_of_the_shop_has_to_point(name: str) -> None:
    page = (ROOT / name).read_text()
    if "sh deploy/first_order.sh" in page:
        assert re.search(r"has to (?:point|lead)|Route 53", page.partition("## The first order")[0])


@pytest.mark.parametrize("name", SHELL)
def test_blocks_run_in_the_root_of_the_checkout(name: str) -> None:
    """A block that leaves it makes the paths of the following ones wrong."""
    assert re.findall(r"(?m)^ *cd (?![/~]).*$", "".join(SHELL[name])) == []


@pytest.mark.parametrize("name", SHELL)
def test_a_program_for_systemd_is_named_by_its_whole_path(name: str) -> None:
    """It is looked for in the caller's folder, or not at all; not in WorkingDirectory."""
    started = [one for block in lines(name) for one in block if "systemd-run " in one]
    for line in started:
        words = line.partition("systemd-run ")[2].replace("-p ", "-p").split()
        assert next(one for one in words if not one.startswith("-")).startswith("/"), line


@pytest.mark.parametrize("name", SHELL)
def test_a_file_of_settings_is_not_split_into_words(name: str) -> None:
    """`Shop <shop@example.com>` is one value."""
    split = r"(?:env|export) \$\(.*|.*\bxargs (?!-0 ).*"
    assert re.findall(split, "".join(SHELL[name])) == []


@pytest.mark.system
@pytest.mark.parametrize("name", UPDATED)
def test_a_clone_of_one_tag_gets_the_next(name: str, tmp_path: Path) -> None:
    """As the user data cloned it, and as the page fetches."""
    (cloned,) = re.findall(
        r'^git (clone .*) "\$REPOSITORY"',
        (ROOT / "deploy/ec2/user-data.sh").read_text(),
        re.MULTILINE,
    )
    (fetched,) = re.findall(r"git fetch.*? && git checkout TAG", "".join(SHELL[name]))
    script = f"""
        set -e
        git init -q origin
        for TAG in one two; do
            git -C origin -c user.name=a -c user.email=a@b commit -q --allow-empty -m $TAG
            git -C origin tag $TAG
        done
        TAG=one
        git {cloned} "file://$PWD/origin" clone
        cd clone
        {fetched.replace("TAG", "two")}
        git describe --tags --exact-match
    """
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "two"


def test_no_minor_version_of_postgresql_is_named() -> None:
    """AWS makes no new database of a minor version some months after the next one."""
    files = [one for kind in ("yaml", "tf") for one in ROOT.glob(f"deploy/**/*.{kind}")]
    named = r"(?:EngineVersion:|engine_version *=|--engine-version) *\"?(1\d\.\S*)"
    texts = [*(one.read_text() for one in files), *("".join(one) for one in SHELL.values())]
    assert [one for text in texts for one in re.findall(named, text)] == []


def test_a_second_apply_keeps_the_replica() -> None:
    """A missing line means false, and with another value Terraform makes a new one."""
    made = re.findall(
        r'(?ms)^resource "aws_db_instance" .*?^}',
        (ROOT / "deploy/terraform/database.tf").read_text(),
    )
    assert len(made) == 2
    assert [one for one in made if not re.search(r"storage_encrypted += true", one)] == []


def test_a_second_apply_keeps_what_was_restored() -> None:
    """Terraform makes a new instance where one of these arguments changes or is removed."""
    (restore,) = [
        one for one in SHELL["docs/how-to/deploy/terraform.md"] if "restore_override.tf <<" in one
    ]
    (named, body) = re.findall(r'(?ms)^resource "aws_db_instance" "(\w+)" \{\n(.*?)^\}', restore)[0]
    given = {*re.findall(r"^  (\w+)", body, re.MULTILINE)} - {"timeouts"}
    declared = (ROOT / "deploy/terraform/database.tf").read_text()
    (made,) = re.findall(rf'(?ms)^resource "aws_db_instance" "{named}" .*?^}}', declared)
    (ignored,) = re.findall(r"ignore_changes = \[(.*)\]", made)
    assert given == {*ignored.split(", ")} == {"db_name", "restore_to_point_in_time"}
    assert f"state rm aws_db_instance.{named} &&" in restore


@pytest.mark.parametrize("name", SHELL)
def test_what_terraform_applies_is_applied_again_by_the_next_apply(name: str) -> None:
    """It is in terraform.tfvars: an option is forgotten, and the next `apply` undoes it."""
    assert re.findall(r"terraform .*-var[ =].*", (ROOT / name).read_text()) == []


def test_nginx_is_reloaded_in_its_container_with_its_own_configuration() -> None:
    services = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())["services"]
    own = " ".join(services["nginx"]["command"][:3])
    reloads = re.findall(r"\bnginx [^&|]*-s reload", "".join(SHELL["docs/how-to/release.md"]))
    assert reloads
    assert [one for one in reloads if not one.startswith(f"{own} ")] == []


def test_what_has_an_address_of_the_internet_waits_for_the_way_there() -> None:
    """Terraform sees no order between them; AWS refuses an address without a gateway."""
    network = (ROOT / "deploy/terraform/network.tf").read_text()
    made = re.findall(r'(?ms)^resource "aws_(?:eip|nat_gateway)" .*?^}', network)
    assert made
    assert [one for one in made if "depends_on = [aws_internet_gateway.this]" not in one] == []


def test_names_of_terraform_fit_the_names_that_contain_them() -> None:
    """A prefix of a role has at most 38 characters; RDS takes no two hyphens and none at an end."""
    files = [one.read_text() for one in (ROOT / "deploy/terraform").rglob("*.tf")]
    declared = (ROOT / "deploy/terraform/variables.tf").read_text()
    [(pattern, longest)] = re.findall(
        r'regex\("(.*)", var\.environment\)(?s:.*?)length\(var\.environment\) <= (\d+)', declared
    )
    assert [one for one in ("production", "eu-2", "shop-", "a--b") if re.search(pattern, one)] == [
        "production",
        "eu-2",
    ]
    prefixes = re.findall(r'name_prefix += "(.*)"', "".join(files))
    name = "larder-" + "x" * int(longest)
    made = [re.sub(r"\$\{(?:local|var)\.name\}", name, one) for one in prefixes]
    assert [one for one in made if "$" in one or len(one) > 38] == []
    assert len(made) > 3


def terraform(file: str) -> dict[str, dict[str, str]]:
    """The resources of a file, by type and name, with their arguments as they are written."""
    text = (ROOT / "deploy/terraform" / file).read_text()
    found = re.findall(r'(?ms)^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', text)
    return {
        f"{kind}.{name}": dict(re.findall(r"(?m)^  (\w+) += (.*)$", body))
        for kind, name, body in found
    }


def test_the_alarms_and_events_of_terraform_go_by_mail_to_the_operators() -> None:
    made, topic = terraform("alarms.tf"), "aws_sns_topic.operators.arn"
    assert made["aws_sns_topic_subscription.operators"] == {
        "topic_arn": topic,
        "protocol": '"email"',
        "endpoint": "var.alarm_email",
    }
    alarms = {name: one for name, one in made.items() if name.startswith("aws_cloudwatch_metric_")}
    assert {name.partition(".")[2] for name in alarms} == {"database", "cache"}
    for one in alarms.values():
        assert one["alarm_actions"] == one["ok_actions"] == f"[{topic}]"
    assert made["aws_db_event_subscription.database"]["sns_topic"] == topic
    assert made["aws_sns_topic_policy.operators"]["arn"] == topic
    for file in ("alarms.tf", "secrets.tf"):
        services = '["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"]'
        assert services in (ROOT / "deploy/terraform" / file).read_text()


def test_each_alarm_of_terraform_is_on_its_page() -> None:
    text = (ROOT / "deploy/terraform/alarms.tf").read_text()
    named = set(re.findall(r"([a-z-]+) += \{ metric = ", text))
    assert named == {"disk", "connections", "credits", "busy", "replica-lag"}
    page = (ROOT / "docs/how-to/deploy/terraform.md").read_text().partition("\n## Alarms\n")[2]
    assert [one for one in (*named, "cache-full") if f"-{one}`" not in page] == []


@pytest.mark.parametrize("name", [name for name in AWS if "subscription" in "".join(SHELL[name])])
def test_events_of_a_database_go_to_the_topic_that_sends_mail(name: str) -> None:
    [block] = [one for one in lines(name) if any("create-event-subscription" in o for o in one)]
    made, subscribed, events = block
    assert re.match(r"TOPIC=\$\(aws sns create-topic .* --query TopicArn --output text\)", made)
    assert '--topic-arn "$TOPIC" --protocol email ' in subscribed
    assert '--sns-topic-arn "$TOPIC" ' in events
    [database] = re.findall(r"create-db-instance --db-instance-identifier (\S+)", str(lines(name)))
    assert f"--source-type db-instance --source-ids {database} " in events
    categories = re.findall(r'"[^"]*"|\S+', events.partition("--event-categories ")[2])
    assert {"failover", "failure", '"low storage"'} <= set(categories)
