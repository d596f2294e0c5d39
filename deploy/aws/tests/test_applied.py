"""Every template is applied and every resource read from its service: CREATE_COMPLETE proves
nothing.
"""

from __future__ import annotations

import ast
import re
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
def test_every_resource_is_found_by_its_own_service(
    account: Account, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ids, missing, gaps = account.ids(stack), [], []
    if stack == "rotation":
        # The emulator's CloudFormation gives a permission no name; it hangs on the function.
        ids["RotationCall"] = ids["Rotation"]
    if stack == "network":
        # Nor has a separate rule; it hangs on the group.
        ids["DataForReaders"] = ids["DataGroup"]
    for name, kind in wanted(account, stack).items():
        if kind in GAPS:
            gaps.append(f"{name} ({kind}): {GAPS[kind]}")
        elif name not in ids or not look(kind, ids[name]):
            missing.append(f"{name} ({kind})")
    with capsys.disabled():
        print(f"\nnot made by the emulator in {stack}: {'; '.join(gaps) or 'nothing'}")
    assert not missing


def test_no_resource_of_the_emulator_is_listed_as_a_gap(account: Account) -> None:
    made = set()
    for stack in STACKS:
        ids = account.ids(stack)
        made |= {kind for name, kind in wanted(account, stack).items() if name in ids}
    assert not made & set(GAPS)


def test_resources_with_a_false_condition_are_not_created(account: Account) -> None:
    for stack in STACKS:
        left_out = set(template.read(stack)["Resources"]) - set(wanted(account, stack))
        assert not left_out & set(account.ids(stack))


def test_each_type_of_the_templates_is_checked_or_a_known_gap() -> None:
    types = {
        resource["Type"]
        for stack in STACKS
        for resource in template.read(stack)["Resources"].values()
    }
    assert types == set(LOOKS) | set(GAPS)


def test_the_database_is_in_two_zones_encrypted_and_retained(account: Account) -> None:
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


def readable(role: str) -> set[str]:
    """Names of the secrets that a role may read, as IAM has its policies."""
    iam = boto3.client("iam")
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        found = iam.get_policy_version(PolicyArn=one["PolicyArn"], VersionId="v1")
        documents.append(found["PolicyVersion"]["Document"])
    resources = [
        statement["Resource"]
        for document in documents
        # The emulator writes those of CloudFormation down as Python does.
        for statement in (ast.literal_eval(document) if isinstance(document, str) else document)[
            "Statement"
        ]
        if "secretsmanager:GetSecretValue" in statement["Action"]
    ]
    arns = [one for given in resources for one in ([given] if isinstance(given, str) else given)]
    return {named(one) for one in arns}


def named(arn: str) -> str:
    """The name of a secret in its ARN, or in what a task definition asks of it; * stays *."""
    return re.sub(r"-\w{6}$", "", ":".join(arn.split(":")[6:7]) or arn)


def started_by(account: Account, task: dict[str, Any]) -> str:
    """The name of the role that ECS starts a task as; the emulator forgets it."""
    [(function, given)] = task["Properties"]["ExecutionRoleArn"].items()
    if function == "Fn::GetAtt":
        return account.ids("tasks")[given[0] if isinstance(given, list) else given.split(".")[0]]
    return account.installation.outputs()[given].rpartition("/")[2]


def test_an_execution_role_reads_only_the_secrets_of_its_tasks(account: Account) -> None:
    needed: dict[str, set[str]] = {}
    for stack in STACKS:
        for name, task in template.read(stack)["Resources"].items():
            if task["Type"] != "AWS::ECS::TaskDefinition":
                continue
            made = look(task["Type"], account.ids(stack)[name])
            asked = {
                named(one["valueFrom"])
                for container in made["containerDefinitions"]
                for one in container.get("secrets", [])
            }
            needed.setdefault(started_by(account, task), set()).update(asked)
    assert needed == {role: readable(role) for role in needed}
    owners = [role for role in needed if "larder/production/owner" in needed[role]]
    assert owners == ["larder-production-start-prepare"]


def test_only_the_named_addresses_and_the_containers_reach_the_database(
    account: Account,
) -> None:
    group = account.ids("network")["DataGroup"]
    wanted = [{"Name": "group-id", "Values": [group]}]
    found = boto3.client("ec2").describe_security_group_rules(Filters=wanted)
    rules = [one for one in found["SecurityGroupRules"] if not one["IsEgress"]]
    app = account.ids("network")["AppGroup"]
    from_groups = {one["ReferencedGroupInfo"]["GroupId"] for one in rules if "CidrIpv4" not in one}
    assert from_groups == {app}
    others = [(one["CidrIpv4"], one["FromPort"]) for one in rules if "CidrIpv4" in one]
    assert others == ([("10.99.0.0/16", 5432)] if account.choice == "large" else [])


def test_no_role_has_all_actions_of_a_service() -> None:
    actions = set()
    for stack in STACKS:
        for resource in template.read(stack)["Resources"].values():
            properties = resource.get("Properties", {})
            alone = [properties] if resource["Type"] == "AWS::IAM::ManagedPolicy" else []
            for policy in properties.get("Policies", []) + alone:
                for statement in policy["PolicyDocument"]["Statement"]:
                    given = statement["Action"]
                    actions |= {given} if isinstance(given, str) else set(given)
    assert "ecs:RunTask" in actions
    assert not [one for one in actions if "*" in one]
