"""Every template applied, every resource asked for by itself: CREATE_COMPLETE proves nothing."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from deploy.aws import template
from deploy.aws.tests.conftest import STACKS, Account
from deploy.aws.tests.describe import GAPS, LOOKS, look


def holds(condition: Any, parameters: dict[str, str], conditions: dict[str, Any]) -> bool:
    """Our own reading of a condition, so that the emulator's is not taken on trust."""
    [(name, parts)] = condition.items()
    if name == "Condition":
        return holds(conditions[parts], parameters, conditions)
    if name == "Fn::Equals":
        left, right = (parameters[p["Ref"]] if isinstance(p, dict) else p for p in parts)
        return bool(left == right)
    found = [holds(part, parameters, conditions) for part in parts]
    return {"Fn::Not": not found[0], "Fn::And": all(found), "Fn::Or": any(found)}[name]


def wanted(account: Account, stack: str) -> dict[str, str]:
    """Logical ids and types of what this stack has to have, by its own conditions."""
    read = template.read(stack)
    conditions, parameters = read.get("Conditions", {}), account.parameters(stack)
    return {
        name: resource["Type"]
        for name, resource in read["Resources"].items()
        if "Condition" not in resource
        or holds({"Condition": resource["Condition"]}, parameters, conditions)
    }


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_is_there_when_its_own_service_is_asked(
    account: Account, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ids, missing, gaps = account.ids(stack), [], []
    if stack == "rotation":
        # The emulator's CloudFormation gives a permission no name; it hangs on the function.
        ids["RotationCall"] = ids["Rotation"]
    for name, kind in wanted(account, stack).items():
        if kind in GAPS:
            gaps.append(f"{name} ({kind}): {GAPS[kind]}")
        elif name not in ids or not look(kind, ids[name]):
            missing.append(f"{name} ({kind})")
    with capsys.disabled():
        print(f"\nnot made by the emulator in {stack}: {'; '.join(gaps) or 'nothing'}")
    assert not missing


def test_nothing_that_the_emulator_can_make_is_called_a_gap(account: Account) -> None:
    made = set()
    for stack in STACKS:
        ids = account.ids(stack)
        made |= {kind for name, kind in wanted(account, stack).items() if name in ids}
    assert not made & set(GAPS)


def test_what_a_condition_leaves_out_is_not_made(account: Account) -> None:
    for stack in STACKS:
        left_out = set(template.read(stack)["Resources"]) - set(wanted(account, stack))
        assert not left_out & set(account.ids(stack))


def test_each_type_of_the_templates_is_asked_for_or_a_known_gap() -> None:
    types = {
        resource["Type"]
        for stack in STACKS
        for resource in template.read(stack)["Resources"].values()
    }
    assert types == set(LOOKS) | set(GAPS)


def test_the_database_stands_in_two_zones_encrypted_and_kept(account: Account) -> None:
    if account.choice == "aurora":
        [found] = look("AWS::RDS::DBCluster", "larder-production")
        members = boto3.client("rds").describe_db_instances()["DBInstances"]
        assert len(members) == 2
    else:
        [found] = look("AWS::RDS::DBInstance", "larder-production")
        assert found["MultiAZ"] is True
        assert not found["PubliclyAccessible"]
    assert found["StorageEncrypted"]
    assert found["DeletionProtection"]
    assert found["BackupRetentionPeriod"] >= 7


def test_the_containers_get_each_secret_and_cannot_write_to_their_image(account: Account) -> None:
    task = look("AWS::ECS::TaskDefinition", "larder-production-server")
    [server] = [one for one in task["containerDefinitions"] if one["name"] == "larder"]
    assert server["readonlyRootFilesystem"] is True
    names = {one["name"] for one in server["secrets"]}
    assert {"DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "CACHE_URL"} <= names
    assert not names & {one["name"] for one in server["environment"]}


def test_no_role_may_do_everything_of_a_service() -> None:
    actions = set()
    for stack in STACKS:
        for resource in template.read(stack)["Resources"].values():
            for policy in resource.get("Properties", {}).get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    given = statement["Action"]
                    actions |= {given} if isinstance(given, str) else set(given)
    assert "ecs:RunTask" in actions
    assert not [one for one in actions if "*" in one]
