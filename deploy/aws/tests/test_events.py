"""Events of failures, as AWS documents them, reach the operators by the rules of stack `audit`.

The emulator hands no event to a rule. Rules, topic and key are read from it and judged here, as
EventBridge, SNS and KMS do; what they let through is sent to a queue that subscribes.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-cloud-watch-events.html
https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest

from deploy.aws.tests.conftest import Account
from deploy.aws.tests.emulator import ACCOUNT, REGION
from deploy.aws.tests.operators import received, receiver

ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
OPERATORS = {"StringEquals", "StringLike", "ArnEquals", "ArnLike"}


def event(source: str, kind: str, detail: dict[str, Any]) -> dict[str, Any]:
    """An event with what all have."""
    return {
        "version": "0",
        "id": "3317b2af-7005-947d-b652-f55e762e571a",
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-28T03:30:00Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def stopped(
    group: str, code: str, *exits: int | None, cluster: str = "larder-production"
) -> dict[str, Any]:
    """A task that has stopped; a container that never ran has no exit code."""
    containers = [
        {"name": f"container-{number}", "lastStatus": "STOPPED"}
        | ({} if exited is None else {"exitCode": exited})
        for number, exited in enumerate(exits)
    ]
    detail = {
        "clusterArn": f"{ECS}:cluster/{cluster}",
        "taskArn": f"{ECS}:task/{cluster}/8f07966e55a8460a8bd40c2fbb1a1b1d",
        "taskDefinitionArn": f"{ECS}:task-definition/larder-production-command:7",
        "containers": containers,
        "group": group,
        "launchType": "FARGATE",
        "desiredStatus": "STOPPED",
        "lastStatus": "STOPPED",
        "stopCode": code,
        "stoppedReason": "Essential container in task exited",
        "version": 5,
    }
    return event("aws.ecs", "ECS Task State Change", detail)


def deployed(name: str) -> dict[str, Any]:
    """A deployment of a service that has ended."""
    detail = {
        "eventType": "ERROR" if name.endswith("FAILED") else "INFO",
        "eventName": name,
        "deploymentId": "ecs-svc/123",
        "updatedAt": "2026-11-28T11:11:11Z",
        "reason": "ECS deployment circuit breaker: tasks failed to start.",
    }
    return event("aws.ecs", "ECS Deployment State Change", detail)


def database(category: str, number: str) -> dict[str, Any]:
    """An event of an RDS instance."""
    detail = {
        "EventCategories": [category],
        "SourceType": "DB_INSTANCE",
        "SourceArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:larder-production",
        "SourceIdentifier": "larder-production",
        "EventID": f"RDS-EVENT-{number}",
    }
    return event("aws.rds", "RDS DB Instance Event", detail)


def backup(state: str) -> dict[str, Any]:
    """A backup job in a new state."""
    detail = {
        "backupJobId": "34176239-e96d-4e3c-9a51-2f8b4b2f1a11",
        "backupVaultName": "larder-production",
        "resourceType": "RDS",
        "state": state,
        "percentDone": 0,
    }
    return event("aws.backup", "Backup Job State Change", detail)


COMMAND, STARTED = "family:larder-production-command", "EssentialContainerExited"
FAILURES = {
    "the audit found something": ("CommandFailed", stopped(COMMAND, STARTED, 1)),
    "one container of two failed": ("CommandFailed", stopped(COMMAND, STARTED, 0, 137)),
    "a migration failed": (
        "CommandFailed",
        stopped("family:larder-production-prepare", STARTED, 1),
    ),
    "a command has no image": ("CommandFailed", stopped(COMMAND, "TaskFailedToStart", None)),
    "a server has no secret": (
        "ServerNeverStarts",
        stopped("service:server", "TaskFailedToStart", None, None),
    ),
    "a worker has no image": (
        "ServerNeverStarts",
        stopped("service:worker", "TaskFailedToStart", None),
    ),
    "a release is undone": ("ReleaseUndone", deployed("SERVICE_DEPLOYMENT_FAILED")),
    "a failover began": ("DatabaseFailedOver", database("failover", "0013")),
    "a failover ended": ("DatabaseFailedOver", database("failover", "0049")),
    "the database failed": ("DatabaseFailedOver", database("failure", "0031")),
    "its disk is nearly full": ("DatabaseFailedOver", database("low storage", "0007")),
    "a backup failed": ("DatabaseFailedOver", backup("FAILED")),
    "a backup never began": ("DatabaseFailedOver", backup("EXPIRED")),
}
ALL_IS_WELL = {
    "a command ended well": stopped(COMMAND, STARTED, 0),
    "a server was replaced": stopped("service:server", "ServiceSchedulerInitiated", 0, 0),
    "a task of another shop failed": stopped(COMMAND, STARTED, 1, cluster="another"),
    "a release went well": deployed("SERVICE_DEPLOYMENT_COMPLETED"),
    "the database is backed up": database("backup", "0002"),
    "a backup went well": backup("COMPLETED"),
}


def matches(pattern: Mapping[str, Any], found: Any) -> bool:
    """Whether an event has what a pattern asks of each name; of a list, one element has it all."""
    if isinstance(found, list):
        return any(matches(pattern, one) for one in found)
    for name, wanted in pattern.items():
        if name == "$or":
            is_there = any(matches(one, found) for one in wanted)
        elif isinstance(wanted, dict):
            is_there = matches(wanted, found.get(name, {}))
        else:
            value = found.get(name, [])
            values = value if isinstance(value, list) else [value]
            is_there = any(fits(one, value) for one in wanted for value in values)
        if not is_there:
            return False
    return True


def fits(wanted: Any, value: Any) -> bool:
    """Whether a value is the one of a pattern. Raises KeyError for a filter that is not known."""
    return bool(
        value not in wanted["anything-but"] if isinstance(wanted, dict) else value == wanted
    )


def allows(policy: Mapping[str, Any], action: str, context: Mapping[str, str]) -> bool:
    """Whether a policy of a resource lets EventBridge do something."""
    return any(
        one["Effect"] == "Allow"
        and "events.amazonaws.com" in listed(one["Principal"], "Service")
        and any(fnmatchcase(action, given) for given in listed(one, "Action"))
        and holds(one.get("Condition", {}), context)
        for one in policy["Statement"]
    )


def listed(given: Any, name: str) -> list[str]:
    """A member that may be one text or several."""
    found = given.get(name, []) if isinstance(given, dict) else []
    return [found] if isinstance(found, str) else list(found)


def holds(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether each key has a value that is allowed; one that the request does not have has none."""
    assert condition.keys() <= OPERATORS
    return all(
        any(fnmatchcase(context.get(key, ""), value) for value in listed(keys, key))
        for keys in condition.values()
        for key in keys
    )


