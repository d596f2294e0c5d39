"""Values of several templates, and of a workflow, that have to fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
