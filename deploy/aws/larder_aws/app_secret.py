"""The secret of servers and workers: DATABASE_URL and REPLICA_URLS, as rotation last wrote them.

CloudFormation writes it with the first password. Whatever changes the database's stack later keeps
the role and password of now: only the hosts are those of the stack.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import boto3

from deploy.aws.larder_aws.stacks import Installation

Value = dict[str, str]


def read(installation: Installation) -> Value | None:
    """Return the secret as tasks get it; None before the database's stack is made."""
    name = installation.outputs().get("AppSecret")
    if name is None:
        return None
    found = boto3.client("secretsmanager").get_secret_value(SecretId=name)
    return dict(json.loads(found["SecretString"]))


def follow_stack(installation: Installation, before: Value | None) -> bool:
    """Write the hosts that the database's stack has now, with the role and password of `before`.

    Return whether the secret changed; tasks read it when they start.
    """
    now = read(installation) or {}
    wanted = _with_hosts(before or now, installation.outputs())
    if wanted == now:
        return False
    boto3.client("secretsmanager").put_secret_value(
        SecretId=installation.outputs()["AppSecret"], SecretString=json.dumps(wanted)
    )
    return True


def _with_hosts(value: Value, outputs: dict[str, str]) -> Value:
    primary = _at(value["url"], outputs["DatabaseHost"])
    replica = outputs.get("ReplicaHost", "")
    return value | {"url": primary, "replica_urls": _at(primary, replica) if replica else ""}


def _at(url: str, host: str) -> str:
    """Return the address with another host."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{login}@{host}:{parts.port}").geturl()