def sent(account: Account, happened: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The rules that an event matches, each with a topic that takes its message."""
    events, topics, keys = (boto3.client(name) for name in ("events", "sns", "kms"))
    for name, physical in account.ids("audit").items():
        if name not in RULES:
            continue
        rule = events.describe_rule(Name=physical)
        assert rule.get("State", "ENABLED") == "ENABLED"
        if not matches(json.loads(rule["EventPattern"]), happened):
            continue
        # EventBridge names the rule, and no account.
        context = {"aws:SourceArn": rule["Arn"]}
        for target in events.list_targets_by_rule(Rule=physical)["Targets"]:
            topic = topics.get_topic_attributes(TopicArn=target["Arn"])["Attributes"]
            key = keys.get_key_policy(KeyId=topic["KmsMasterKeyId"], PolicyName="default")["Policy"]
            assert allows(json.loads(topic["Policy"]), "sns:Publish", context)
            # The emulator gives back what CloudFormation gave it.
            given = json.loads(key) if isinstance(key, str) else key
            for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                assert allows(given, action, context)
            yield name, target["Arn"]


RULES = {rule for rule, _ in FAILURES.values()}


@pytest.mark.parametrize("what", FAILURES)
def test_a_failure_reaches_the_operators(account: Account, what: str) -> None:
    rule, happened = FAILURES[what]
    topic = account.installation.outputs()["AlarmTopic"]
    url = receiver(topic)
    found = list(sent(account, happened))
    assert found == [(rule, topic)]
    for name, target in found:
        boto3.client("sns").publish(TopicArn=target, Subject=name, Message=json.dumps(happened))
    assert received(url) == [rule]


@pytest.mark.parametrize("what", ALL_IS_WELL)
def test_what_went_well_sends_nothing(account: Account, what: str) -> None:
    assert list(sent(account, ALL_IS_WELL[what])) == []


def test_each_rule_has_a_failure(account: Account) -> None:
    events = boto3.client("events")
    made = {one["Name"] for one in events.list_rules()["Rules"]}
    tried = {account.ids("audit")[name] for name in RULES}
    assert made == tried


def test_a_condition_that_eventbridge_cannot_meet_is_seen() -> None:
    policy = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sns:Publish",
                "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            }
        ]
    }
    rule = {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/one"}
    assert not allows(policy, "sns:Publish", rule)
    policy["Statement"][0]["Condition"] = {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:rule/*"}}
    assert allows(policy, "sns:Publish", rule)
