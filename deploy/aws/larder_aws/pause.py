"""Servers and workers stopped, and started again, as many as their size has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3

from deploy.aws import template
from deploy.aws.larder_aws.failure import Failure
from deploy.aws.larder_aws.stacks import Installation

LONGEST_SECONDS = 900
SERVICES = ("server", "worker")
ENDED = ("DEPROVISIONING", "STOPPED", "DELETED")
"""What ECS says of a task whose containers have ended."""


def pause(installation: Installation) -> None:
    """Stop all servers and workers, and wait until the last has ended."""
    _scale(installation, least=0, most=0, workers=0)
    ecs, cluster = boto3.client("ecs"), installation.outputs()["ClusterName"]
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        if all(status in ENDED for status in _statuses(ecs, cluster)):
            return
        time.sleep(installation.poll_seconds)
    raise Failure(f"Tasks still run after {LONGEST_SECONDS} s: run `status`, which counts them.")


def _statuses(ecs: Any, cluster: str) -> Iterator[str]:
    """Yield the status of each task of the services.

    A task that is being stopped does not count as running, and ends requests that it has begun.
    """
    for service in SERVICES:
        for wanted in ("RUNNING", "STOPPED"):
            listed = ecs.get_paginator("list_tasks").paginate(
                cluster=cluster, serviceName=service, desiredStatus=wanted
            )
            for tasks in (page["taskArns"] for page in listed if page["taskArns"]):
                found = ecs.describe_tasks(cluster=cluster, tasks=tasks)["tasks"]
                yield from (one["lastStatus"] for one in found)


def resume(installation: Installation) -> tuple[int, int]:
    """Start the least of servers that the size has, and its workers; the least and the most."""
    servers = _of_size(installation, "service")
    least, most = int(servers["Least"]), int(servers["Most"])
    _scale(installation, least=least, most=most, workers=_workers(installation))
    return least, most


def follow_size(installation: Installation) -> None:
    """Let as many workers run as the size has; none while the shop is paused."""
    ecs, cluster = boto3.client("ecs"), installation.outputs()["ClusterName"]
    if not _is_paused(installation):
        ecs.update_service(cluster=cluster, service="worker", desiredCount=_workers(installation))


def refuse_another_size(installation: Installation, wanted: str | None) -> None:
    """Failure for another size of a paused shop: its least of servers would start at once."""
    has = installation.parameter("service", "Size")
    if has and wanted and wanted != has and _is_paused(installation):
        raise Failure(f"The shop is paused, and --size {wanted} would open it: run `resume` first.")


def _is_paused(installation: Installation) -> bool:
    cluster = installation.outputs()["ClusterName"]
    found = boto3.client("ecs").describe_services(cluster=cluster, services=["server"])
    return any(one["status"] == "ACTIVE" and not one["desiredCount"] for one in found["services"])


def _of_size(installation: Installation, stack: str) -> dict[str, Any]:
    read = template.read(stack)
    size = installation.parameter(stack, "Size") or read["Parameters"]["Size"]["Default"]
    return dict(read["Mappings"]["Sizes"][size])


def _workers(installation: Installation) -> int:
    """Return the count of the stack; that of its size if its template had no such output yet."""
    count = installation.outputs().get("WorkerCount")
    return int(count or _of_size(installation, "worker")["Count"])


def _scale(installation: Installation, *, least: int, most: int, workers: int) -> None:
    cluster = installation.outputs()["ClusterName"]
    boto3.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{cluster}/server",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=least,
        MaxCapacity=most,
    )
    ecs = boto3.client("ecs")
    ecs.update_service(cluster=cluster, service="server", desiredCount=least)
    ecs.update_service(cluster=cluster, service="worker", desiredCount=workers)
