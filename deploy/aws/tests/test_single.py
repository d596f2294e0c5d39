"""The stack of one machine is applied, and its alarms reach a receiver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.aws import template
from deploy.aws.tests import emulator
from deploy.aws.tests.describe import LOOKS
from deploy.aws.tests.operators import received, receiver

ROOT = Path(__file__).resolve().parents[3]
ALARMS = {
    *("machine-away", "no-server", "machine-credits", "database-disk"),
    *("error-lines", "failing", "no-worker"),
}
GIVEN = {
    "DomainName": "shop.example.com",
    "AlarmEmail": "operator@example.com",
    "Image": "larder:1",
    "PrepareImage": "larder:1",
    "Servers": "1",
}


def _associated(client: Any, id: str) -> list[Any]:
    wanted = [{"Name": "association-id", "Values": [id]}]
    return list(client.describe_addresses(Filters=wanted)["Addresses"])


HERE: dict[str, tuple[str, Any]] = {
    "AWS::EC2::EIPAssociation": ("ec2", _associated),
    "AWS::EC2::Instance": (
        "ec2",
        lambda c, id: c.describe_instances(InstanceIds=[id])["Reservations"],
    ),
    "AWS::EC2::LaunchTemplate": (
        "ec2",
        lambda c, id: c.describe_launch_templates(LaunchTemplateIds=[id])["LaunchTemplates"],
    ),
    "AWS::IAM::InstanceProfile": (
        "iam",
        lambda c, id: c.get_instance_profile(InstanceProfileName=id)["InstanceProfile"],
    ),
    "AWS::Route53::RecordSet": (
        "route53",
        lambda c, id: c.list_hosted_zones()["HostedZones"][0]["ResourceRecordSetCount"] == 3,
    ),
}
"""Types that other stacks do not have, or have otherwise."""


@pytest.fixture(scope="module")
def single() -> Iterator[dict[str, str]]:
    """Applied; physical ids by logical ones."""
    emulator.extend()
    with emulator.running():
        zone = boto3.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
        given = GIVEN | {"ZoneId": zone["HostedZone"]["Id"].rpartition("/")[2]}
        stacks = boto3.client("cloudformation")
        stacks.create_stack(
            StackName="larder-single",
            TemplateBody=template.text("single"),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in given.items()
            ],
        )
        found = stacks.describe_stack_resources(StackName="larder-single")["StackResources"]
        yield {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def test_every_resource_is_found_by_its_own_service(single: dict[str, str]) -> None:
    looks = LOOKS | HERE
    missing = []
    for name, resource in template.read("single")["Resources"].items():
        service, ask = looks[resource["Type"]]
        if name not in single or not ask(boto3.client(service), single[name]):
            missing.append(name)
    assert not missing


def test_an_alarm_and_its_end_reach_a_receiver_of_the_topic(single: dict[str, str]) -> None:
    """The emulator sends nothing at a change of state: the test sends to what the alarm names."""
    alarms, url = boto3.client("cloudwatch"), receiver(single["AlarmTopic"])
    found = {one["AlarmName"]: one for one in alarms.describe_alarms()["MetricAlarms"]}
    assert {name.removeprefix("larder-single-") for name in found} == ALARMS
    for name in found:
        for state, actions in (("ALARM", "AlarmActions"), ("OK", "OKActions")):
            alarms.set_alarm_state(AlarmName=name, StateValue=state, StateReason="A test.")
            [alarm] = alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"]
            assert (alarm["StateValue"], alarm["ActionsEnabled"]) == (state, True)
            for target in alarm[actions]:
                boto3.client("sns").publish(TopicArn=target, Subject=name, Message=state)
            assert received(url) == [name]


def test_every_alarm_is_on_the_page() -> None:
    page = (ROOT / "docs/how-to/deploy/ecs-ec2.md").read_text()
    assert set(re.findall(r"^\| `larder-single-([a-z-]+)` \|", page, re.MULTILINE)) == ALARMS


def test_a_filter_of_the_log_counts_what_the_code_logs() -> None:
    """One that counts nothing sounds `no-worker` for ever, or never sounds `failing`."""
    logged = {
        "All invariants hold.": ("larder/ops/tasks.py", 'logger.info("{}", '),
        "request": ("larder/ops/telemetry/requests.py", '"event": "{}",'),
    }
    counted = re.findall(r'\$\.event = "(.+?)"', template.text("single"))
    assert sorted(counted) == sorted(logged)
    for event, (file, line) in logged.items():
        assert line.format(event) in (ROOT / file).read_text()
