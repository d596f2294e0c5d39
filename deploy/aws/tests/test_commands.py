"""Every command of the page and of the runbook is valid for the tool, aws or the shell."""

from __future__ import annotations

import re
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import botocore.session
import jmespath
import pytest
from botocore import xform_name

from deploy.aws import template
from deploy.aws.larder_aws.__main__ import parser
from deploy.aws.tests.conftest import STACKS

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("deploy/aws/README.md", "docs/how-to/runbooks/aws.md")
ROADS = tuple(
    f"docs/how-to/deploy/{name}.md"
    for name in ("ec2", "ecs-ec2", "eks", "elastic-beanstalk", "terraform", "watching")
)
SENTENCES = (
    *PAGES,
    *ROADS,
    *(f"docs/how-to/runbooks/{name}.md" for name in ("alerts", "backup-and-restore")),
)
"""Pages whose sentences and tables name commands of the tool and of aws."""
DOWN = ROOT / "deploy/aws/down.sh"
GLOBAL = {"--query", "--output", "--region", "--profile", "--no-cli-pager"}
OF_THE_CLI = {
    ("logs", "tail"): {"--since", "--follow", "--filter-pattern", "--format"},
    ("ecr", "get-login-password"): set[str](),
    ("eks", "update-kubeconfig"): {"--name"},
    ("s3", "cp"): set[str](),
    ("s3", "mb"): set[str](),
    # The request has Endpoint, which the tool has for all commands.
    ("sns", "subscribe"): {"--topic-arn", "--protocol", "--notification-endpoint"},
    # A rule in words, in place of the request's IpPermissions.
    **{
        ("ec2", f"{verb}-security-group-ingress"): {
            *("--group-id", "--ip-permissions", "--protocol", "--port", "--cidr", "--source-group"),
        }
        for verb in ("authorize", "revoke")
    },
    # The request requires MinCount and MaxCount, which the tool sets to 1.
    ("ec2", "run-instances"): {
        *("--instance-type", "--subnet-id", "--security-group-ids", "--image-id", "--user-data"),
        *("--iam-instance-profile", "--metadata-options", "--tag-specifications"),
    },
    ("cloudformation", "deploy"): {
        *("--stack-name", "--template-file", "--capabilities", "--parameter-overrides"),
    },
}
"""Commands that the aws tool has beside the requests of the services."""


