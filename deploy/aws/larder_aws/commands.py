"""Commands that run once, as a separate task: prepare, the audit, createsuperuser …"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import boto3

from deploy.aws.larder_aws.failure import Failure

LONGEST_SECONDS = 3_600
POLL_SECONDS = 5.0


def run(
    outputs: Mapping[str, str],
    task: str,
    command: Sequence[str] = (),
    *,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Run a task definition (`PrepareTask`, `CommandTask` of `outputs`), wait for its end.

    Raises Failure unless its container ended with 0; what it said is in the log group.
    """
    client = boto3.client("ecs")
    cluster = outputs["ClusterName"]
    network = {
        "subnets": outputs["AppSubnets"].split(","),
        "securityGroups": [outputs["AppGroup"]],
        "assignPublicIp": "DISABLED",
    }
    override: dict[str, Any] = {"name": "larder"}
    if command:
        override["command"] = list(command)
    started = client.run_task(
        cluster=cluster,
        taskDefinition=outputs[task],
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
        overrides={"containerOverrides": [override]},
    )
    if not started["tasks"]:
        raise Failure(f"Read why {outputs[task]} was not started: {started.get('failures')}")
    ended = _wait(client, cluster, started["tasks"][0]["taskArn"], poll_seconds)
    code = next((one.get("exitCode") for one in ended["containers"]), None)
    if code != 0:
        where = f"aws logs tail {outputs['LogName']} --since 15m"
        raise Failure(
            f"The task ended with {code} ({ended.get('stoppedReason')}). Read its output: {where}"
        )


def _wait(client: Any, cluster: str, task: str, poll_seconds: float) -> dict[str, Any]:
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        # ECS may not know a new task yet (eventual consistency), and then answers with no task.
        for found in client.describe_tasks(cluster=cluster, tasks=[task])["tasks"]:
            if found["lastStatus"] == "STOPPED":
                return dict(found)
        time.sleep(poll_seconds)
    raise Failure(f"{task} still runs after {LONGEST_SECONDS} s: check it in ECS.")
