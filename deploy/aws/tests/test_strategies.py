"""What each strategy of a release does, from the template: no emulator moves requests."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.aws import template
from deploy.aws.tests.test_applied import holds

SERVICE = template.read("service")
STEPS = {
    "ROLLING": {},
    "BLUE_GREEN": {},
    "CANARY": {"CanaryConfiguration": {"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 10}},
    "LINEAR": {"LinearConfiguration": {"StepPercent": 20, "StepBakeTimeInMinutes": 3}},
}


def chosen(value: Any, strategy: str) -> Any:
    """A value as CloudFormation resolves it for a strategy."""
    if value == {"Ref": "Strategy"}:
        return strategy
    if isinstance(value, list):
        return [chosen(one, strategy) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        condition, yes, no = value["Fn::If"]
        conditions = SERVICE["Conditions"]
        true = holds({"Condition": condition}, {"Strategy": strategy}, conditions)
        return chosen(yes if true else no, strategy)
    found = {name: chosen(one, strategy) for name, one in value.items()}
    return {name: one for name, one in found.items() if one != {"Ref": "AWS::NoValue"}}


def configuration(strategy: str) -> dict[str, Any]:
    given = SERVICE["Resources"]["Server"]["Properties"]["DeploymentConfiguration"]
    return dict(chosen(given, strategy))


def test_each_strategy_that_may_be_chosen_is_checked() -> None:
    assert SERVICE["Parameters"]["Strategy"]["AllowedValues"] == [*STEPS]


@pytest.mark.parametrize(("strategy", "steps"), STEPS.items())
def test_a_strategy_moves_requests_in_its_own_steps(strategy: str, steps: dict[str, Any]) -> None:
    found = configuration(strategy)
    assert found["Strategy"] == strategy
    assert {name: found[name] for name in found if name.endswith("Configuration")} == steps
    [balancer] = SERVICE["Resources"]["Server"]["Properties"]["LoadBalancers"]
    assert ("AdvancedConfiguration" in chosen(balancer, strategy)) is (strategy != "ROLLING")


@pytest.mark.parametrize("strategy", STEPS)
def test_a_release_is_undone_at_an_alarm_that_has_time_to_go_off(strategy: str) -> None:
    found = configuration(strategy)
    assert found["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    names = [{"Ref": "Errors"}, {"Ref": "Slow"}]
    assert found["Alarms"] == {"Enable": True, "Rollback": True, "AlarmNames": names}
    steps = found.get("CanaryConfiguration") or found.get("LinearConfiguration") or {}
    lasts = [value for name, value in steps.items() if name.endswith("Minutes")]
    for name in names:
        alarm = SERVICE["Resources"][name["Ref"]]
        assert alarm["Type"] == "AWS::CloudWatch::Alarm"
        # Each of its periods is a minute.
        assert all(minutes >= alarm["Properties"]["EvaluationPeriods"] for minutes in lasts)
