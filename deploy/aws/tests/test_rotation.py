"""Each secret is rotated as Secrets Manager does it, in the emulator."""

from __future__ import annotations

import importlib
import json
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deploy.aws.larder_aws.__main__ import main
from deploy.aws.larder_aws.stacks import Installation
from deploy.aws.tests.installation import families_run


def rotated(secret: str, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, str], dict[str, str]]:
    """The function's four steps for a secret, as Secrets Manager calls them: before, after."""
    outputs = Installation("production").outputs()
    for name, value in {
        "CLUSTER": outputs["ClusterName"],
        "TASK": "larder-production-prepare-pending",
        "SUBNETS": outputs["AppSubnets"],
        "GROUP": outputs["AppGroup"],
        "ENGINE": "postgres",
        "DATABASE": outputs["DatabaseId"],
    }.items():
        monkeypatch.setenv(name, value)
    rotation = importlib.reload(importlib.import_module("deploy.aws.rotation"))
    manager, token = boto3.client("secretsmanager"), str(uuid.uuid4())

    def current() -> dict[str, str]:
        text = manager.get_secret_value(SecretId=outputs[secret], VersionStage="AWSCURRENT")[
            "SecretString"
        ]
        return dict(json.loads(text))

    before = current()
    for step in ("createSecret", "createSecret", "setSecret", "testSecret", "finishSecret"):
        event = {"SecretId": outputs[secret], "ClientRequestToken": token, "Step": step}
        rotation.handler(event, None)
    # Secrets Manager ends a rotation with this; the emulator would wait for it for ever.
    stages = manager.describe_secret(SecretId=outputs[secret])["VersionIdsToStages"]
    for version in (version for version, names in stages.items() if "AWSPENDING" in names):
        manager.update_secret_version_stage(
            SecretId=outputs[secret], VersionStage="AWSPENDING", RemoveFromVersionId=version
        )
    return before, current()


def test_the_passwords_of_the_app_role_alternate(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = rotated("AppSecret", monkeypatch)
    _, third = rotated("AppSecret", monkeypatch)
    assert ("//larder_app_a:" in first["url"], "//larder_app_b:" in second["url"]) == (True, True)
    assert "//larder_app_a:" in third["url"]
    assert third["url"] != first["url"]
    assert second["replica_urls"].partition("@")[0] == second["url"].partition("@")[0]
    assert any("prepare-pending" in one for one in families_run())


def test_the_next_signing_key_is_announced_one_rotation_ahead(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, announced = rotated("SigningSecret", monkeypatch)
    assert announced["key"] == made["key"]
    _, turned = rotated("SigningSecret", monkeypatch)
    assert turned["key"] == announced["fallbacks"]
    assert turned["fallbacks"].split(",")[1] == made["key"]


def test_the_owners_password_is_changed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = rotated("OwnerSecret", monkeypatch)
    assert before["username"] == after["username"] == "larder_owner"
    assert before["password"] != after["password"]


TASK = {"taskArn": "arn:aws:ecs:eu-west-2:123456789012:task/larder-production/1"}


def run(monkeypatch: pytest.MonkeyPatch, started: dict[str, Any], *described: Any) -> None:
    """The function runs its task; ECS answers so."""
    for name in ("CLUSTER", "TASK", "SUBNETS", "GROUP"):
        monkeypatch.setenv(name, "one")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    monkeypatch.setattr("botocore.waiter.time.sleep", lambda seconds: None)
    rotation = importlib.reload(importlib.import_module("deploy.aws.rotation"))
    with Stubber(rotation.ecs) as ecs:
        ecs.add_response("run_task", started)
        for one in described:
            ecs.add_response("describe_tasks", one)
        rotation.run(["python", "manage.py", "prepare"])
        ecs.assert_no_pending_responses()


def test_a_rotation_waits_for_a_task_that_ecs_does_not_know_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unknown = {"tasks": [], "failures": [{"arn": TASK["taskArn"], "reason": "MISSING"}]}
    ended = {"tasks": [TASK | {"lastStatus": "STOPPED", "containers": [{"exitCode": 0}]}]}
    run(monkeypatch, {"tasks": [TASK]}, unknown, ended, ended)


def test_a_rotation_says_why_its_task_was_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {"tasks": [], "failures": [{"reason": "Capacity is unavailable at this time"}]}
    with pytest.raises(RuntimeError, match="Capacity is unavailable"):
        run(monkeypatch, refused)


def test_a_rotation_can_be_started_by_hand(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["rotate", "app"])
    assert "aws logs tail /aws/lambda/larder-production-rotation" in capsys.readouterr().out
