"""The command line: `deploy/aws/run bootstrap`, `up`, `release` … (`--help` lists them)."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws import template
from deploy.aws.larder_aws import (
    app_secret,
    commands,
    images,
    pause,
    releases,
    restore,
    settings,
    storage,
)
from deploy.aws.larder_aws.failure import Failure
from deploy.aws.larder_aws.stacks import ACCOUNT, AFTER_IMAGE, BEFORE_IMAGE, Installation

LINKED = (
    *("ecs", "elasticloadbalancing", "rds", "elasticache"),
    *("ecs.application-autoscaling", "backup"),
)
"""Services whose own role a new account lacks; the first stack that needs one would fail."""
SECRETS = {"app": "AppSecret", "owner": "OwnerSecret", "signing": "SigningSecret"}
Handler = Callable[[argparse.Namespace], None]


def say(line: str) -> None:
    """A line for the terminal, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def bootstrap(given: argparse.Namespace) -> None:
    """What all installations of an account share: service roles, key, images, GitHub's rights."""
    if given.github.startswith("example/"):
        raise Failure("Set --github to your own repository: its workflows may push images.")
    iam = boto3.client("iam")
    for service in LINKED:
        try:
            iam.create_service_linked_role(AWSServiceName=f"{service}.amazonaws.com")
        except ClientError as error:
            if "has been taken" not in str(error) and "already exists" not in str(error).lower():
                raise
    wanted = {"GitHubRepository": given.github, "GitHubProviderArn": given.github_provider}
    done = Installation("all").apply(ACCOUNT, {name: v for name, v in wanted.items() if v})
    say(f"account: {done}")


def build(given: argparse.Namespace) -> None:
    """Build the image from this checkout."""
    images.build(given.tag, platform=given.platform, cached=not given.no_cache)


def push(given: argparse.Namespace) -> None:
    """Put the built image into ECR, which gives no tag another image."""
    try:
        image = images.named(given.tag)
    except Failure:
        say(images.push(given.tag))
    else:
        say(f"Nothing was pushed: ECR has {given.tag} and keeps it, {image}.")


def up(given: argparse.Namespace) -> None:
    """Make or change everything of an installation; prepare its database; let the image serve."""
    installation = Installation(given.environment)
    image = looked_at(given)
    chosen = {"Failover": "true"} | dict(one.split("=", 1) for one in given.set)
    chosen["Image"] = image
    plain = {
        "Size": given.size,
        "DomainName": given.domain,
        "HostedZoneId": given.zone,
        "AlarmEmail": given.alarms,
    }
    chosen |= {name: value for name, value in plain.items() if value}
    refuse_unknown(chosen)
    refuse_another_engine(installation, chosen)
    pause.refuse_another_size(installation, chosen.get("Size"))
    releases.refuse_first_group(installation, chosen)
    login = app_secret.read(installation)
    chosen = {"Storage": storage.grown(installation, chosen.get("Size", ""))} | chosen
    for stack in (*BEFORE_IMAGE, *AFTER_IMAGE):
        known = template.read(stack).get("Parameters", {})
        mine = {name: value for name, value in chosen.items() if name in known}
        if stack == "cache" and gets_a_second_node(installation, chosen):
            # ElastiCache refuses the failover that CloudFormation asks for before it adds the node.
            say(f"cache: {installation.apply(stack, mine | {'Failover': 'false'})}, two nodes")
        say(f"{stack}: {installation.apply(stack, mine)}")
        if stack == "database" and app_secret.follow_stack(installation, login):
            say("addresses of the database: written")
        if stack == "tasks":
            releases.prepare(installation)
            say("prepared: roles, migrations, rights")
        if stack == "worker":
            pause.follow_size(installation)
    repository = Installation("all").parameter(ACCOUNT, "GitHubRepository")
    if repository:
        say(f"release: {installation.apply('release', {'GitHubRepository': repository})}")
    releases.remember(installation, image)
    say(f"https://{installation.outputs()['DomainName']} serves {given.tag}")


def gets_a_second_node(installation: Installation, chosen: dict[str, str]) -> bool:
    """Whether a cache of one node gets another one.

    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/383
    """
    has = installation.parameter("cache", "Size")
    return has == "small" and chosen.get("Size", has) != "small"


