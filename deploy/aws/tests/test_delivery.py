"""The alarms of an installation reach a receiver of its topic, as far as the emulator goes.

It sends nothing when an alarm changes its state: the test sends to what the alarm names.
"""

from __future__ import annotations

import boto3

from deploy.aws import template
from deploy.aws.tests.conftest import STACKS, Account
from deploy.aws.tests.operators import received, receiver
from deploy.aws.tests.test_applied import wanted


def test_every_alarm_and_its_end_reach_the_operators(account: Account) -> None:
    alarms, topics = boto3.client("cloudwatch"), boto3.client("sns")
    url = receiver(account.installation.outputs()["AlarmTopic"])
    found = alarms.describe_alarms(AlarmNamePrefix="larder-production-", MaxRecords=100)
    named = {one["AlarmName"] for one in found["MetricAlarms"]}
    assert named == {
        template.read(stack)["Resources"][name]["Properties"]["AlarmName"]["Fn::Sub"].replace(
            "${Environment}", "production"
        )
        for stack in STACKS
        for name, kind in wanted(account, stack).items()
        if kind == "AWS::CloudWatch::Alarm"
    }
    for one in found["MetricAlarms"]:
        name = one["AlarmName"]
        for state, actions in (("ALARM", "AlarmActions"), ("OK", "OKActions")):
            alarms.set_alarm_state(AlarmName=name, StateValue=state, StateReason="A test.")
            [alarm] = alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"]
            assert (alarm["StateValue"], alarm["ActionsEnabled"]) == (state, True)
            for target in alarm[actions]:
                topics.publish(TopicArn=target, Subject=name[:100], Message=state)
            assert received(url) == [name]
