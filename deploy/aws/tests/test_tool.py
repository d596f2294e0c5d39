"""The tool, from an empty account to a restored database, against the emulator."""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto.cloudformation.models import cloudformation_backends

from deploy.aws import template
from deploy.aws.larder_aws import images, pause, releases, stacks
from deploy.aws.larder_aws.__main__ import counted, main
from deploy.aws.larder_aws.failure import Failure
from deploy.aws.larder_aws.stacks import ACCOUNT, Installation
from deploy.aws.tests.installation import (
    ENHANCED,
    SCANS,
    families_run,
    make_image,
    serving,
    tasks_begun,
)


def test_an_image_is_built_in_two_steps_and_pushed_under_its_tag(shop: Path) -> None:
    answers = [json.loads(line) for line in shop.read_text().splitlines()[:5]]
    assert [words[0] for words in answers] == ["build", "build", "login", "tag", "push"]
    assert [one.partition("=")[0] for one in answers[0] if "=" in one] == ["REVISION", "CREATED"]
    assert "REVISION=unknown" not in answers[0]
    assert answers[1][3:] == [
        *("--tag", "larder-aws:first", "--build-arg", "IMAGE=larder:first"),
        *("--file", "deploy/aws/Dockerfile", "deploy/aws"),
    ]
    assert answers[4][1].endswith(".amazonaws.com/larder:first")


def test_the_database_is_prepared_before_any_server_is_created(shop: Path) -> None:
    assert any(one.startswith("larder-production-prepare:") for one in families_run())
    assert serving() == releases.released(Installation("production"))[0]


def test_a_release_serves_the_new_image_and_a_rollback_the_former_one(shop: Path) -> None:
    before = serving()
    second = make_image("second")
    main(["release", "--tag", "second"])
    assert serving() == second != before
    main(["rollback"])
    assert serving() == before
    assert releases.released(Installation("production")) == [before, second, before]


