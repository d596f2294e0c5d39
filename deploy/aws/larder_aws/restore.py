"""A moment of the past, restored beside the database that runs; then in its place.

The restored instance takes the name of the damaged one, so its address and the stacks stay as they
are. RDS restores data, not settings: those that the template chose (`CREATED`, `CHANGED`) are read
from the damaged one and given to the restored one. The damaged one is kept under another name
until it is deleted. What was ended since that moment is live again in it: it ends anew.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import boto3

from deploy.aws.larder_aws import commands
from deploy.aws.larder_aws.failure import Failure
from deploy.aws.larder_aws.stacks import Installation

LONGEST_SECONDS = 7_200
CREATED = (
    *("DBInstanceClass", "PubliclyAccessible", "StorageType", "CopyTagsToSnapshot"),
    *("AutoMinorVersionUpgrade", "EnableIAMDatabaseAuthentication"),
    "EnableCloudwatchLogsExports",
)
"""Settings that an instance is restored with, and a replica made with."""
RENAMED = {
    "IAMDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "EnabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "PerformanceInsightsEnabled": "EnablePerformanceInsights",
}
"""Settings whose name in a description is not the one that requests have for them."""
WATCHED = (
    *("MonitoringInterval", "MonitoringRoleArn"),
    *("EnablePerformanceInsights", "PerformanceInsightsKMSKeyId"),
    "PerformanceInsightsRetentionPeriod",
)
CHANGED = (
    *("BackupRetentionPeriod", "PreferredBackupWindow", "PreferredMaintenanceWindow"),
    *("CopyTagsToSnapshot", "AutoMinorVersionUpgrade", "EnableIAMDatabaseAuthentication"),
    *WATCHED,
)
"""Settings that a restored instance is changed to, also one that this tool did not restore."""


def restore(installation: Installation, moment: datetime | None) -> str:
    """Restore the state of a moment (None: the last there is) as `<database>-restored`."""
    client, database, restored = _names(installation)
    [running] = client.describe_db_instances(DBInstanceIdentifier=database)["DBInstances"]
    when: dict[str, Any] = {"RestoreTime": moment} if moment else {"UseLatestRestorableTime": True}
    client.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=database,
        TargetDBInstanceIdentifier=restored,
        DBSubnetGroupName=running["DBSubnetGroup"]["DBSubnetGroupName"],
        MultiAZ=running["MultiAZ"],
        DeletionProtection=True,
        **_made_like(running),
        **when,
    )
    _give_settings(installation, running, restored)
    return restored


def swap(installation: Installation, stamp: str, say: Callable[[str], None]) -> None:
    """Put the restored instance in the database's place.

    A replica follows the damaged one: it goes, and is made anew from the restored one. Run again
    after it was interrupted, it goes on where it ended.
    """
    client, database, restored = _names(installation)
    replica = installation.outputs().get("ReplicaId", "")
    before = _found(client, replica) if replica else {}
    if _found(client, restored):
        damaged = f"{database}-until-{stamp}"
        if running := _found(client, database):
            _give_settings(installation, running, restored)
            if before:
                client.delete_db_instance(DBInstanceIdentifier=replica, SkipFinalSnapshot=True)
                _wait_gone(client, replica, installation.poll_seconds)
            _rename(client, database, damaged, installation.poll_seconds)
            say(f"the damaged one is {damaged}")
        _rename(client, restored, database, installation.poll_seconds)
        say(f"{database} is the restored one")
    elif before or not replica:
        raise Failure(
            f"There is no {restored}: run `restore` first. Where an earlier --swap has put it in"
            " its place, go on with `migrate` and `end-sessions-and-keys`."
        )
    if replica:
        like = before or _found(client, database)
        made = _made_like(like)
        client.create_db_instance_read_replica(
            DBInstanceIdentifier=replica,
            SourceDBInstanceIdentifier=database,
            **made | {"Tags": [one for one in made["Tags"] if one["Key"] != "larder:backup"]},
            **_chosen(like, WATCHED),
        )
        _wait(client, replica, installation.poll_seconds)
        say(f"{replica} follows it")


def end_sessions_and_keys(installation: Installation) -> None:
    """End what opened accounts at the moment that was restored: some was ended since.

    In the task that prepares, which alone is handed the owner's password.
    """
    commands.run(
        installation.outputs(),
        "PrepareTask",
        ["python", "manage.py", "end_sessions_and_keys"],
        poll_seconds=installation.poll_seconds,
    )


def _give_settings(installation: Installation, running: Mapping[str, Any], restored: str) -> None:
    """Give a restored instance the password of now, and the settings of the running one."""
    client = boto3.client("rds")
    _wait(client, restored, installation.poll_seconds)
    secret = boto3.client("secretsmanager").get_secret_value(
        SecretId=installation.outputs()["OwnerSecret"]
    )
    made = _found(client, restored)
    has = _chosen(made, CHANGED)
    change = {k: v for k, v in _chosen(running, CHANGED).items() if has.get(k) != v}
    change |= _limit(running, made["AllocatedStorage"])
    exported = made.get("EnabledCloudwatchLogsExports", [])
    logs = [one for one in running.get("EnabledCloudwatchLogsExports", []) if one not in exported]
    if logs:
        change["CloudwatchLogsExportConfiguration"] = {"EnableLogTypes": logs}
    client.modify_db_instance(
        DBInstanceIdentifier=restored,
        MasterUserPassword=json.loads(secret["SecretString"])["password"],
        DeletionProtection=True,
        ApplyImmediately=True,
        **change,
    )
    _wait(client, restored, installation.poll_seconds)


def _found(client: Any, name: str) -> dict[str, Any]:
    """Return an instance as RDS describes it; nothing where there is none."""
    try:
        return dict(client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0])
    except client.exceptions.DBInstanceNotFoundFault:
        return {}


def _made_like(running: Mapping[str, Any]) -> dict[str, Any]:
    """What a restored instance and a replica are made with, as the one that is described has it."""
    return {
        **_chosen(running, CREATED),
        **_limit(running, running["AllocatedStorage"]),
        "DBParameterGroupName": running["DBParameterGroups"][0]["DBParameterGroupName"],
        "VpcSecurityGroupIds": [one["VpcSecurityGroupId"] for one in running["VpcSecurityGroups"]],
        # Keys that begin with aws: are AWS's own, such as CloudFormation's, and refused from us.
        "Tags": [one for one in running.get("TagList", []) if not one["Key"].startswith("aws:")],
    }


def _limit(running: Mapping[str, Any], allocated: int) -> dict[str, int]:
    """Return the storage limit; nothing if RDS refuses it: less than a tenth above `allocated`."""
    most = running.get("MaxAllocatedStorage", 0)
    return {"MaxAllocatedStorage": most} if 10 * most >= 11 * allocated else {}


def _chosen(running: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Settings of a described instance by the names that requests have for them."""
    asked = {RENAMED.get(name, name): value for name, value in running.items()}
    return {name: asked[name] for name in names if name in asked}


def _names(installation: Installation) -> tuple[Any, str, str]:
    if installation.parameter("database", "Engine") == "aurora":
        raise Failure("Aurora restores clusters: run the commands in docs/how-to/runbooks/aws.md.")
    database = installation.outputs()["DatabaseId"]
    return boto3.client("rds"), database, f"{database}-restored"


def _rename(client: Any, name: str, new_name: str, poll_seconds: float) -> None:
    client.modify_db_instance(
        DBInstanceIdentifier=name, NewDBInstanceIdentifier=new_name, ApplyImmediately=True
    )
    _wait(client, new_name, poll_seconds)


def _wait(client: Any, name: str, poll_seconds: float) -> None:
    """Until it is available with nothing left to be changed; a renamed one is away at first."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        found = _found(client, name)
        if found.get("DBInstanceStatus") == "available" and not found.get("PendingModifiedValues"):
            return
        time.sleep(poll_seconds)
    raise Failure(f"{name} is not available after {LONGEST_SECONDS} s: check it in RDS.")


def _wait_gone(client: Any, name: str, poll_seconds: float) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        if not _found(client, name):
            return
        time.sleep(poll_seconds)
    raise Failure(f"{name} exists after {LONGEST_SECONDS} s: check it in RDS.")
