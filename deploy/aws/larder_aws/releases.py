"""Releases: the new image prepares the database, then serves; or the former one serves again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import boto3
from botocore.exceptions import ClientError

from deploy.aws.larder_aws import commands
from deploy.aws.larder_aws.failure import Failure
from deploy.aws.larder_aws.stacks import OF_A_RELEASE, Installation

Say = Callable[[str], None]


def release(installation: Installation, image: str, say: Say) -> None:
    """Prepare with the new image, then let it serve. ECS undoes what does not become healthy.

    A failure leaves the servers as they were: preparing comes before anything of theirs changes,
    and migrations keep what the running version needs.
    """
    say(f"tasks: {installation.change_image('tasks', image)}")
    prepare(installation)
    say("prepared: roles, migrations, rights")
    for stack in OF_A_RELEASE[1:]:
        say(f"{stack}: {installation.change_image(stack, image)}")
    remember(installation, image)


def prepare(installation: Installation) -> None:
    """`manage.py prepare`, as the owner, in a separate task."""
    commands.run(installation.outputs(), "PrepareTask", poll_seconds=installation.poll_seconds)


def rollback(installation: Installation, image: str, say: Say) -> None:
    """The former image serves again; the database stays as it is."""
    for stack in reversed(OF_A_RELEASE):
        say(f"{stack}: {installation.change_image(stack, image)}")
    remember(installation, image)


def refuse_first_group(installation: Installation, chosen: Mapping[str, str]) -> None:
    """Raise Failure for a change that needs all requests at the first group of targets, while they
    go to the second.

    Rolling releases start their servers in the first. With another domain CloudFormation writes the
    rule of the template, which sends all requests there.
    """
    outputs = installation.outputs()
    moves = chosen.get("DomainName", "") not in {"", installation.parameter("front", "DomainName")}
    if "ShopRule" not in outputs or not (moves or chosen.get("Strategy") == "ROLLING"):
        return
    [rule] = boto3.client("elbv2").describe_rules(RuleArns=[outputs["ShopRule"]])["Rules"]
    for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]:
        if group["TargetGroupArn"] == outputs["GreenTargets"] and group.get("Weight"):
            raise Failure(
                "Requests go to the second group of targets. This change needs them at the first."
                " Run `restart`, which moves them. Run this again when `status` shows its end."
            )


def remember(installation: Installation, image: str) -> None:
    """Note in SSM what serves, after it does."""
    boto3.client("ssm").put_parameter(
        Name=_parameter(installation), Value=image, Type="String", Overwrite=True
    )


def released(installation: Installation) -> list[str]:
    """Images that served, the newest last, each once in a row."""
    client = boto3.client("ssm")
    found: list[str] = []
    try:
        pages = client.get_paginator("get_parameter_history").paginate(
            Name=_parameter(installation)
        )
        for page in pages:
            for one in sorted(page["Parameters"], key=lambda each: each["Version"]):
                if not found or found[-1] != one["Value"]:
                    found.append(one["Value"])
    except ClientError as error:
        if "ParameterNotFound" in str(error):
            return []
        raise
    return found


def former(installation: Installation) -> str:
    """The image that served before the one of the servers; Failure where there is none.

    A release that ended after the servers had changed is not among the released.
    """
    serves = installation.parameter("service", "Image")
    images = [one for one in released(installation) if one != serves]
    if not images:
        raise Failure("Nothing was released before what serves now: name an image with --tag.")
    return images[-1]


def _parameter(installation: Installation) -> str:
    return f"/larder/{installation.environment}/image"