def refuse_unknown(chosen: dict[str, str]) -> None:
    """Failure for a name that no template takes: a slip of the pen would change nothing."""
    known = {
        name
        for stack in (*BEFORE_IMAGE, *AFTER_IMAGE)
        for name in template.read(stack).get("Parameters", {})
    }
    unknown = sorted(set(chosen) - known)
    if unknown:
        raise Failure(f"No template takes {', '.join(unknown)}: check the names of --set.")


def refuse_another_engine(installation: Installation, chosen: dict[str, str]) -> None:
    """Failure for another engine than the database has: CloudFormation would make an empty one."""
    has, wanted = installation.parameter("database", "Engine"), chosen.get("Engine")
    if has and wanted and wanted != has:
        raise Failure(
            f"The database's engine is {has}. With Engine={wanted} CloudFormation would put an"
            " empty database in its place. Make another installation (--environment) and move the"
            " data: docs/how-to/runbooks/aws.md, Another engine."
        )


def release(given: argparse.Namespace) -> None:
    """Prepare with a new image, then let it serve."""
    releases.release(Installation(given.environment), looked_at(given), say)


def looked_at(given: argparse.Namespace) -> str:
    """The image of a tag, into which ECR has looked; Failure for what is grave and has a fix."""
    image = images.named(given.tag)
    if not given.allow_findings:
        say(images.refuse_grave(image))
    return image


def migrate(given: argparse.Namespace) -> None:
    """Run `manage.py prepare` with the image that is released."""
    releases.prepare(Installation(given.environment))


def rollback(given: argparse.Namespace) -> None:
    """Let the former image serve again, or the one of a tag."""
    installation = Installation(given.environment)
    image = images.named(given.tag) if given.tag else releases.former(installation)
    say(f"back to {image}")
    releases.rollback(installation, image, say)


def command(given: argparse.Namespace) -> None:
    """Run a command of manage.py as a separate task: `command … -- check_invariants`."""
    words = [one for one in given.words if one != "--"]
    outputs = Installation(given.environment).outputs()
    task = "PrepareTask" if given.owner else "CommandTask"
    commands.run(outputs, task, ["python", "manage.py", *words])
    say(f"Read its output: aws logs tail {outputs['LogName']} --since 15m")


def restore_database(given: argparse.Namespace) -> None:
    """Restore a moment beside the database, or put what was restored in its place."""
    installation = Installation(given.environment)
    if given.swap:
        restore.swap(installation, datetime.now(UTC).strftime("%Y%m%d-%H%M"), say)
        releases.prepare(installation)
        say("prepared: the roles have their current passwords")
        end_sessions_and_keys(given)
        return
    moment = datetime.fromisoformat(given.to) if given.to else None
    if moment and moment.tzinfo is None:
        raise Failure("Set a time zone in --to: 2026-11-20T10:15:00+00:00")
    say(f"{restore.restore(installation, moment)} is restored; check it, then run --swap")


def end_sessions_and_keys(given: argparse.Namespace) -> None:
    """End every log-in and key, as `restore --swap` does by itself; their owners make new ones."""
    restore.end_sessions_and_keys(Installation(given.environment))
    say("ended: every log-in and key that existed")


def rotate(given: argparse.Namespace) -> None:
    """Renew a secret now; Secrets Manager does it by itself every month or quarter."""
    outputs = Installation(given.environment).outputs()
    boto3.client("secretsmanager").rotate_secret(SecretId=outputs[SECRETS[given.secret]])
    say(f"Read its output: aws logs tail /aws/lambda/{outputs['RotationName']} --since 15m")


def stop(given: argparse.Namespace) -> None:
    """Stop all servers and workers, before a restore: nothing is written any more."""
    pause.pause(Installation(given.environment))
    say("Nothing runs; `resume` opens again.")


def resume(given: argparse.Namespace) -> None:
    """Start servers and workers again, as many as the installation's size has."""
    least, most = pause.resume(Installation(given.environment))
    say(f"Servers start: {least}, up to {most}.")


def secret(given: argparse.Namespace) -> None:
    """Write a secret (typed in, or piped in); new tasks use it."""
    installation = Installation(given.environment)
    settings.write(installation, given.name, settings.asked(given.name))
    if given.name in settings.OF_THE_DATABASE:
        releases.prepare(installation)
        say("prepared: the role has it")
    else:
        restart(given)


def restart(given: argparse.Namespace) -> None:
    """Replace all servers and workers in turn, with the same image."""
    settings.restart(Installation(given.environment))
    say("Servers and workers are being replaced: `status` says when it is done.")


