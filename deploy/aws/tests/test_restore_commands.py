"""What the commands of the runbook restore has the settings of the templates."""

from __future__ import annotations

import re
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import botocore.session
import jmespath
import pytest
from botocore import xform_name

from deploy.aws import template
from deploy.aws.tests.pages import PAGES, ROOT, blocks, commands

NEEDED = {
    "start-restore-job": {"--iam-role-arn", "--resource-type", "--metadata"},
    "restore-db-instance-from-db-snapshot": {
        *("--db-subnet-group-name", "--vpc-security-group-ids", "--db-parameter-group-name"),
        *("--multi-az", "--no-publicly-accessible"),
    },
    "restore-db-cluster-to-point-in-time": {
        *("--db-subnet-group-name", "--vpc-security-group-ids"),
        "--db-cluster-parameter-group-name",
    },
    "restore-db-cluster-from-snapshot": {
        *("--db-subnet-group-name", "--vpc-security-group-ids"),
        # Otherwise the default version of the region, which may be the next major one.
        *("--db-cluster-parameter-group-name", "--engine-version"),
    },
    # With AWS's key for backups, copies of a database fail.
    "create-backup-vault": {"--encryption-key-arn"},
    # The network has a way in from the internet.
    "create-db-instance": {"--no-publicly-accessible"},
}
"""Options that AWS does not require, but without which the restored one does not fit."""


@pytest.mark.parametrize("operation", NEEDED)
def test_a_restored_database_fits_into_the_network_with_its_settings(operation: str) -> None:
    found = [one for one in commands() if f" {operation} " in one]
    assert found
    assert all(set(shlex.split(one)) >= NEEDED[operation] for one in found)


def options(*commands: str) -> dict[str, str]:
    """The options of commands with their values; a switch has the one of the next option."""
    words = [one for line in commands for one in shlex.split(line)]
    pairs = {one: value for one, value in pairwise([*words, ""]) if one.startswith("--")}
    return {one.replace("--no-", "--"): value for one, value in pairs.items()}


def chosen(resource: str, stack: str = "database") -> dict[str, Any]:
    """What the template chooses for a resource, by the options of the aws tool."""
    found = template.read(stack)["Resources"][resource]["Properties"]
    return {f"--{xform_name(name, '-')}": value for name, value in found.items()}


OF_THE_BACKUP = {
    *("--allocated-storage", "--storage-encrypted", "--kms-key-id", "--engine-version"),
    *("--database-name", "--master-username"),
}
"""What a restore takes from a backup."""
RESTORES = ["restore-db-cluster-to-point-in-time", "restore-db-cluster-from-snapshot"]


@pytest.mark.parametrize("operation", RESTORES)
def test_a_restored_cluster_has_the_settings_of_the_template(operation: str) -> None:
    """Neither a restore nor `up` gives it those that no command names."""
    (restored,) = [one for one in commands() if f" {operation} " in one]
    (changed,) = [one for one in commands() if "modify-db-cluster" in one and "password" in one]
    given = options(restored, changed)
    # "Uses existing setting".
    kept = OF_THE_BACKUP | {"--backup-retention-period", "--engine"}
    assert {*chosen("Cluster")} - kept <= {*given}
    for window in ("--preferred-backup-window", "--preferred-maintenance-window"):
        assert given[window] == chosen("Cluster")[window]
    assert [given["--enable-cloudwatch-logs-exports"]] == chosen("Cluster")[
        "--enable-cloudwatch-logs-exports"
    ]


@pytest.mark.parametrize("resource", ["Writer", "Reader"])
def test_the_instances_of_a_restored_cluster_have_the_settings_of_the_template(
    resource: str,
) -> None:
    (made,) = [
        one for one in commands() if "create-db-instance" in one and f"-{resource.lower()}" in one
    ]
    assert {*chosen(resource)} - {"--auto-minor-version-upgrade"} <= {*options(made)}


def test_the_database_of_one_machine_is_restored_as_its_template_made_it() -> None:
    """No update of the stack gives it the settings that the commands leave out."""
    asked = chosen("Database", "single")
    asked["--vpc-security-group-ids"] = asked.pop("--vpc-security-groups")
    calls = re.findall(r"aws rds (?:restore|modify)-db-instance[^&]*", SINGLE.replace("\\\n", ""))
    given = options(*calls)
    kept = {"--db-instance-class", "--backup-retention-period", "--engine", "--storage-type"}
    kept |= {"--db-name", "--master-user-password"}
    assert {*asked} - OF_THE_BACKUP - kept <= {*given}
    assert given["--max-allocated-storage"] == str(asked["--max-allocated-storage"])
    assert [given["--enable-cloudwatch-logs-exports"]] == asked["--enable-cloudwatch-logs-exports"]
    assert given["--target-db-instance-identifier"] == "$DATABASE"
    resources = dict(re.findall(r"(\w+)=\$\(resource (\w+)\)", SINGLE))
    for kind in ("--db-subnet-group-name", "--db-parameter-group-name", "--vpc-security-group-ids"):
        assert resources[given[kind].strip("$")] in str(asked[kind])


