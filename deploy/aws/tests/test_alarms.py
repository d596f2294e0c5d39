"""Alarms reach the operators: checked in the templates, because no emulator sends alarms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.aws import template
from deploy.aws.tests.conftest import STACKS

ROOT = Path(__file__).resolve().parents[3]
TOPIC = {"Ref": "AlarmTopic"}


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Properties of all resources of a type, by stack and name."""
    return {
        f"{stack}.{name}": resource["Properties"]
        for stack in STACKS
        for name, resource in template.read(stack)["Resources"].items()
        if resource["Type"] == kind
    }


ALARMS = resources("AWS::CloudWatch::Alarm")
RULES = resources("AWS::Events::Rule")

RAISE_AN_ALARM = {
    "no server is ready": ["monitoring.NoServers"],
    "answers of 5xx": ["monitoring.BalancerErrors", "service.Errors"],
    "slow answers": ["service.Slow"],
    "busy or full servers": ["monitoring.ServersBusy", "monitoring.ServersFull"],
    "lines of errors, orders that failed": ["monitoring.Errors", "monitoring.OrdersFailed"],
    "no worker runs, or none gives a sign of life": [
        *("monitoring.NoWorker", "monitoring.WorkerSilent"),
    ],
    "jobs wait or fail": ["monitoring.JobsWait", "monitoring.JobsFail"],
    "invariants are violated or not checked": [
        *("monitoring.InvariantViolated", "monitoring.InvariantsUnchecked"),
    ],
    "a refund waits": ["monitoring.RefundWaits"],
    "no metrics arrive": ["monitoring.NoMetrics"],
    "the database": [
        *("monitoring.DatabaseBusy", "monitoring.DatabaseConnections", "monitoring.DatabaseDisk"),
        *("monitoring.DatabaseMemory", "monitoring.TransactionIds", "monitoring.ReplicaLag"),
    ],
    "burst credits are used up": ["monitoring.DatabaseCredits"],
    "the cache is full": ["monitoring.CacheFull", "monitoring.SecondCacheFull"],
    "a secret was not renewed": ["monitoring.RotationFailed"],
    "no audit starts": ["audit.AuditNotStarted"],
}
RAISE_AN_EVENT = {
    "a command fails": "audit.CommandFailed",
    "a task never starts": "audit.ServerNeverStarts",
    "a release is undone": "audit.ReleaseUndone",
    "the database fails, or its backup": "audit.DatabaseFailedOver",
}


