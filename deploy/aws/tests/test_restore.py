"""The settings that a restored database keeps, read from the requests, which botocore checks."""

from __future__ import annotations

import botocore.session
import pytest

from deploy.aws import template
from deploy.aws.larder_aws import restore

RDS = botocore.session.get_session().get_service_model("rds")
GIVEN_OTHERWISE = {
    "DBInstanceIdentifier": "by the swap of names",
    "Engine": "by the backup",
    "EngineVersion": "by the backup",
    "AllocatedStorage": "by the backup",
    "MaxAllocatedStorage": "where RDS takes it",
    "StorageEncrypted": "by the backup",
    "KmsKeyId": "by the backup",
    "DBName": "by the backup",
    "MasterUsername": "by the backup",
    "MasterUserPassword": "from the secret of now",
    "SourceDBInstanceIdentifier": "by name",
    "MultiAZ": "by name",
    "DBSubnetGroupName": "by name",
    "DeletionProtection": "by name",
    "DBParameterGroupName": "by name",
    "VPCSecurityGroups": "by name",
    "Tags": "by name",
}


def members(shape: str) -> set[str]:
    return set(RDS.shape_for(shape).members)


@pytest.mark.parametrize(
    ("resource", "kept"),
    [
        ("Primary", {*restore.CREATED, *restore.CHANGED}),
        ("Replica", {*restore.CREATED, *restore.WATCHED}),
    ],
)
def test_every_setting_of_the_template_is_kept_by_a_restore(resource: str, kept: set[str]) -> None:
    chosen = template.read("database")["Resources"][resource]["Properties"]
    assert set(chosen) - kept <= set(GIVEN_OTHERWISE)


def test_each_kept_setting_can_be_read_and_requested() -> None:
    described = {restore.RENAMED.get(name, name) for name in members("DBInstance")}
    assert {*restore.CREATED, *restore.CHANGED} <= described
    assert set(restore.CREATED) <= members("RestoreDBInstanceToPointInTimeMessage")
    assert set(restore.CHANGED) <= members("ModifyDBInstanceMessage")
    assert {*restore.CREATED, *restore.WATCHED} <= members("CreateDBInstanceReadReplicaMessage")
