"""Values of several templates, and of a workflow, that have to fit each other."""

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
HOURS = {"OwnerSchedule": "SUN#1", "AppSchedule": "SUN#2", "SigningSchedule": "SUN#3"}


def custom_responses(value: Any) -> Iterator[dict[str, Any]]:
    """Each answer that the firewall writes itself, in whatever is nested."""
    if isinstance(value, dict):
        if "CustomResponse" in value:
            yield value["CustomResponse"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from custom_responses(one)


def test_every_answer_of_the_firewall_says_when_to_come_back() -> None:
    found = [one for stack in STACKS for one in custom_responses(template.read(stack))]
    assert len(found) >= 2
    for one in found:
        [retry] = [h["Value"] for h in one["ResponseHeaders"] if h["Name"] == "Retry-After"]
        assert one["ResponseCode"] == 429
        assert int(retry) > 0


def test_the_log_of_the_firewall_is_named_without_its_streams() -> None:
    """A log group's attribute Arn ends with `:*`; the firewall's destination does not."""
    resources = template.read("front")["Resources"]
    [log] = resources["FirewallLogging"]["Properties"]["LogDestinationConfigs"]
    assert log["Fn::Sub"].endswith(":log-group:${FirewallLog}")


def test_names_of_installations_fit_the_names_that_contain_them() -> None:
    """A target group has at most 32 characters; RDS and load balancers end with no hyphen."""
    allowed = template.read("network")["Parameters"]["Environment"]
    names = ("production", "eu-2", "nineteen-characters", "shop-", "a--b", "Shop")
    valid = [one for one in names if re.fullmatch(allowed["AllowedPattern"], one)]
    assert valid == ["production", "eu-2", "nineteen-characters"]
    green = template.read("front")["Resources"]["GreenTargets"]["Properties"]["Name"]["Fn::Sub"]
    assert len(green.replace("${Environment}", "x" * allowed["MaxLength"])) == 32


@pytest.mark.parametrize(("name", "day"), HOURS.items())
def test_secrets_rotate_on_different_sundays_after_the_window_of_rds(name: str, day: str) -> None:
    given = template.read("rotation")["Resources"][name]["Properties"]
    rules = given["RotationRules"]
    cron = r"cron\(0 (\d+) \? (?:\*|1/3) (\S+) \*\)"
    [(hour, on)] = re.findall(cron, rules["ScheduleExpression"])
    assert (on, rules["Duration"]) == (day, "2h")
    assert given["RotateImmediatelyOnUpdate"] is False
    windows = {
        resource["Properties"]["PreferredMaintenanceWindow"]
        for resource in template.read("database")["Resources"].values()
        if "PreferredMaintenanceWindow" in resource.get("Properties", {})
    }
    [(ends, minutes)] = re.findall(r"^sun:\d\d:\d\d-sun:(\d\d):(\d\d)$", *windows)
    assert int(hour) * 60 >= int(ends) * 60 + int(minutes)


def test_ci_runs_the_major_version_of_postgresql_that_aws_runs() -> None:
    majors = {
        str(resource["Properties"]["EngineVersion"]).partition(".")[0]
        for stack in ("database", "single")
        for resource in template.read(stack)["Resources"].values()
        if resource["Type"] in {"AWS::RDS::DBInstance", "AWS::RDS::DBCluster"}
        and "EngineVersion" in resource["Properties"]
    }
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    job = workflow.partition("\n  aws-postgresql:\n")[2].partition("\n\n  ")[0]
    named = re.findall(r"postgres:(\d+)-|/postgresql/(\d+)|PostgreSQL (\d+)", job)
    assert {one for found in named for one in found if one} == majors
    assert len(named) == 3


def test_ci_takes_each_branch_to_staging_and_main_or_master_on_to_production() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    # `on` is true in YAML 1.1.
    assert workflow[True]["push"] == {"branches": ["**"]}
    push, staging, production = (
        workflow["jobs"][name] for name in ("push", "staging", "production")
    )
    branch = r"github\.ref == 'refs/heads/(\w+)'"
    assert re.findall(branch, production["if"]) == ["main", "master"]
    assert re.fullmatch(rf"{branch} \|\| {branch}", production["if"])
    assert "github.ref" not in push["if"] + staging.get("if", "")
    assert (staging["needs"], production["needs"]) == ("push", ["push", "staging"])