LIMITED = [PAGES[1], "docs/how-to/deploy/ecs-ec2.md", "docs/how-to/deploy/elastic-beanstalk.md"]


@pytest.mark.parametrize("page", LIMITED)
def test_a_page_says_which_limit_of_the_storage_rds_refuses(page: str) -> None:
    """A database that has grown to its limit is restored with a larger one."""
    text = (ROOT / page).read_text()
    assert re.search(r"(restore|modify)-db-instance.*--max-allocated-storage", text, re.DOTALL)
    assert "less than a tenth above the storage" in text


def test_an_instance_from_a_backup_has_the_settings_of_the_template() -> None:
    """The metadata of a backup have what a restore takes, and no more."""
    model = botocore.session.get_session().get_service_model("rds")
    request = model.operation_model("RestoreDBInstanceFromDBSnapshot").input_shape
    assert request
    taken = {f"--{xform_name(name, '-')}" for name in request.members}
    (changed,) = [one for one in commands() if "modify-db-instance" in one and "password" in one]
    asked, given = chosen("Primary"), options(changed)
    # The resource's name for what the request calls VpcSecurityGroupIds.
    assert {*asked} - taken - OF_THE_BACKUP - {"--vpc-security-groups"} <= {*given}
    for window in ("--preferred-backup-window", "--preferred-maintenance-window"):
        assert given[window] == asked[window]
    sizes = template.read("database")["Mappings"]["Sizes"]["small"]
    for option, name in {
        "--max-allocated-storage": "Most",
        "--backup-retention-period": "Days",
    }.items():
        assert given[option] == str(sizes[name])


def test_metadata_of_a_backup_are_set_that_have_an_effect() -> None:
    """AWS Backup takes the names of this request, and others that it passes over.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/restoring-rds.html
    """
    model = botocore.session.get_session().get_service_model("rds")
    request = model.operation_model("RestoreDBInstanceFromDBSnapshot").input_shape
    page = (ROOT / PAGES[1]).read_text()
    named = [
        name
        for sentence in re.findall(r"Set its (`DBInstanceIdentifier`[^.]*)", page)
        for name in re.findall(r"`([A-Z]\w+)`", sentence)
    ]
    assert request
    assert len(named) == 5
    assert {*named} <= {*request.members}


def test_a_restored_cluster_has_the_instances_of_the_stack() -> None:
    """Under other names the stack would change, and `down.sh` delete, those of the damaged one."""
    resources = template.read("database")["Resources"]
    names = {
        resources[one]["Properties"]["DBInstanceIdentifier"]["Fn::Sub"]
        for one in ("Writer", "Reader")
    }
    for verb in ("delete", "create"):
        asked = [shlex.split(one) for one in commands() if f" {verb}-db-instance " in one]
        found = {one[4].replace("$INSTALLATION", "${Environment}") for one in asked}
        assert {one for one in found if not re.search("until|replica", one)} == names


def test_a_record_that_another_installation_took_over_is_left_to_it() -> None:
    """Route 53 deletes a record by its whole value alone, and CloudFormation has the former one."""
    (deleted,) = [shlex.split(one) for one in commands() if "--retain-resources" in one]
    stack = deleted[deleted.index("--stack-name") + 1].removeprefix("larder-production-")
    name = deleted[deleted.index("--retain-resources") + 1]
    assert template.read(stack)["Resources"][name]["Type"] == "AWS::Route53::RecordSet"


def test_the_damaged_instance_of_a_restore_can_be_deleted() -> None:
    """A restored one is protected, and a later restore makes it the damaged one."""
    assert "DeletionProtection=True" in (ROOT / "deploy/aws/larder_aws/restore.py").read_text()
    asked = [shlex.split(one) for one in commands() if "larder-production-until-" in one]
    assert [one[2] for one in asked] == ["modify-db-instance", "delete-db-instance"]
    assert "--no-deletion-protection" in asked[0]
    assert asked[0][4] == asked[1][4]


def test_a_lost_region_is_restored_under_the_name_that_is_swapped() -> None:
    page = (ROOT / PAGES[1]).read_text()
    section = page.partition("\n## Loss of a region\n")[2].partition("\n## ")[0]
    steps = [
        "backup create-backup-vault --backup-vault-name larder-copies",
        "run up --set",
        "route53 change-resource-record-sets",
        "run up --environment recovery",
        "backup start-restore-job",
        "wait db-instance-available --db-instance-identifier larder-recovery-restored",
        "run restore --environment recovery --swap",
        "run resume --environment recovery",
    ]
    places = [section.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)
    # The names of roles are those of the lost installation, in all regions.
    after = section.partition("\nexport AWS_REGION=")[2]
    assert "production" not in after
    assert "--github " not in after
    _, *given = re.findall(
        r"^ *deploy/aws/run (?!bootstrap|build|push)(.*)$", section, re.MULTILINE
    )
    assert [one for one in given if "--environment recovery" not in one] == []


