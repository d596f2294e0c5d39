"""A restored database takes the place of the damaged one (restore --swap)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.aws.larder_aws import restore
from deploy.aws.larder_aws.__main__ import main
from deploy.aws.larder_aws.failure import Failure
from deploy.aws.tests.installation import tasks_begun


def test_a_restored_database_replaces_the_damaged_one(shop: Path) -> None:
    rds = boto3.client("rds")
    before = databases()
    for one in before.values():
        # CloudFormation's own tags; others may not use them.
        own = [{"Key": "aws:cloudformation:stack-name", "Value": "larder-production-database"}]
        rds.add_tags_to_resource(ResourceName=one["DBInstanceArn"], Tags=own)
    assert set(before) == {"larder-production", "larder-production-replica"}
    main(["restore"])
    begun = len(tasks_begun())
    main(["restore", "--swap"])
    # Both as the owner of the tables, for the restored one has the log-ins and keys of then.
    assert tasks_begun()[begun:] == [("prepare", []), ("prepare", ENDING)]
    after = databases()
    [damaged] = [name for name in after if name.startswith("larder-production-until-")]
    assert set(after) == {*before, damaged}
    replica = after["larder-production-replica"]
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == "larder-production"
    for name in before:
        kept = {setting: before[name].get(setting) for setting in LIKE_BEFORE}
        assert {setting: after[name].get(setting) for setting in LIKE_BEFORE} == kept
    ours = [{"Key": "larder:backup", "Value": "production"}]
    assert [one for one in ours if one in after["larder-production"]["TagList"]]


def test_a_second_swap_leaves_the_restored_database_in_its_place(shop: Path) -> None:
    before = set(databases())
    with pytest.raises(SystemExit, match=r"no larder-production-restored: .* `migrate`"):
        main(["restore", "--swap"])
    assert set(databases()) == before


def test_a_swap_that_was_interrupted_goes_on(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, rename = databases(), restore._rename

    def ended(client: Any, name: str, new_name: str, poll_seconds: float) -> None:
        if name == "larder-production-restored":
            raise Failure("interrupted")
        rename(client, name, new_name, poll_seconds)

    main(["restore"])
    monkeypatch.setattr(restore, "_rename", ended)
    with pytest.raises(SystemExit, match="interrupted"):
        main(["restore", "--swap"])
    # The damaged one has its other name, and its replica is gone.
    assert not {"larder-production", "larder-production-replica"} & set(databases())
    monkeypatch.undo()
    main(["restore", "--swap"])
    after = databases()
    replica = after["larder-production-replica"]
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == "larder-production"
    assert [one for one in replica["TagList"] if one["Key"] == "larder:backup"] == []
    for name in ("larder-production", "larder-production-replica"):
        kept = {one: before[name].get(one) for one in GIVEN}
        assert {one: after[name].get(one) for one in GIVEN} == kept


def test_a_replica_that_is_gone_is_made_again_by_a_swap(shop: Path) -> None:
    """RDS makes the replica of a deleted instance a separate one, which the runbook deletes."""
    boto3.client("rds").delete_db_instance(
        DBInstanceIdentifier="larder-production-replica", SkipFinalSnapshot=True
    )
    before = set(databases())
    main(["restore", "--swap"])
    assert set(databases()) == {*before, "larder-production-replica"}


def test_a_database_that_was_restored_by_hand_gets_the_settings(shop: Path) -> None:
    """From a vault, or from a snapshot, as the runbook has it for a lost region."""
    rds, before = boto3.client("rds"), databases()["larder-production"]
    rds.create_db_snapshot(DBInstanceIdentifier="larder-production", DBSnapshotIdentifier="copy")
    rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="larder-production-restored", DBSnapshotIdentifier="copy"
    )
    assert databases()["larder-production-restored"]["MonitoringInterval"] == 0
    main(["restore", "--swap"])
    after = databases()["larder-production"]
    assert {one: after.get(one) for one in GIVEN} == {one: before.get(one) for one in GIVEN}


def test_a_restore_asks_for_no_limit_that_rds_refuses() -> None:
    """It is to be a tenth above what is allocated: not so where the storage has grown to it."""
    groups = {"DBParameterGroups": [{"DBParameterGroupName": "own"}], "VpcSecurityGroups": []}
    running: dict[str, Any] = groups | {"MaxAllocatedStorage": 500}
    limits = [
        restore._made_like(running | {"AllocatedStorage": has}).get("MaxAllocatedStorage")
        for has in (50, 450, 480, 500)
    ]
    assert limits == [500, 500, None, None]


GIVEN = (
    *("MaxAllocatedStorage", "DeletionProtection", "CopyTagsToSnapshot"),
    *("EnabledCloudwatchLogsExports", "IAMDatabaseAuthenticationEnabled"),
    *("MonitoringInterval", "MonitoringRoleArn"),
    *("BackupRetentionPeriod", "PreferredBackupWindow", "PreferredMaintenanceWindow"),
)
"""What a swap gives to an instance."""
ENDING = ["python", "manage.py", "end_sessions_and_keys"]


LIKE_BEFORE = (
    *("DBInstanceClass", "MultiAZ", "StorageType", "MaxAllocatedStorage", "DeletionProtection"),
    *("PubliclyAccessible", "CopyTagsToSnapshot", "DBParameterGroups", "VpcSecurityGroups"),
    *("EnabledCloudwatchLogsExports", "IAMDatabaseAuthenticationEnabled"),
    *("MonitoringInterval", "MonitoringRoleArn"),
    *("BackupRetentionPeriod", "PreferredBackupWindow", "PreferredMaintenanceWindow"),
)
"""What the emulator tells of an instance that a restore has to keep."""


def databases() -> dict[str, dict[str, Any]]:
    found = boto3.client("rds").describe_db_instances()["DBInstances"]
    return {one["DBInstanceIdentifier"]: dict(one) for one in found}
