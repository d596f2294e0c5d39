"""A changed installation keeps its data and its secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.aws import template
from deploy.aws.larder_aws import app_secret, storage
from deploy.aws.larder_aws.__main__ import main
from deploy.aws.larder_aws.stacks import Installation

ROTATED = "postgresql://larder_app_b:rotated@"


def secret() -> dict[str, str]:
    name = Installation("production").outputs()["AppSecret"]
    text = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    return dict(json.loads(text))


def write(value: dict[str, str]) -> None:
    name = Installation("production").outputs()["AppSecret"]
    boto3.client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(value))


def test_the_secret_has_the_addresses_of_both_databases(shop: Path) -> None:
    outputs = Installation("production").outputs()
    login = secret()["url"].partition("@")[0]
    rest = ":5432/larder?sslmode=verify-full&sslrootcert=/etc/larder/rds-ca.pem"
    assert secret() == {
        "url": f"{login}@{outputs['DatabaseHost']}{rest}",
        "replica_urls": f"{login}@{outputs['ReplicaHost']}{rest}",
    }


def test_a_change_of_the_database_keeps_the_rotated_password(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = secret()
    rotated = {name: ROTATED + value.partition("@")[2] for name, value in first.items()}
    write(rotated)
    plain = Installation.apply

    def rewriting(self: Installation, stack: str, given: Any = None) -> str:
        """What CloudFormation does where a change reaches the secret."""
        done = plain(self, stack, given)
        if stack == "database":
            write(first | {"replica_urls": ""})
        return done

    monkeypatch.setattr(Installation, "apply", rewriting)
    main(["up", "--tag", "first"])
    assert secret() == rotated


def test_the_secret_from_cloudformation_does_not_depend_on_the_size() -> None:
    value = template.read("database")["Resources"]["AppSecret"]["Properties"]["SecretString"]
    written = value["Fn::Sub"]
    assert '"replica_urls": ""' in written[0]
    assert set(written[1]) == {"Host"}


def test_a_removed_replica_is_removed_from_the_secret(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = Installation("production")
    outputs = installation.outputs() | {"ReplicaHost": ""}
    monkeypatch.setattr(Installation, "outputs", lambda self: outputs)
    before = secret()
    assert app_secret.follow_stack(installation, before)
    assert secret() == before | {"replica_urls": ""}


def test_another_engine_is_refused_before_anything_changes(shop: Path) -> None:
    with pytest.raises(SystemExit, match="engine is postgres"):
        main(["up", "--tag", "first", "--set", "Engine=aurora", "--set", "Currency=USD"])
    assert Installation("production").parameter("service", "Currency") == "EUR"


def test_another_size_does_not_open_a_paused_shop(shop: Path) -> None:
    """With a least of servers, Application Auto Scaling starts them at once."""
    main(["pause"])
    with pytest.raises(SystemExit, match="paused"):
        main(["up", "--tag", "first", "--size", "large"])
    [target] = boto3.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs"
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 0)
    main(["up", "--tag", "first", "--size", "medium"])
    main(["resume"])


@pytest.mark.parametrize("change", [["--set", "Strategy=ROLLING"], ["--domain", "new.example.com"]])
def test_no_change_leaves_the_requests_to_an_empty_group(shop: Path, change: list[str]) -> None:
    """A canary's release moves the requests to the other group. A rolling one moves none, and the
    template's rule leads to the first."""
    outputs, balancer = Installation("production").outputs(), boto3.client("elbv2")

    def weigh(blue: int, green: int) -> None:
        groups = [
            {"TargetGroupArn": outputs["BlueTargets"], "Weight": blue},
            {"TargetGroupArn": outputs["GreenTargets"], "Weight": green},
        ]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        balancer.modify_rule(RuleArn=outputs["ShopRule"], Actions=[action])

    weigh(0, 100)
    with pytest.raises(SystemExit, match="second group"):
        main(["up", "--tag", "first", *change])
    weigh(100, 0)
    main(["up", "--tag", "first", *change])


def test_the_repository_of_the_examples_is_not_trusted(shop: Path) -> None:
    with pytest.raises(SystemExit, match="your own repository"):
        main(["bootstrap", "--github", "example/larder"])


def test_a_cache_gets_its_second_node_before_the_failover(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ElastiCache refuses a failover to a group of one node."""
    applied: list[str] = []

    def apply(self: Installation, stack: str, given: Mapping[str, str]) -> str:
        if stack == "cache":
            applied.append(given["Failover"])
        return "changed"

    monkeypatch.setattr(Installation, "apply", apply)
    sizes = ["small"]
    monkeypatch.setattr(
        Installation, "parameter", lambda self, *of: sizes[-1] if of == ("cache", "Size") else ""
    )
    main(["up", "--tag", "first", "--size", "medium"])
    # Also after the second step was interrupted.
    sizes.append("medium")
    main(["up", "--tag", "first", "--size", "medium"])
    main(["up", "--tag", "first"])
    assert applied == ["false", "true", "true", "true"]


GROWN = [
    *((100, "", "0"), (100, "large", "0"), (150, "large", "0")),
    *((120, "", "120"), (380, "large", "380"), (100, "small", "100")),
    (100, "no size", "100"),
]


@pytest.mark.parametrize(("has", "size", "kept"), GROWN)
def test_a_database_keeps_the_storage_that_it_has_grown_to(
    shop: Path, has: int, size: str, kept: str
) -> None:
    """RDS refuses less than it has, and more by less than a tenth."""
    boto3.client("rds").modify_db_instance(
        DBInstanceIdentifier="larder-production", AllocatedStorage=has, ApplyImmediately=True
    )
    assert storage.grown(Installation("production"), size) == kept


def test_a_change_of_the_size_asks_for_the_storage_that_there_is(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: dict[str, Mapping[str, str]] = {}

    def apply(self: Installation, stack: str, given: Mapping[str, str]) -> str:
        applied[stack] = given
        return "as it was"

    monkeypatch.setattr(Installation, "apply", apply)
    boto3.client("rds").modify_db_instance(
        DBInstanceIdentifier="larder-production", AllocatedStorage=380, ApplyImmediately=True
    )
    main(["up", "--tag", "first", "--size", "large"])
    assert applied["database"]["Storage"] == "380"
    read = template.read("database")["Resources"]["Primary"]["Properties"]
    assert read["AllocatedStorage"]["Fn::If"][:2] == ["Grown", {"Ref": "Storage"}]


def test_the_storage_of_a_replica_grows_as_that_of_its_primary() -> None:
    """RDS grows an instance that has a limit, whatever its primary has."""
    resources = template.read("database")["Resources"]
    primary, replica = (resources[one]["Properties"] for one in ("Primary", "Replica"))
    assert replica["MaxAllocatedStorage"] == primary["MaxAllocatedStorage"]
