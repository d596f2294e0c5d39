"""RDS as it restores: moto copies every setting, RDS begins with its defaults.

A copy's tags are refused here as RDS refuses them: keys that begin with aws: are its own.
"""

from __future__ import annotations

from typing import Any

from moto.rds.exceptions import InvalidParameterValue
from moto.rds.models import RDSBackend

DEFAULTS: dict[str, Any] = {
    "deletion_protection": False,
    "enabled_cloudwatch_logs_exports": [],
    "enable_iam_database_authentication": False,
    "monitoring_interval": 0,
    "monitoring_role_arn": None,
    "preferred_backup_window": "00:10-00:40",
    "preferred_maintenance_window": "mon:00:50-mon:01:20",
    "tags": [],
}


def extend() -> None:
    """Let moto's RDS restore, and make replicas, as the real one does; once in a process."""
    restore, copy, replicate = (
        RDSBackend.restore_db_instance_to_point_in_time,
        RDSBackend.restore_db_instance_from_db_snapshot,
        RDSBackend.create_db_instance_read_replica,
    )
    if getattr(RDSBackend, "forgetful", False):
        return

    def restored(self: Any, source: str, target: str, overrides: dict[str, Any]) -> Any:
        return forgotten(restore(self, source, target, checked(overrides)), overrides)

    def copied(self: Any, snapshot: str, overrides: dict[str, Any]) -> Any:
        return forgotten(copy(self, snapshot, checked(overrides)), overrides)

    def replicated(self: Any, db_kwargs: dict[str, Any]) -> Any:
        return forgotten(replicate(self, checked(db_kwargs)), db_kwargs)

    RDSBackend.restore_db_instance_to_point_in_time = restored  # type: ignore[method-assign]
    RDSBackend.restore_db_instance_from_db_snapshot = copied  # type: ignore[method-assign]
    RDSBackend.create_db_instance_read_replica = replicated  # type: ignore[method-assign]
    # The emulator names these by the minute, in which a test restores twice.
    RDSBackend.create_auto_snapshot = lambda *given: None  # type: ignore[method-assign]
    RDSBackend.forgetful = True  # type: ignore[attr-defined]


def forgotten(instance: Any, given: dict[str, Any]) -> Any:
    """Returns the instance with the given values only."""
    for name, default in DEFAULTS.items():
        # moto passes each name on, as None where the request had none; one is called otherwise.
        asked = given.get(name.replace("enabled_", "enable_"))
        setattr(instance, name, default if asked is None else asked)
    return instance


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """Returns the given values; refused if a tag is one of AWS's own."""
    if any(tag["Key"].startswith("aws:") for tag in given.get("tags") or []):
        raise InvalidParameterValue("Tag keys beginning with aws: are reserved for system use.")
    return given
