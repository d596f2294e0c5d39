"""An account for each set of choices, with every stack applied to it by the tool itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.aws import template
from deploy.aws.larder_aws.stacks import ACCOUNT, AFTER_IMAGE, BEFORE_IMAGE, Installation
from deploy.aws.tests import emulator, installation

IMAGE = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/larder@sha256:" + "0" * 64
STACKS = (ACCOUNT, *BEFORE_IMAGE, *AFTER_IMAGE, "release")
CHOICES = {
    "small": {"Size": "small"},
    "large": {"Size": "large", "Strategy": "BLUE_GREEN", "ReadersCidr": "10.99.0.0/16"},
    "aurora": {"Size": "medium", "Engine": "aurora", "Strategy": "CANARY"},
}


@dataclass
class Account:
    """What was chosen, and the stacks as they are."""

    choice: str
    installation: Installation

    def parameters(self, stack: str) -> dict[str, str]:
        """What CloudFormation holds for the parameters."""
        [found] = boto3.client("cloudformation").describe_stacks(
            StackName=self.installation.name(stack)
        )["Stacks"]
        return {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}

    def ids(self, stack: str) -> dict[str, str]:
        """Physical ids by logical ones, of what CloudFormation says it made."""
        found = boto3.client("cloudformation").describe_stack_resources(
            StackName=self.installation.name(stack)
        )["StackResources"]
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in found
            if one.get("LogicalResourceId") and one.get("PhysicalResourceId")
        }


@pytest.fixture(scope="session", params=CHOICES)
def account(request: Any) -> Iterator[Account]:
    """Everything applied, once for each set of choices."""
    emulator.extend()
    with emulator.running():
        zone = boto3.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
        given = {
            "DomainName": "shop.example.com",
            "HostedZoneId": zone["HostedZone"]["Id"].rpartition("/")[2],
            "AlarmEmail": "operator@example.com",
            "Image": IMAGE,
            "GitHubRepository": "larder-shop/larder",
            **CHOICES[request.param],
        }
        made = Installation("production", poll_seconds=0.02)
        for stack in STACKS:
            known = template.read(stack)["Parameters"]
            made.apply(stack, {name: given[name] for name in given if name in known})
        yield Account(request.param, made)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation made by the tool alone; the engine's log."""
    with installation.made(tmp_path_factory.mktemp("engine")) as log:
        yield log