def status(given: argparse.Namespace) -> None:
    """What serves, what served before, and how the services stand."""
    installation = Installation(given.environment)
    for image in releases.released(installation)[-5:]:
        say(f"released: {image}")
    cluster = installation.outputs()["ClusterName"]
    found = boto3.client("ecs").describe_services(cluster=cluster, services=["server", "worker"])
    for one in found["services"]:
        # A deleted one has none.
        if one["deployments"]:
            say(counted(one))


def counted(service: Mapping[str, Any]) -> str:
    """How many tasks of a service run, and whether the former ones are all replaced.

    The former deployment is listed until its last task has ended.
    """
    begun = max(one["createdAt"] for one in service["deployments"]).astimezone(UTC)
    replaced = "being replaced since" if service["deployments"][1:] else "all started after"
    count = f"{service['runningCount']} of {service['desiredCount']}"
    return f"{service['serviceName']}: {count} run, {replaced} {begun:%Y-%m-%d %H:%M:%S} UTC"


def parser() -> argparse.ArgumentParser:
    """Every command with its arguments."""
    top = argparse.ArgumentParser(prog="deploy/aws/run", description=__doc__)
    verbs = top.add_subparsers(required=True)
    one = _verb(verbs, "bootstrap", bootstrap, environment=False)
    one.add_argument("--github", default="", help="OWNER[@ID]/NAME[@ID] that may build, release")
    one.add_argument("--github-provider", default="", help="ARN, where the account has one")
    one = _verb(verbs, "build", build, environment=False)
    _tag(one)
    one.add_argument("--platform", default="linux/amd64", help="or linux/arm64")
    one.add_argument("--no-cache", action="store_true", help="take the newest packages of Debian")
    _tag(_verb(verbs, "push", push, environment=False))
    one = _verb(verbs, "up", up)
    _tag(one)
    one.add_argument("--size", choices=["small", "medium", "large"])
    one.add_argument("--domain", help="shop.example.com")
    one.add_argument("--zone", help="id of its Route 53 zone")
    one.add_argument("--alarms", help="mail address that alarms go to")
    one.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    _findings(one)
    one = _verb(verbs, "release", release)
    _tag(one)
    _findings(one)
    _verb(verbs, "migrate", migrate)
    _verb(verbs, "rollback", rollback).add_argument("--tag", help="not the former one, but this")
    one = _verb(verbs, "command", command)
    one.add_argument("--owner", action="store_true", help="with the password of the tables' owner")
    one.add_argument("words", nargs=argparse.REMAINDER)
    one = _verb(verbs, "restore", restore_database)
    one.add_argument("--to", help="2026-11-20T10:15:00+00:00; the last moment there is")
    one.add_argument("--swap", action="store_true", help="put the restored one in its place")
    _verb(verbs, "end-sessions-and-keys", end_sessions_and_keys)
    _verb(verbs, "rotate", rotate).add_argument("secret", choices=sorted(SECRETS))
    _verb(verbs, "secret", secret).add_argument("name", choices=settings.WRITTEN)
    _verb(verbs, "restart", restart)
    _verb(verbs, "pause", stop)
    _verb(verbs, "resume", resume)
    _verb(verbs, "status", status)
    return top


def _verb(
    verbs: object, name: str, handler: Handler, *, environment: bool = True
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = verbs.add_parser(name, help=handler.__doc__)  # type: ignore[attr-defined]
    made.set_defaults(handler=handler)
    if environment:
        made.add_argument("--environment", default="production", help="production")
    return made


def _tag(one: argparse.ArgumentParser) -> None:
    one.add_argument("--tag", default=None, type=str, help="the commit that is checked out")


def _findings(one: argparse.ArgumentParser) -> None:
    one.add_argument("--allow-findings", action="store_true", help="whatever ECR's scan found")


def commit() -> str:
    """What is checked out; Failure where something is changed, for a tag must tell what it is."""
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"],
        cwd=images.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    if changed.stdout:
        raise Failure("Files are changed that no commit has: commit them, or name a --tag.")
    found = ["git", "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(
        found, cwd=images.ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def use_region_of_the_cli() -> None:
    """Make AWS_REGION count, as for the AWS CLI: boto3 reads AWS_DEFAULT_REGION alone."""
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; 1 with the reason where it fails."""
    given = parser().parse_args(arguments)
    use_region_of_the_cli()
    try:
        if given.handler in {build, push, up, release} and not given.tag:
            given.tag = commit()
        given.handler(given)
    except (Failure, BotoCoreError, ClientError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
