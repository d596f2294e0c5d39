"""What the operator writes into an installation, and tasks that take it up."""

from __future__ import annotations

import getpass
import json
import sys

import boto3

from deploy.aws.larder_aws.failure import Failure
from deploy.aws.larder_aws.stacks import Installation

WRITTEN = {
    "email_url": "OtherSecret",
    "sentry_dsn": "OtherSecret",
    "otlp_headers": "TracesSecret",
    "stripe_webhook_secrets": "PaymentsSecret",
    "signed_payment_secrets": "PaymentsSecret",
    "readonly_password": "ReadonlySecret",
}
"""What an operator fills in, and the secret with that name; the rest of it stays as it is."""
OF_THE_DATABASE = ("readonly_password",)
"""Taken up by what prepares the database; the others by servers and workers when they start."""
SERVICES = ("server", "worker")


def asked(name: str) -> str:
    """A value from the terminal, unseen, or the first line of what is piped in.

    Not an argument: those are in the shell's history and in the list of processes.
    """
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ").strip()
    return sys.stdin.readline().strip()


def write(installation: Installation, name: str, value: str) -> None:
    """Write one name of a secret; its other names are kept, for tasks need them all.

    Failure where mail would be switched on without an address that it comes from: no server would
    start with that.
    """
    if name == "email_url" and value and not installation.parameter("service", "MailFrom"):
        raise Failure(
            "Servers that send mail refuse to start without an address that it comes from: run"
            ' deploy/aws/run up --set "MailFrom=Shop <shop@example.com>"'
        )
    manager, secret = boto3.client("secretsmanager"), installation.outputs()[WRITTEN[name]]
    before = json.loads(manager.get_secret_value(SecretId=secret)["SecretString"])
    manager.put_secret_value(SecretId=secret, SecretString=json.dumps(before | {name: value}))


def restart(installation: Installation) -> None:
    """Replace all servers and workers in turn by new ones, which read their secrets anew."""
    ecs, cluster = boto3.client("ecs"), installation.outputs()["ClusterName"]
    for service in SERVICES:
        ecs.update_service(cluster=cluster, service=service, forceNewDeployment=True)