def test_what_operators_have_to_know_raises_an_alarm_or_an_event() -> None:
    """So a removed one is noticed; each has its action by the tests below."""
    assert sorted(ALARMS) == sorted(name for names in RAISE_AN_ALARM.values() for name in names)
    assert sorted(RULES) == sorted(RAISE_AN_EVENT.values())


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_and_its_end_go_to_the_operators(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == [TOPIC]


@pytest.mark.parametrize("name", RULES)
def test_an_event_goes_to_the_operators(name: str) -> None:
    assert [one["Arn"] for one in RULES[name]["Targets"]] == [TOPIC]


def statements() -> Iterator[dict[str, Any]]:
    """The statements of the key and of the topic."""
    for stack, name, key in (("account", "Key", "KeyPolicy"), ("alarms", "TopicPolicy", None)):
        properties = template.read(stack)["Resources"][name]["Properties"]
        yield from properties[key or "PolicyDocument"]["Statement"]


@pytest.mark.parametrize("service", ["cloudwatch", "events"])
def test_services_that_alert_operators_may_use_the_topic_and_its_key(service: str) -> None:
    allowed: set[str] = set()
    for one in statements():
        principals = one["Principal"].get("Service", [])
        if f"{service}.amazonaws.com" not in principals:
            continue
        given = one["Action"]
        allowed |= {given} if isinstance(given, str) else set(given)
        # CloudWatch sends the account of the alarm. EventBridge sends no value that a condition can
        # compare.
        assert service != "events" or "Condition" not in one
    assert allowed == {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey*"}


@pytest.mark.parametrize("name", ["audit.CommandFailed", "audit.ServerNeverStarts"])
def test_a_task_that_never_starts_is_an_event(name: str) -> None:
    detail = RULES[name]["EventPattern"]["detail"]
    either = [detail, *detail.get("$or", [])]
    assert any(one.get("stopCode") == ["TaskFailedToStart"] for one in either)


def metrics(alarm: dict[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Namespace, name and dimensions of each metric that an alarm reads."""
    found = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    for one in found or [alarm]:
        namespace = one["Namespace"]
        named = namespace if isinstance(namespace, str) else namespace["Fn::Sub"]
        yield named, one["MetricName"], tuple(each["Name"] for each in one.get("Dimensions", []))


def handed_over() -> set[tuple[str, tuple[str, ...]]]:
    """Names and dimensions of Larder's metrics that the collector writes, and of log filters."""
    task = template.read("service")["Resources"]["ServerTask"]["Properties"]
    [collector] = [one for one in task["ContainerDefinitions"] if one["Name"] == "collector"]
    [config] = [one["Value"]["Fn::Sub"] for one in collector["Environment"]]
    declared = yaml.safe_load(config)["exporters"]["awsemf"]["metric_declarations"]
    known = re.findall(r"`(larder_\w+)`", (ROOT / "docs/reference/observability.md").read_text())
    found = {
        (name, tuple(dimensions))
        for one in declared
        for dimensions in one["dimensions"]
        for pattern in one["metric_name_selectors"]
        for name in known
        if re.fullmatch(pattern, name)
    }
    filters = resources("AWS::Logs::MetricFilter").values()
    return found | {
        (made["MetricName"], ()) for one in filters for made in one["MetricTransformations"]
    }


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_on_a_metric_of_larder_uses_an_exported_metric(name: str) -> None:
    ours = {(m, d) for space, m, d in metrics(ALARMS[name]) if space.startswith("Larder/")}
    assert ours <= handed_over()


def test_an_alarm_of_a_cache_reads_the_metrics_of_a_node() -> None:
    read = {d for one in ALARMS.values() for s, _, d in metrics(one) if s == "AWS/ElastiCache"}
    assert read == {("CacheClusterId",)}


def test_the_collector_has_the_token_that_a_trusted_address_needs() -> None:
    """A server answers /metrics to its own machine, unless that is the address of its proxy."""
    task = template.read("service")["Resources"]["ServerTask"]["Properties"]
    named = {one["Name"]: one for one in task["ContainerDefinitions"]}
    server = {one["Name"]: one["Value"] for one in named["larder"]["Environment"]}
    assert server["TRUSTED_PROXIES"]["Fn::Sub"].startswith("127.0.0.1/32,")
    [config] = [one["Value"]["Fn::Sub"] for one in named["collector"]["Environment"]]
    [scraped] = yaml.safe_load(config)["receivers"]["prometheus"]["config"]["scrape_configs"]
    assert scraped["authorization"] == {"credentials": "${!env:METRICS_TOKEN}"}
    [token] = named["collector"]["Secrets"]
    assert token["Name"] == "METRICS_TOKEN"
    assert token in named["larder"]["Secrets"]


def test_a_dead_collector_is_restarted_and_missing_metrics_raise_an_alarm() -> None:
    task = template.read("service")["Resources"]["ServerTask"]["Properties"]
    [collector] = [one for one in task["ContainerDefinitions"] if one["Name"] == "collector"]
    assert collector["RestartPolicy"]["Enabled"] is True
    silence = ALARMS["monitoring.NoMetrics"]
    assert (silence["Statistic"], silence["TreatMissingData"]) == ("SampleCount", "breaching")


@pytest.mark.parametrize("alarm", ["service.Errors", "service.Slow"])
def test_a_release_is_judged_by_a_number_of_requests(alarm: str) -> None:
    [expression] = [one["Expression"] for one in ALARMS[alarm]["Metrics"] if "Expression" in one]
    asked = re.fullmatch(r"IF\(requests >=? (\d+), .*, 0\)", expression)
    assert asked
    assert int(asked[1]) >= 50


def test_the_disk_alarm_fires_after_rds_should_have_added_storage() -> None:
    gib = 1024**3
    sizes = template.read("database")["Mappings"]["Sizes"].values()
    assert all(one["DiskAlarm"] == one["Storage"] * gib // 20 for one in sizes)
    assert ALARMS["monitoring.DatabaseDisk"]["Threshold"] == {"Ref": "DiskAlarmBytes"}