def test_a_rollback_of_a_release_that_ended_after_the_servers(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No image before the one that served prepared the database that it finds."""
    before, change = serving(), Installation.change_image

    def refused(self: Installation, stack: str, image: str) -> str:
        if stack == "worker":
            raise Failure("larder-production-worker is UPDATE_ROLLBACK_COMPLETE")
        return change(self, stack, image)

    third = make_image("third")
    monkeypatch.setattr(Installation, "change_image", refused)
    with pytest.raises(SystemExit, match="UPDATE_ROLLBACK_COMPLETE"):
        main(["release", "--tag", "third"])
    assert serving() == third
    monkeypatch.undo()
    main(["rollback"])
    assert serving() == before


def test_a_release_that_cannot_prepare_does_not_change_the_servers(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.ecs import models

    before = serving()
    plain = models.Container.__init__

    def failing(self: Any, *given: Any) -> None:
        plain(self, *given)
        self.exitCode = 3

    monkeypatch.setattr(models.Container, "__init__", failing)
    make_image("broken")
    with pytest.raises(SystemExit, match="ended with 3"):
        main(["release", "--tag", "broken"])
    assert serving() == before


def test_the_region_is_the_one_that_the_pages_export(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    main(["status"])
    assert "server: " in capsys.readouterr().out


def test_a_second_bootstrap_keeps_the_provider_that_the_first_made(shop: Path) -> None:
    main(["bootstrap"])
    assert Installation("all").parameter(ACCOUNT, "GitHubProviderArn") == ""
    assert Installation("all").parameter(ACCOUNT, "GitHubRepository") == "larder-shop/larder"


def test_a_second_push_of_a_tag_reports_the_image_that_ecr_keeps(shop: Path, capsys: Any) -> None:
    before = shop.read_text()
    main(["push", "--tag", "first"])
    assert f"keeps it, {images.named('first')}" in capsys.readouterr().out
    assert shop.read_text() == before


def test_an_unknown_tag_is_refused_before_anything_changes(shop: Path) -> None:
    with pytest.raises(SystemExit, match="Run `build` and `push` first"):
        main(["release", "--tag", "nowhere"])


def test_an_unknown_setting_is_refused(shop: Path) -> None:
    with pytest.raises(SystemExit, match="No template takes Curency"):
        main(["up", "--tag", "first", "--set", "Curency=EUR"])


def test_a_chosen_setting_is_kept_by_a_later_up(shop: Path) -> None:
    main(["up", "--tag", "first", "--set", "Registration=open"])
    installation = Installation("production")
    assert installation.parameter("service", "Currency") == "EUR"
    assert installation.parameter("service", "Registration") == "open"
    assert installation.parameter("database", "Size") == "medium"


def test_an_image_without_a_scan_is_refused(shop: Path) -> None:
    image = images.named("first")
    SCANS.extend([("none", {}), ("IN_PROGRESS", {}), ("COMPLETE", {"LOW": 1})])
    assert images.findings(image, poll_seconds=0.01)["findingSeverityCounts"] == {"LOW": 1}
    assert not SCANS
    for status in ("FAILED", "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED"):
        SCANS.append((status, {}))
        with pytest.raises(SystemExit, match=f"is {status}"):
            main(["release", "--tag", "first"])


@pytest.mark.parametrize(
    ("severity", "fix", "result"),
    [
        ("CRITICAL", "YES", "refused"),
        ("HIGH", "PARTIAL", "refused"),
        ("HIGH", "NO", "good"),
        ("MEDIUM", "YES", "good"),
    ],
)
def test_an_image_with_a_serious_fixable_finding_is_refused(
    shop: Path, severity: str, fix: str, result: str
) -> None:
    image = images.named("first")
    ENHANCED.append({"severity": severity, "fixAvailable": fix})
    SCANS.append(("ACTIVE", {severity: 1}))
    if result == "refused":
        with pytest.raises(Failure, match="a newer package fixes"):
            images.refuse_grave(image)
    else:
        assert images.refuse_grave(image) == "scan: nothing grave that has a fix"
    ENHANCED.clear()


def test_a_basic_scan_refuses_no_image_and_reports_it(shop: Path) -> None:
    SCANS.append(("COMPLETE", {"HIGH": 1, "LOW": 4}))
    said = images.refuse_grave(images.named("first"))
    assert said == "scan: {'HIGH': 1}; a basic scan does not say which of them have a fix"


def wanted() -> list[int]:
    """How many servers and workers are to run."""
    found = boto3.client("ecs").describe_services(
        cluster="larder-production", services=["server", "worker"]
    )["services"]
    return [one["desiredCount"] for one in found]


def test_a_pause_stops_all_tasks_and_its_end_starts_those_of_the_size(shop: Path) -> None:
    def limits() -> tuple[int, int]:
        scaling = boto3.client("application-autoscaling")
        [found] = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        return found["MinCapacity"], found["MaxCapacity"]

    before = limits()
    main(["pause"])
    assert (limits(), wanted()) == ((0, 0), [0, 0])
    main(["resume"])
    assert (limits(), wanted()) == (before, [2, 1])
    assert before == (2, 8)


def test_a_pause_waits_for_tasks_that_are_being_stopped() -> None:
    """Such a task is not among the running ones of its service, and ends its requests."""
    ecs = boto3.client("ecs", region_name="eu-west-2")

    def paused(*statuses: str) -> bool:
        with Stubber(ecs) as answers:
            answers.add_response("list_tasks", {"taskArns": []})
            answers.add_response("list_tasks", {"taskArns": ["one"] * len(statuses)})
            tasks = [{"lastStatus": status} for status in statuses]
            answers.add_response("describe_tasks", {"tasks": tasks})
            answers.add_response("list_tasks", {"taskArns": []})
            answers.add_response("list_tasks", {"taskArns": []})
            return {*pause._statuses(ecs, "larder-production")} <= {*pause.ENDED}

    for status in ("DEACTIVATING", "STOPPING"):
        assert not paused("STOPPED", status)
    assert paused("STOPPED", "DEPROVISIONING")


def test_what_is_released_while_the_shop_is_paused_starts_with_its_end(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["pause"])
    make_image("meanwhile")
    main(["release", "--tag", "meanwhile"])
    assert wanted() == [0, 0]
    main(["rollback"])
    main(["up", "--tag", "meanwhile"])
    assert wanted() == [0, 0]
    # The emulator changes no service; CloudFormation leaves a count that no template names.
    for stack, name in (("service", "Server"), ("worker", "Worker")):
        assert "DesiredCount" not in template.read(stack)["Resources"][name]["Properties"]
    main(["resume"])
    monkeypatch.setattr(pause, "_workers", lambda of: 2)
    main(["up", "--tag", "meanwhile"])
    assert wanted() == [2, 2]
    monkeypatch.undo()
    main(["up", "--tag", "meanwhile"])
    assert wanted() == [2, 1]


@pytest.mark.parametrize("status", stacks.UNMADE)
def test_a_failed_stack_is_created_again(
    shop: Path, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The emulator cannot delete a whole network: one resource, for what is done about the stack.
    (tmp_path / "network.yaml").write_text("Resources: {Topic: {Type: 'AWS::SNS::Topic'}}\n")
    monkeypatch.setattr(template, "FOLDER", tmp_path)
    installation = Installation(f"again-{stacks.UNMADE.index(status)}")
    installation.apply("network")
    name = installation.name("network")
    [stack] = [
        one
        for one in cloudformation_backends["123456789012"]["eu-west-2"].stacks.values()
        if one.name == name and one.status == "CREATE_COMPLETE"
    ]
    stack.status = status
    assert installation.apply("network") == "made"
    [now] = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    assert (now["StackStatus"], now["StackId"] == stack.stack_id) == ("CREATE_COMPLETE", False)


def typed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the next command reads, as through a pipe."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{line}\n"))


@pytest.mark.parametrize(
    ("name", "secret", "families"),
    [
        ("readonly_password", "ReadonlySecret", {"larder-production-prepare"}),
        ("otlp_headers", "TracesSecret", set()),
    ],
)
def test_changed_secrets_restart_the_services_that_use_them(
    shop: Path, monkeypatch: pytest.MonkeyPatch, name: str, secret: str, families: set[str]
) -> None:
    before = len(families_run())
    typed("api-key=something", monkeypatch)
    main(["secret", name])
    found = Installation("production").outputs()[secret]
    words = boto3.client("secretsmanager").get_secret_value(SecretId=found)["SecretString"]
    assert json.loads(words) == {name: "api-key=something"}
    begun = families_run()[before:] if families else []
    assert {one.partition(":")[0] for one in begun} == families


def test_mail_is_enabled_when_it_has_a_sender_address(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other() -> dict[str, str]:
        found = Installation("production").outputs()["OtherSecret"]
        words = boto3.client("secretsmanager").get_secret_value(SecretId=found)["SecretString"]
        return dict(json.loads(words))

    before, mail = other(), "smtp+tls://shop:secret@mail.example.com:587"
    typed(mail, monkeypatch)
    with pytest.raises(SystemExit, match="MailFrom=Shop"):
        main(["secret", "email_url"])
    assert other() == before
    main(["up", "--tag", "first", "--set", "MailFrom=Shop <shop@example.com>"])
    typed(mail, monkeypatch)
    main(["secret", "email_url"])
    # A name that were missing here would keep every task from starting.
    assert other() == before | {"email_url": mail}
    assert len(before["metrics_token"]) == 40


def test_sessions_and_keys_that_could_not_be_ended_are_reported(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.ecs import models

    plain = models.Container.__init__

    def failing(self: Any, *given: Any) -> None:
        plain(self, *given)
        self.exitCode = 1

    monkeypatch.setattr(models.Container, "__init__", failing)
    with pytest.raises(SystemExit, match="ended with 1"):
        main(["end-sessions-and-keys"])


def test_a_task_that_ecs_does_not_know_yet_is_waited_for(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.ecs.models import EC2ContainerServiceBackend

    plain, answers = EC2ContainerServiceBackend.describe_tasks, [list[Any]()]

    def late(self: Any, *given: Any) -> list[Any]:
        return answers.pop() if answers else plain(self, *given)

    monkeypatch.setattr(EC2ContainerServiceBackend, "describe_tasks", late)
    main(["migrate"])
    assert answers == []


def test_other_subcommands_of_the_tool_are_executed(shop: Path, capsys: Any) -> None:
    main(["command", "--", "check_invariants"])
    main(["command", "--owner", "--", "shell"])
    assert tasks_begun()[-2:] == [
        ("command", ["python", "manage.py", "check_invariants"]),
        ("prepare", ["python", "manage.py", "shell"]),
    ]
    main(["migrate"])
    main(["status"])
    said = capsys.readouterr().out
    assert "aws logs tail /larder/production/app" in said
    assert re.search(r"^server: \d of \d run, all started after 20\d\d-", said, re.MULTILINE)


def test_a_service_is_replaced_when_its_former_deployment_is_gone() -> None:
    """A rolling replacement begins and ends with as many tasks as are wanted."""
    now, former = (datetime(2026, 11, 29, hour, tzinfo=UTC) for hour in (12, 9))
    counts = {"serviceName": "server", "runningCount": 2, "desiredCount": 2}
    said = [
        counted(counts | {"deployments": [{"createdAt": one} for one in begun]})
        for begun in ([former, now], [now])
    ]
    assert said == [
        "server: 2 of 2 run, being replaced since 2026-11-29 12:00:00 UTC",
        "server: 2 of 2 run, all started after 2026-11-29 12:00:00 UTC",
    ]


@pytest.mark.parametrize(("size", "count"), [("", 1), ("large", 2)])
def test_workers_of_a_stack_without_their_count_are_those_of_its_size(
    shop: Path, monkeypatch: pytest.MonkeyPatch, size: str, count: int
) -> None:
    """Its template is of an earlier version until the next `up`."""
    installation = Installation("production")
    monkeypatch.setattr(Installation, "outputs", lambda self: {})
    monkeypatch.setattr(Installation, "parameter", lambda *of: size)
    assert pause._workers(installation) == count
