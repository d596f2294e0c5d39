"""Rights that AWS would require, compared with those in the templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.aws import template
from deploy.aws.larder_aws.stacks import OF_A_RELEASE

ROOT = Path(__file__).resolve().parents[3]


def properties(stack: str, name: str) -> dict[str, Any]:
    return dict(template.read(stack)["Resources"][name]["Properties"])


def allowed(role: dict[str, Any], action: str) -> list[Any]:
    """The resources on which a role may do something."""
    found: list[Any] = []
    for policy in role["Policies"]:
        for one in policy["PolicyDocument"]["Statement"]:
            actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
            if action in actions:
                resource = one["Resource"]
                found += resource if isinstance(resource, list) else [resource]
    return found


def roles_of_a_release() -> Iterator[Any]:
    """What each resource that a new image changes runs as."""
    for stack in OF_A_RELEASE:
        put_out = {str(one["Value"]): name for name, one in template.read(stack)["Outputs"].items()}
        for resource in template.read(stack)["Resources"].values():
            given = resource["Properties"]
            roles = {
                "AWS::ECS::TaskDefinition": [
                    given.get("ExecutionRoleArn"),
                    given.get("TaskRoleArn"),
                ],
                "AWS::Lambda::Function": [given.get("Role")],
            }
            for role in filter(None, roles.get(resource["Type"], [])):
                yield role.get("Ref") or put_out[str(role)]


def test_a_release_workflow_may_pass_each_role_of_changed_resources() -> None:
    passed = allowed(properties("release", "Role"), "iam:PassRole")
    # One depends on a choice.
    named = {(one["Fn::If"][1] if "Fn::If" in one else one)["Ref"] for one in passed}
    assert named == {*roles_of_a_release(), "BlueGreenRoleArn", "CommandStartRoleArn"}


def test_a_release_workflow_may_write_the_encrypted_environment_of_the_rotation() -> None:
    assert properties("rotation", "Rotation")["KmsKeyArn"] == {"Ref": "KeyArn"}
    for action in ("kms:Encrypt", "kms:Decrypt", "kms:CreateGrant"):
        assert allowed(properties("release", "Role"), action) == [{"Ref": "KeyArn"}]


def test_the_schedule_may_run_the_task_by_the_name_that_it_gives() -> None:
    target = properties("audit", "Audit")["Target"]["EcsParameters"]["TaskDefinitionArn"]
    assert target in allowed(properties("audit", "AuditRole"), "ecs:RunTask")


def test_a_release_workflow_may_give_the_tags_of_the_stack_to_task_definitions() -> None:
    """Each stack has tags, and CloudFormation gives them to what it makes."""
    [resource] = allowed(properties("release", "Role"), "ecs:TagResource")
    families = [
        one["Properties"]["Family"]["Fn::Sub"]
        for stack in OF_A_RELEASE
        for one in template.read(stack)["Resources"].values()
        if one["Type"] == "AWS::ECS::TaskDefinition"
    ]
    assert families
    start = resource["Fn::Sub"].rpartition("/")[2].removesuffix("*")
    assert [one for one in families if not one.startswith(start)] == []


def test_a_release_workflow_may_give_the_stacks_their_tags() -> None:
    """Its UpdateStack has tags, and AWS maps that request to these rights too.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_cloudformation.html
    """
    role = properties("release", "Role")
    updated = allowed(role, "cloudformation:UpdateStack")
    assert len(updated) == len(OF_A_RELEASE)
    for action in ("cloudformation:TagResource", "cloudformation:UntagResource"):
        assert allowed(role, action) == updated


def test_a_release_workflow_may_look_for_what_typed_parameters_name() -> None:
    """CloudFormation does so before an update: "User doesn't have permission to call ec2:…"."""
    asked = {
        "AWS::EC2::SecurityGroup::Id": "ec2:DescribeSecurityGroups",
        "AWS::EC2::Subnet::Id": "ec2:DescribeSubnets",
    }
    types = {
        kind.removeprefix("List<").removesuffix(">")
        for stack in OF_A_RELEASE
        for one in template.read(stack)["Parameters"].values()
        if (kind := one["Type"]) not in {"String", "Number"}
    }
    assert types == set(asked)
    for action in asked.values():
        assert allowed(properties("release", "Role"), action) == ["*"]


def test_a_release_workflow_may_wait_for_the_deployment_of_a_service() -> None:
    """CloudFormation asks for it, and stops it where the stack goes back."""
    role = properties("release", "Role")
    for action, kind in {
        "ecs:ListServiceDeployments": "service",
        "ecs:ListTagsForResource": "service",
        "ecs:DescribeServiceDeployments": "service-deployment",
        "ecs:StopServiceDeployment": "service-deployment",
    }.items():
        names = [one["Fn::Sub"].rpartition(":")[2] for one in allowed(role, action)]
        assert f"{kind}/${{ClusterName}}/*" in names


def test_a_release_keeps_the_number_of_servers() -> None:
    """CloudFormation sends a DesiredCount with each change of a service."""
    assert "DesiredCount" not in properties("service", "Server")
    assert "MinCapacity" in properties("service", "Scaling")


def test_a_release_workflow_may_change_the_function_with_the_tags_of_its_stack() -> None:
    role = properties("release", "Role")
    changed = allowed(role, "lambda:UpdateFunctionConfiguration")
    for action in ("lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"):
        assert allowed(role, action) == changed


def test_the_role_that_deletes_the_backups_stays_with_them() -> None:
    """AWS Backup cannot delete a copy whose role is gone: it costs for ever."""
    made = template.read("backup")["Resources"]
    assert [made[one]["DeletionPolicy"] for one in ("Vault", "Role")] == ["Retain", "Retain"]


def test_no_backup_is_planned_when_rds_starts_none() -> None:
    """RDS refuses one in its windows and in the hour before, so that the backup fails.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/troubleshooting.html
    """
    windows = [
        [60 * int(hour) + int(minute) for hour, minute in re.findall(r"(\d\d):(\d\d)", window)]
        for resource in ("Primary", "Cluster")
        for name in ("PreferredBackupWindow", "PreferredMaintenanceWindow")
        if (window := properties("database", resource)[name])
    ]
    rules = properties("backup", "Plan")["BackupPlan"]["BackupPlanRule"]
    assert rules
    for rule in rules:
        [(minute, hour)] = re.findall(r"^cron\((\d+) (\d+) ", rule["ScheduleExpression"])
        first = 60 * int(hour) + int(minute)
        last = first + rule["StartWindowMinutes"]
        assert [one for one in windows if first <= one[1] and last > one[0] - 60] == []


def test_the_schedule_may_read_what_is_encrypted_of_it() -> None:
    key = properties("audit", "Audit")["KmsKeyArn"]
    assert key in allowed(properties("audit", "AuditRole"), "kms:Decrypt")


def idle_times() -> dict[str, str]:
    """The idle time-out of the load balancer of each road, in seconds."""
    attributes = properties("front", "Balancer")["LoadBalancerAttributes"]
    [ours] = [one["Value"] for one in attributes if one["Key"] == "idle_timeout.timeout_seconds"]
    bundle = ROOT / "deploy/elasticbeanstalk/bundle/.ebextensions/larder.config"
    options = yaml.safe_load(bundle.read_text())["option_settings"]
    found = {
        "front.yaml": ours,
        "larder.config": str(options.get("aws:elbv2:loadbalancer", {}).get("IdleTimeout", 60)),
    }
    for name in ("deploy/kubernetes/eks/load-balancer.yaml", "docs/how-to/deploy/ec2.md"):
        [found[name]] = re.findall(
            r'idle_timeout\.timeout_seconds,\s*[vV]alue[:=]\s*"?(\d+)', (ROOT / name).read_text()
        )
    return found


@pytest.mark.parametrize(("where", "idle"), idle_times().items())
def test_the_balancer_waits_longer_than_nginx_which_keeps_its_connections_longer(
    where: str, idle: str
) -> None:
    """A request on a connection that nginx has just ended is answered by the balancer with 502."""
    nginx = (ROOT / "deploy/nginx/larder/http.conf").read_text()
    [(answer, connection)] = zip(
        re.findall(r"^proxy_read_timeout (\d+)s", nginx, re.MULTILINE),
        re.findall(r"^keepalive_timeout (\d+)s", nginx, re.MULTILINE),
        strict=True,
    )
    assert int(answer) < int(idle) < int(connection)


def test_aurora_supports_the_queries_of_feeds() -> None:
    settings = properties("database", "ClusterSettings")["Parameters"]
    assert settings["rds.logical_replication"] == "1"


@pytest.mark.parametrize("stack", ["account", "release"])
def test_a_repository_is_named_as_the_tokens_of_its_workflows_have_it(stack: str) -> None:
    """GitHub adds ids to the names of repositories that were made since July 2026."""
    pattern = template.read(stack)["Parameters"]["GitHubRepository"]["AllowedPattern"]
    for name in ("larder-shop/larder", "larder-shop@123/larder@456"):
        assert re.fullmatch(pattern, name)
    assert not re.fullmatch(pattern, "larder-shop/larder:ref:refs/heads/main")


def test_the_first_commands_of_the_page_trust_no_other_repository() -> None:
    page = (ROOT / "deploy/aws/README.md").read_text()
    block = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    assert "bootstrap\n" in block
