"""Every command of the page and of the runbook is valid for the tool, aws or the shell."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from deploy.aws import template
from deploy.aws.larder_aws.__main__ import parser
from deploy.aws.tests.conftest import STACKS
from deploy.aws.tests.pages import (
    DOWN,
    PAGES,
    ROADS,
    ROOT,
    asked_of_aws,
    blocks,
    commands,
    in_sentences,
    indented_blocks,
)

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
        "--no-fail-on-empty-changeset",
    },
}
"""Commands that the aws tool has beside the requests of the services."""


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
        # What an earlier run has deleted.
        'case "$*" in *modify-*) exit 254 ;; esac\n'
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


def test_what_an_earlier_run_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    """After a restore the damaged instance keeps the subnets, when the database is deleted."""
    done = down(tmp_path, "production", "production-database")
    assert (done.returncode, "deleted: larder-production-database" in done.stdout) == (0, True)
    log = (tmp_path / "aws.log").read_text()
    assert "aws rds modify-db-instance " in log


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


def git(words: list[str]) -> None:
    assert words[0] in {"switch", "pull"}


def shell(words: list[str]) -> None:
    assert (ROOT / words[0]).is_file()


def test_the_owner_has_its_password_while_a_role_is_made() -> None:
    """A rotation goes on when its command has ended."""
    both = [one for one in blocks(PAGES[1]) if "rotate app" in one and "rotate owner" in one]
    assert both == []


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
