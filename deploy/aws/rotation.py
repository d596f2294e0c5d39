"""Rotates Larder's secrets in the steps of Secrets Manager.

The app role alternates (larder_app_a, larder_app_b): the one in use keeps its password. The next
signing key is announced one rotation ahead. The owner's password is for `manage.py prepare`.
"""

import contextlib
import json
import os
import re
import secrets

import boto3

manager, ecs, rds = (boto3.client(name) for name in ("secretsmanager", "ecs", "rds"))
env = os.environ
LOG_IN = (
    "import os, psycopg; psycopg.connect(os.environ['DATABASE_URL']).execute('TABLE stock LIMIT 1')"
)


def renewed(value):
    """The next version of a secret; its names show the kind."""
    fresh = secrets.token_hex(32)
    if "url" in value:
        role = "larder_app_" + ("b" if "//larder_app_a:" in value["url"] else "a")
        login = f"//{role}:{fresh}@"
        return {k: re.sub("//larder_app_[ab]:[^@]*@", login, v) for k, v in value.items()}
    if "key" in value:
        announced = value["fallbacks"].split(",")[0]
        if not announced:
            return value | {"fallbacks": fresh}
        return {"key": announced, "fallbacks": f"{fresh},{value['key']}"}
    return value | {"password": fresh}


def create(secret, token):
    value = manager.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")["SecretString"]
    new, stages = json.dumps(renewed(json.loads(value))), ["AWSPENDING"]
    # A second try keeps the first value.
    with contextlib.suppress(manager.exceptions.ResourceExistsException):
        manager.put_secret_value(
            SecretId=secret, ClientRequestToken=token, SecretString=new, VersionStages=stages
        )


def put(secret, token):
    """In the database: the role, or the owner's password."""
    value = pending(secret, token)
    if "url" in value:
        run(["python", "manage.py", "prepare"])
    elif "password" in value:
        change_owner(value["password"])


def test(secret, token):
    if "url" in pending(secret, token):
        run(["python", "-c", LOG_IN])


def finish(secret, token):
    stages = manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
    former = next(version for version, names in stages.items() if "AWSCURRENT" in names)
    if former != token:
        moved = {"MoveToVersionId": token, "RemoveFromVersionId": former}
        manager.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT", **moved)
    if "password" not in pending(secret, token):
        for service in ecs.list_services(cluster=env["CLUSTER"])["serviceArns"]:
            ecs.update_service(cluster=env["CLUSTER"], service=service, forceNewDeployment=True)


def pending(secret, token):
    return json.loads(manager.get_secret_value(SecretId=secret, VersionId=token)["SecretString"])


def run(command):
    """Runs the pending task; raises unless it ended well."""
    network = {"subnets": env["SUBNETS"].split(","), "securityGroups": [env["GROUP"]]}
    started = ecs.run_task(
        cluster=env["CLUSTER"],
        taskDefinition=env["TASK"],
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
        overrides={"containerOverrides": [{"name": "larder", "command": command}]},
    )
    tasks = [one["taskArn"] for one in started["tasks"]]
    if not tasks:
        raise RuntimeError(started["failures"])
    ecs.get_waiter("tasks_stopped").wait(cluster=env["CLUSTER"], tasks=tasks)
    [ended] = ecs.describe_tasks(cluster=env["CLUSTER"], tasks=tasks)["tasks"]
    if any(one.get("exitCode") != 0 for one in ended["containers"]):
        raise RuntimeError(ended.get("stoppedReason"))


def change_owner(password):
    change = {"MasterUserPassword": password, "ApplyImmediately": True}
    if env["ENGINE"] == "aurora":
        rds.modify_db_cluster(DBClusterIdentifier=env["DATABASE"], **change)
    else:
        rds.modify_db_instance(DBInstanceIdentifier=env["DATABASE"], **change)


STEPS = {"createSecret": create, "setSecret": put, "testSecret": test, "finishSecret": finish}


def handler(event, context):
    STEPS[event["Step"]](event["SecretId"], event["ClientRequestToken"])
