"""The database's storage, which RDS grows by itself and cannot shrink."""

from __future__ import annotations

import boto3

from deploy.aws import template
from deploy.aws.larder_aws.stacks import Installation


def grown(installation: Installation, size: str) -> str:
    """Return the GiB of the instance if it has to keep them; "0" if it gets those of the size.

    RDS refuses less than the instance has, and an increase of less than a tenth. CloudFormation
    would ask for both:
    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/430 and 1312
    """
    database = installation.outputs().get("DatabaseId")
    if database is None or installation.parameter("database", "Engine") != "postgres":
        return "0"
    found = boto3.client("rds").describe_db_instances(
        Filters=[{"Name": "db-instance-id", "Values": [database]}]
    )["DBInstances"]
    has = max((int(one["AllocatedStorage"]) for one in found), default=0)
    size = size or installation.parameter("database", "Size")
    wants = int(template.read("database")["Mappings"]["Sizes"].get(size, {"Storage": 0})["Storage"])
    return str(has) if has != wants and 11 * has > 10 * wants else "0"