def test_the_region_is_changed_in_a_block_that_the_same_region_leaves_out() -> None:
    """After an upgrade the other blocks make an installation in the region of the lost database."""
    page = (ROOT / PAGES[1]).read_text()
    assert "[the loss of a region](#loss-of-a-region), but without the block with `exp" in page
    (there,) = [one for one in blocks(PAGES[1]) if "\ndeploy/aws/run bootstrap\n" in one]
    *_, last = there.splitlines()
    assert last == "deploy/aws/run bootstrap"
    assert there.count("\n") == 2


def test_the_former_record_is_deleted_as_it_is() -> None:
    """Route 53 refuses to delete a record that is not given whole."""
    (line,) = [one for one in commands() if " list-resource-record-sets " in one]
    words = shlex.split(line)
    ours = {"Name": "shop.example.com.", "Type": "A", "AliasTarget": {"DNSName": "balancer."}}
    others = [ours | {"Name": "www.example.com."}, {"Name": ours["Name"], "Type": "MX"}]
    found = jmespath.search(
        words[words.index("--query") + 1], {"ResourceRecordSets": [*others, ours]}
    )
    assert found == {"Changes": [{"Action": "DELETE", "ResourceRecordSet": ours}]}


def test_a_database_restored_by_hand_gets_the_current_password() -> None:
    changes = [one for one in commands() if "--master-user-password" in one]
    assert {shlex.split(one)[2] for one in changes} == {"modify-db-instance", "modify-db-cluster"}


def test_a_waiter_that_has_come_to_its_end_is_begun_again() -> None:
    """It ends after 30 minutes, for a cache after 10, whether or not what it waits for is done."""
    waits = [
        line
        for block in blocks(PAGES[1])
        for line in block.splitlines()
        if re.search("aws (?:rds|elasticache) wait ", line)
    ]
    assert waits
    assert [one for one in waits if not re.match(r" *until .*; do sleep 30; done", one)] == []


def played(block: str, folder: Path, fails: str) -> str:
    """What a block runs where the commands with this text fail."""
    stub = f'#!/bin/sh\necho "$*" >>{folder}/log\ncase "$*" in *"{fails}"*) exit 1 ;; esac\n'
    for name in ("aws", "deploy/aws/run"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stub)
        path.chmod(0o755)
    path = {"PATH": f"{folder}:/usr/bin:/bin"}
    subprocess.run(["sh", "-c", block], cwd=folder, env=path, capture_output=True, check=False)
    return (folder / "log").read_text()


(SINGLE,) = [one for one in blocks("docs/how-to/deploy/ecs-ec2.md") if "-to-point-in-time" in one]
OPENING = [
    (block, "resume", fails)
    for block in blocks(PAGES[1])
    if "run resume" in block
    for fails in ("up --tag", "--swap", "migrate", "end-sessions", "--owner", "check_invariants")
    if f"{fails} " in block
] + [
    (f'manage() {{ aws "$1"; }}\n{SINGLE}', "desired-count 1", fails)
    for fails in (
        *("count 0", "services-stable", "--new-db", "restore-db", "--enable-performance"),
        *("prepare", "end_sessions_and_keys", "check_invariants"),
    )
]


@pytest.mark.parametrize(("block", "opens", "fails"), OPENING)
def test_a_shop_is_opened_if_all_before_it_succeeded(
    block: str, opens: str, fails: str, tmp_path: Path
) -> None:
    """A restored database has the log-ins and keys of then, stolen ones too."""
    assert opens in played(block, tmp_path, "nothing")
    (tmp_path / "log").unlink()
    log = played(block, tmp_path, fails)
    assert fails in log
    assert opens not in log


def test_an_upgrade_begins_if_its_snapshot_was_made() -> None:
    made = [one for one in blocks(PAGES[1]) if re.search("create-db-(cluster-)?snapshot ", one)]
    assert len(made) == 2
    assert ["run up" in one or "run pause && " not in one for one in made] == [False, False]


def test_tasks_get_a_password_that_the_cache_has(tmp_path: Path) -> None:
    (block,) = [one for one in blocks(PAGES[1]) if " ROTATE " in one]
    log = played(block, tmp_path, "modify-replication-group")
    assert "ROTATE" in log
    assert not re.search("put-secret-value|restart| SET ", log)


def test_an_upgrade_sets_what_the_resources_of_the_template_have() -> None:
    """CloudFormation refuses a template with another property. It allows a cluster by itself:
    modifyDbClusterRequest in aws-cloudformation-resource-providers-rds."""
    schemas = pytest.importorskip("cfnlint.schema").PROVIDER_SCHEMA_MANAGER
    page = (ROOT / PAGES[1]).read_text()
    (added,) = re.findall(r"add `(\w+): true` to the instance; a cluster of Aurora has no", page)
    has = {
        kind: added
        in schemas.get_resource_schema("eu-west-2", f"AWS::RDS::{kind}").schema["properties"]
        for kind in ("DBInstance", "DBCluster")
    }
    assert has == {"DBInstance": True, "DBCluster": False}
