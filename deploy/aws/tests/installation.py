"""An installation that the tool has made in the emulator, and queries of it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.ecr.exceptions import ScanNotFoundException
from moto.ecr.models import ECRBackend
from moto.ecs.models import ecs_backends

from deploy.aws.larder_aws import images, stacks
from deploy.aws.larder_aws.__main__ import main
from deploy.aws.larder_aws.stacks import Installation
from deploy.aws.tests import emulator

ENGINE = """#!{python}
# Replaces docker: writes down its arguments, and puts what it pushes into the emulator's ECR,
# which does not speak the protocol of registries.
import boto3, json, os, sys
with open(os.environ["ENGINE_LOG"], "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "login":
    assert sys.stdin.read()
if sys.argv[1] == "push":
    name, tag = sys.argv[2].split("/")[-1].split(":")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    layer = {{"mediaType": kind, "size": 1, "digest": "sha256:" + tag.encode().hex().zfill(64)}}
    manifest = json.dumps(
        {{"schemaVersion": 2, "mediaType": kind, "config": layer, "layers": [layer]}}
    )
    put = dict(repositoryName=name, imageTag=tag, imageManifest=manifest)
    boto3.client("ecr").put_image(**put)
"""


@contextmanager
def made(folder: Path) -> Iterator[Path]:
    """An installation made by the tool alone; the engine's log, in the folder."""
    engine, log = folder / "docker", folder / "log"
    engine.write_text(ENGINE.format(python=sys.executable))
    engine.chmod(engine.stat().st_mode | stat.S_IXUSR)
    emulator.extend()
    with emulator.running(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(ECRBackend, "describe_image_scan_findings", scanned)
        patch.setattr(stacks.Installation.__init__, "__defaults__", quick())
        # What is waited for moves on with each look, not with the time.
        patch.setattr("botocore.waiter.time", SimpleNamespace(sleep=lambda seconds: None))
        os.environ |= {"DOCKER": str(engine), "ENGINE_LOG": str(log)}
        zone = boto3.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
        main(["bootstrap", "--github", "larder-shop/larder"])
        make_image("first")
        main(
            [
                *("up", "--tag", "first", "--size", "medium", "--domain", "shop.example.com"),
                *("--zone", zone["HostedZone"]["Id"].rpartition("/")[2]),
                *("--alarms", "operator@example.com", "--set", "Currency=EUR"),
            ]
        )
        yield log


SCANS: list[tuple[str, dict[str, int]]] = []
"""Statuses and findings that ECR tells one after the other; then that all is well."""
ENHANCED: list[dict[str, str]] = []
"""What an enhanced scan says of each finding."""


def scanned(self: Any, registry_id: str, repository_name: str, image_id: Any) -> dict[str, Any]:
    """ECR scans what is pushed (stack account); the emulator has no scanner."""
    status, counts = SCANS.pop(0) if SCANS else ("COMPLETE", {"MEDIUM": 2})
    if status == "none":
        raise ScanNotFoundException(str(image_id), repository_name, registry_id)
    return {
        "imageScanStatus": {"status": status},
        "imageScanFindings": {"findingSeverityCounts": counts, "enhancedFindings": [*ENHANCED]},
    }


def quick() -> tuple[Any, ...]:
    """The defaults of Installation, without seconds of waiting between two looks."""
    return (0.02, *(stacks.Installation.__init__.__defaults__ or ())[1:])


def make_image(tag: str) -> str:
    main(["build", "--tag", tag])
    main(["push", "--tag", tag])
    return images.named(tag)


def serving() -> str:
    """The image that the stack of the servers was given.

    The emulator does not carry a changed parameter on to task definitions; CloudFormation does.
    """
    return Installation("production").parameter("service", "Image")


def families_run() -> list[str]:
    ecs = boto3.client("ecs")
    arns = [
        arn
        for state in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster="larder-production", desiredStatus=state)["taskArns"]
    ]
    found = ecs.describe_tasks(cluster="larder-production", tasks=arns)["tasks"] if arns else []
    return [one["taskDefinitionArn"].rpartition("/")[2] for one in found]


def tasks_begun() -> list[tuple[str, list[str]]]:
    """Whose definition each task has had, and its own command; the first one first."""
    backend = ecs_backends["123456789012"]["eu-west-2"]
    begun = [one for tasks in backend.tasks.values() for one in tasks.values()]
    return [
        (
            one.task_definition_arn.rpartition("/")[2].split(":")[0].rpartition("-")[2],
            one.overrides["containerOverrides"][0].get("command", []),
        )
        for one in begun
    ]