def blocks(page: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Each line of each block, what is within $(…), without leading assignments, and what a loop
    waits for."""
    found = []
    for page in PAGES:
        for whole in "".join(blocks(page)).splitlines():
            line = re.sub(r"^AWS_REGION=\S+ ", "", whole)
            inner = re.findall(r"\$\(([^|)]*)", line)
            waited = re.match(r"(?:while|until) ([^|;]*)", line)
            if waited:
                found.append(waited[1])
            else:
                found += inner if re.match(r"[A-Z]+=\$\(", line) else [line]
    return [one for one in found if not one.startswith(("export ", "#"))]


def asked_of_aws() -> list[list[str]]:
    """The words of every command of the aws tool on the pages of the roads, those within others
    too; without what is quoted."""
    found = []
    texts = [*("".join(indented_blocks(page)) for page in ROADS), DOWN.read_text()]
    texts += [f"{one}\n" for one in in_sentences() if re.match("aws .* --", one)]
    for whole in texts:
        text = whole.replace("\\\n", " ")
        text = re.sub(r"'[^']*'", "QUOTED", text)
        while inner := re.search(r"\$\(([^()]*)\)", text):
            found.append(inner[1])
            text = text.replace(inner[0], "INNER")
        found += text.splitlines()
    found = [one for line in found for one in re.findall(r"\baws [^|;&#]*", line)]
    return [one.replace('"', "").split()[1:] for one in found]


def in_sentences() -> list[str]:
    """What the sentences and tables of the pages name as code."""
    return [
        one
        for page in SENTENCES
        for one in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", (ROOT / page).read_text())
    ]


def indented_blocks(page: str) -> list[str]:
    """Blocks of lists too."""
    return re.findall(r"^ *```sh\n(.*?)^ *```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ROADS)
def test_the_shell_can_read_every_block_of_a_road(page: str) -> None:
    assert indented_blocks(page)
    for block in indented_blocks(page):
        read = subprocess.run(["bash", "-n"], input=block, text=True, check=False)
        assert read.returncode == 0, block


def test_every_stack_of_an_installation_is_deleted() -> None:
    subprocess.run(["sh", "-n", DOWN], check=True)
    (stacks,) = re.findall(r"^for stack in (.*); do$", DOWN.read_text(), re.MULTILINE)
    assert {*stacks.split()} == {*STACKS} - {"account"}
    named = re.findall(r"\$\(resource (\w+) (\w+)\)", DOWN.read_text())
    assert len(named) == 3
    assert all(name in template.read(stack)["Resources"] for stack, name in named)
    # What the tool itself makes.
    [noted] = re.findall(
        r'^aws ssm delete-parameter --name "(\S+)"', DOWN.read_text(), re.MULTILINE
    )
    written = f":parameter{noted.replace('$environment', '${Environment}')}\n"
    assert written in template.text("release")


def test_nothing_is_deleted_without_the_name_of_the_installation(tmp_path: Path) -> None:
    done = down(tmp_path, "staging")
    expected = "Nothing was deleted: type production to delete it.\n"
    assert (done.returncode, done.stderr) == (1, expected)
    assert (tmp_path / "aws.log").read_text() == "aws sts get-caller-identity\n"


def down(folder: Path, typed: str, stacks: str = "none") -> subprocess.CompletedProcess[str]:
    """What down.sh does in a region with these stacks (a pattern of the shell)."""
    (folder / "aws").write_text(
        '#!/bin/sh\necho "aws $*" >>"$0.log"\n'
        f'case "$*" in *describe-stack*{stacks}*) ;; *describe-stack*) exit 254 ;; esac\n'
    )
    (folder / "aws").chmod(0o755)
    return subprocess.run(
        ["sh", DOWN, "production"],
        input=f"{typed}\n",
        env={"PATH": f"{folder}:/usr/bin:/bin", "AWS_REGION": "eu-west-9"},
        text=True,
        capture_output=True,
        check=False,
    )


def test_a_region_without_the_installation_is_an_error(tmp_path: Path) -> None:
    done = down(tmp_path, "production")
    assert (done.returncode, "… is in eu-west-9. Set AWS_REGION" in done.stderr) == (1, True)
    # Also the rest of one, when the script is run again.
    again = down(tmp_path, "production", "production-network")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.endswith("deleted: larder-production-network\n")


@pytest.mark.parametrize("words", asked_of_aws(), ids=" ".join)
def test_aws_has_every_command_of_the_roads(words: list[str]) -> None:
    aws(words)


@pytest.mark.parametrize("page", PAGES)
def test_the_shell_can_read_every_block(page: str) -> None:
    assert blocks(page)
    for block in blocks(page):
        subprocess.run(["sh", "-n"], input=block, text=True, check=True)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_valid(command: str) -> None:
    words = shlex.split(command)
    check = {"deploy/aws/run": tool, "aws": aws, "git": git, "sh": shell}
    assert words[0] in check, f"{words[0]} is not checked"
    check[words[0]](words[1:])


@pytest.mark.parametrize(
    "command", [one for one in in_sentences() if re.match("deploy/aws/run [a-z]", one)]
)
def test_every_command_of_the_tool_in_a_sentence_is_valid(command: str) -> None:
    tool(shlex.split(command.removesuffix("…"))[1:])


def tool(words: list[str]) -> None:
    given = parser().parse_args(words)
    for one in getattr(given, "set", []):
        name = one.partition("=")[0]
        assert any(name in template.read(stack).get("Parameters", {}) for stack in STACKS)
    if hasattr(given, "words"):
        name = given.words[1]
        theirs = {"createsuperuser", "shell"}
        assert name in theirs or list(ROOT.glob(f"larder/*/management/commands/{name}.py"))


def aws(words: list[str]) -> None:
    """Service, operation and options as botocore's model has them; every required one is given."""
    service, operation, *rest = words
    options = {one for one in rest if one.startswith("--")}
    if (service, operation) in OF_THE_CLI:
        assert options <= OF_THE_CLI[service, operation]
        return
    session = botocore.session.get_session()
    # The tool names the requests of S3 so: `aws s3` copies files.
    service = "s3" if service == "s3api" else service
    model = session.get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation == "wait":
        waiters = session.get_waiter_model(service)
        named = {xform_name(name, "-"): name for name in waiters.waiter_names}
        assert rest[0] in named, f"aws {service} wait has no {rest[0]}"
        operation = xform_name(waiters.get_waiter(named[rest[0]]).operation, "-")
    assert operation in names, f"aws {service} has no {operation}"
    shape = model.operation_model(names[operation]).input_shape
    members: dict[str, Any] = dict(shape.members) if shape else {}
    known = {f"--{xform_name(name, '-')}" for name in members}
    booleans = {
        f"--no-{xform_name(name, '-')}"
        for name, one in members.items()
        if one.type_name == "boolean"
    }
    assert options - GLOBAL <= known | booleans
    required = {f"--{xform_name(name, '-')}" for name in (shape.required_members if shape else [])}
    assert required <= options | {f"--{one[5:]}" for one in options & booleans}


NEEDED = {
    "start-restore-job": {"--iam-role-arn", "--resource-type", "--metadata"},
    "restore-db-instance-from-db-snapshot": {
        *("--db-subnet-group-name", "--vpc-security-group-ids", "--db-parameter-group-name"),
        *("--multi-az", "--no-publicly-accessible"),
    },
    "restore-db-cluster-to-point-in-time": {
        *("--db-subnet-group-name", "--vpc-security-group-ids"),
        "--db-cluster-parameter-group-name",
    },
    "restore-db-cluster-from-snapshot": {
        *("--db-subnet-group-name", "--vpc-security-group-ids"),
        # Otherwise the default version of the region, which may be the next major one.
        *("--db-cluster-parameter-group-name", "--engine-version"),
    },
    # With AWS's key for backups, copies of a database fail.
    "create-backup-vault": {"--encryption-key-arn"},
    # The network has a way in from the internet.
    "create-db-instance": {"--no-publicly-accessible"},
}
"""Options that AWS does not require, but without which the restored one does not fit."""


@pytest.mark.parametrize("operation", NEEDED)
def test_a_restored_database_fits_into_the_network_with_its_settings(operation: str) -> None:
    found = [one for one in commands() if f" {operation} " in one]
    assert found
    assert all(set(shlex.split(one)) >= NEEDED[operation] for one in found)


def options(*commands: str) -> dict[str, str]:
    """The options of commands with their values; a switch has the one of the next option."""
    words = [one for line in commands for one in shlex.split(line)]
    pairs = {one: value for one, value in pairwise([*words, ""]) if one.startswith("--")}
    return {one.replace("--no-", "--"): value for one, value in pairs.items()}


def chosen(resource: str) -> dict[str, Any]:
    """What the template chooses for a resource, by the options of the aws tool."""
    found = template.read("database")["Resources"][resource]["Properties"]
    return {f"--{xform_name(name, '-')}": value for name, value in found.items()}


OF_THE_BACKUP = {
    *("--allocated-storage", "--storage-encrypted", "--kms-key-id", "--engine-version"),
    *("--database-name", "--master-username"),
}
"""What a restore takes from a backup."""
RESTORES = ["restore-db-cluster-to-point-in-time", "restore-db-cluster-from-snapshot"]


@pytest.mark.parametrize("operation", RESTORES)
def test_a_restored_cluster_has_the_settings_of_the_template(operation: str) -> None:
    """Neither a restore nor `up` gives it those that no command names."""
    (restored,) = [one for one in commands() if f" {operation} " in one]
    (changed,) = [one for one in commands() if "modify-db-cluster" in one and "password" in one]
    given = options(restored, changed)
    # "Uses existing setting".
    kept = OF_THE_BACKUP | {"--backup-retention-period", "--engine"}
    assert {*chosen("Cluster")} - kept <= {*given}
    for window in ("--preferred-backup-window", "--preferred-maintenance-window"):
        assert given[window] == chosen("Cluster")[window]
    assert [given["--enable-cloudwatch-logs-exports"]] == chosen("Cluster")[
        "--enable-cloudwatch-logs-exports"
    ]


@pytest.mark.parametrize("resource", ["Writer", "Reader"])
def test_the_instances_of_a_restored_cluster_have_the_settings_of_the_template(
    resource: str,
) -> None:
    (made,) = [
        one for one in commands() if "create-db-instance" in one and f"-{resource.lower()}" in one
    ]
    assert {*chosen(resource)} - {"--auto-minor-version-upgrade"} <= {*options(made)}


def test_an_instance_from_a_backup_has_the_settings_of_the_template() -> None:
    """The metadata of a backup have what a restore takes, and no more."""
    model = botocore.session.get_session().get_service_model("rds")
    request = model.operation_model("RestoreDBInstanceFromDBSnapshot").input_shape
    assert request
    taken = {f"--{xform_name(name, '-')}" for name in request.members}
    (changed,) = [one for one in commands() if "modify-db-instance" in one and "password" in one]
    asked, given = chosen("Primary"), options(changed)
    # The resource's name for what the request calls VpcSecurityGroupIds.
    assert {*asked} - taken - OF_THE_BACKUP - {"--vpc-security-groups"} <= {*given}
    for window in ("--preferred-backup-window", "--preferred-maintenance-window"):
        assert given[window] == asked[window]
    sizes = template.read("database")["Mappings"]["Sizes"]["small"]
    for option, name in {
        "--max-allocated-storage": "Most",
        "--backup-retention-period": "Days",
    }.items():
        assert given[option] == str(sizes[name])


def test_metadata_of_a_backup_are_set_that_have_an_effect() -> None:
    """AWS Backup takes the names of this request, and others that it passes over.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/restoring-rds.html
    """
    model = botocore.session.get_session().get_service_model("rds")
    request = model.operation_model("RestoreDBInstanceFromDBSnapshot").input_shape
    page = (ROOT / PAGES[1]).read_text()
    named = [
        name
        for sentence in re.findall(r"Set its (`DBInstanceIdentifier`[^.]*)", page)
        for name in re.findall(r"`([A-Z]\w+)`", sentence)
    ]
    assert request
    assert len(named) == 5
    assert {*named} <= {*request.members}


def test_a_restored_cluster_has_the_instances_of_the_stack() -> None:
    """Under other names the stack would change, and `down.sh` delete, those of the damaged one."""
    resources = template.read("database")["Resources"]
    names = {
        resources[one]["Properties"]["DBInstanceIdentifier"]["Fn::Sub"]
        for one in ("Writer", "Reader")
    }
    for verb in ("delete", "create"):
        asked = [shlex.split(one) for one in commands() if f" {verb}-db-instance " in one]
        found = {one[4].replace("$INSTALLATION", "${Environment}") for one in asked}
        assert {one for one in found if not re.search("until|replica", one)} == names


def test_a_record_that_another_installation_took_over_is_left_to_it() -> None:
    """Route 53 deletes a record by its whole value alone, and CloudFormation has the former one."""
    (deleted,) = [shlex.split(one) for one in commands() if "--retain-resources" in one]
    stack = deleted[deleted.index("--stack-name") + 1].removeprefix("larder-production-")
    name = deleted[deleted.index("--retain-resources") + 1]
    assert template.read(stack)["Resources"][name]["Type"] == "AWS::Route53::RecordSet"


def test_the_damaged_instance_of_a_restore_can_be_deleted() -> None:
    """A restored one is protected, and a later restore makes it the damaged one."""
    assert "DeletionProtection=True" in (ROOT / "deploy/aws/larder_aws/restore.py").read_text()
    asked = [shlex.split(one) for one in commands() if "larder-production-until-" in one]
    assert [one[2] for one in asked] == ["modify-db-instance", "delete-db-instance"]
    assert "--no-deletion-protection" in asked[0]
    assert asked[0][4] == asked[1][4]


def test_a_lost_region_is_restored_under_the_name_that_is_swapped() -> None:
    page = (ROOT / PAGES[1]).read_text()
    section = page.partition("\n## Loss of a region\n")[2].partition("\n## ")[0]
    steps = [
        "backup create-backup-vault --backup-vault-name larder-copies",
        "run up --set",
        "route53 change-resource-record-sets",
        "run up --environment recovery",
        "backup start-restore-job",
        "wait db-instance-available --db-instance-identifier larder-recovery-restored",
        "run restore --environment recovery --swap",
        "run resume --environment recovery",
    ]
    places = [section.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)
    # The names of roles are those of the lost installation, in all regions.
    after = section.partition("\nexport AWS_REGION=")[2]
    assert "production" not in after
    assert "--github " not in after
    _, *given = re.findall(r"^deploy/aws/run (?!bootstrap|build|push)(.*)$", section, re.MULTILINE)
    assert [one for one in given if "--environment recovery" not in one] == []


def test_the_region_is_changed_in_a_block_that_the_same_region_leaves_out() -> None:
    """After an upgrade the other blocks make an installation in the region of the lost database."""
    page = (ROOT / PAGES[1]).read_text()
    assert "[the loss of a region](#loss-of-a-region), but without the block with `exp" in page
    (there,) = [one for one in blocks(PAGES[1]) if "\ndeploy/aws/run bootstrap\n" in one]
    *_, last = there.splitlines()
    assert last == "deploy/aws/run bootstrap"
    assert there.count("\n") == 2


def test_the_former_record_is_deleted_as_it_is() -> None:
    """Route 53 refuses to delete a record that is not given whole."""
    (line,) = [one for one in commands() if " list-resource-record-sets " in one]
    words = shlex.split(line)
    ours = {"Name": "shop.example.com.", "Type": "A", "AliasTarget": {"DNSName": "balancer."}}
    others = [ours | {"Name": "www.example.com."}, {"Name": ours["Name"], "Type": "MX"}]
    found = jmespath.search(
        words[words.index("--query") + 1], {"ResourceRecordSets": [*others, ours]}
    )
    assert found == {"Changes": [{"Action": "DELETE", "ResourceRecordSet": ours}]}


def test_a_database_restored_by_hand_gets_the_current_password() -> None:
    changes = [one for one in commands() if "--master-user-password" in one]
    assert {shlex.split(one)[2] for one in changes} == {"modify-db-instance", "modify-db-cluster"}


def git(words: list[str]) -> None:
    assert words[0] in {"switch", "pull"}


def shell(words: list[str]) -> None:
    assert (ROOT / words[0]).is_file()


def test_the_templates_contain_the_code_of_the_rotation() -> None:
    code = (ROOT / "deploy/aws/rotation.py").read_text()
    function = template.read("rotation")["Resources"]["Rotation"]["Properties"]
    assert function["Code"]["ZipFile"] == code
    assert len(code) <= 4096


@pytest.mark.parametrize("stack", STACKS)
def test_each_parameter_has_a_description(stack: str) -> None:
    for declared in template.read(stack)["Parameters"].values():
        assert declared.get("Description")


@pytest.mark.parametrize("stack", ["service", "worker"])
def test_traces_are_sent_only_to_open_ports(stack: str) -> None:
    pattern = template.read(stack)["Parameters"]["TracesEndpoint"]["AllowedPattern"]
    good = ("", "https://otlp.example.com", "https://otlp.example.com:443/otlp")
    bad = ("http://otlp.example.com", "https://otlp.example.com:4318", "otlp.example.com")
    assert [one for one in (*good, *bad) if re.fullmatch(pattern, one)] == list(good)


def test_every_alarm_is_in_the_runbook() -> None:
    page = (ROOT / "docs/how-to/runbooks/aws.md").read_text()
    alarms = {
        resource["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("larder-${Environment}-")
        for stack in STACKS
        for resource in template.read(stack)["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    answers = set(re.findall(r"`-?([a-z][a-z-]+)`", page)) | {"database-memory"}
    assert alarms <= answers
