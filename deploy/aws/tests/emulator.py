"""An AWS of our own: moto's server, and the resources that its CloudFormation knows nothing of.

moto's CloudFormation passes over what it does not know and says CREATE_COMPLETE all the same; but
its other services know most of it. `MADE` says, for each such type, which request of which
service makes it. So its properties go through the checks of botocore and of that service, and what
came of it can be read. Known gaps are in `known_gaps.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from moto.cloudformation import models, parsing
from moto.core.common_models import CloudFormationModel
from moto.server import ThreadedMotoServer

from deploy.aws.tests import forgetful, machine, protection
from deploy.aws.tests.describe import client

REGION = "eu-west-2"
ACCOUNT = "123456789012"
Made = tuple[str, dict[str, str]]
Maker = Callable[[Any, str, dict[str, Any]], Made]


@contextmanager
def running() -> Iterator[None]:
    """An empty account at a free port; boto3, awscli and the tool find it by the environment."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "emulator",
        "AWS_SECRET_ACCESS_KEY": "emulator",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_MAX_ATTEMPTS": "1",
    }
    # The state of an earlier server of this process is still in its memory.
    urlopen(Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST")).close()
    try:
        yield
    finally:
        server.stop()
        os.environ.clear()
        os.environ.update(before)


def resolved(value: Any) -> Any:
    """`{{resolve:secretsmanager:…}}` as CloudFormation reads it, in whatever is nested."""
    if isinstance(value, dict):
        return {name: resolved(one) for name, one in value.items()}
    if isinstance(value, list):
        return [resolved(one) for one in value]
    if isinstance(value, str):
        return re.sub(r"\{\{resolve:secretsmanager:(.+?):SecretString(?::(\w+))?\}\}", _word, value)
    return value


def _word(found: re.Match[str]) -> str:
    manager = client("secretsmanager", os.environ["AWS_ENDPOINT_URL"])
    text: str = manager.get_secret_value(SecretId=found[1])["SecretString"]
    return str(json.loads(text)[found[2]]) if found[2] else text


def _association(client: Any, name: str, given: dict[str, Any]) -> Made:
    return client.associate_route_table(**given)["AssociationId"], {}


def _secret(client: Any, name: str, given: dict[str, Any]) -> Made:
    rules = given.pop("GenerateSecretString", None)
    if rules:
        shape, key = rules.pop("SecretStringTemplate", None), rules.pop("GenerateStringKey", None)
        word = client.get_random_password(**rules)["RandomPassword"]
        given["SecretString"] = json.dumps(json.loads(shape) | {key: word}) if shape else word
    given.setdefault("Name", name)
    return client.create_secret(**given)["ARN"], {}


def _rotation(client: Any, name: str, given: dict[str, Any]) -> Made:
    given["RotateImmediately"] = given.pop("RotateImmediatelyOnUpdate")
    made = client.rotate_secret(**given)
    found = {"SecretId": made["ARN"]}
    # moto leaves the version that a rotation would have to end with; Secrets Manager takes it away.
    for version, stages in client.describe_secret(**found)["VersionIdsToStages"].items():
        if "AWSPENDING" in stages:
            client.update_secret_version_stage(
                **found, VersionStage="AWSPENDING", RemoveFromVersionId=version
            )
    return made["ARN"], {}


def _certificate(client: Any, name: str, given: dict[str, Any]) -> Made:
    # CloudFormation writes the records of the check into the zone by itself.
    given.pop("DomainValidationOptions")
    return client.request_certificate(**given)["CertificateArn"], {}


def _alarm(client: Any, name: str, given: dict[str, Any]) -> Made:
    client.put_metric_alarm(**given)
    return given["AlarmName"], {}


def _metric_filter(client: Any, name: str, given: dict[str, Any]) -> Made:
    given["metricTransformations"] = [
        {_lower(key): value for key, value in one.items()}
        for one in given.pop("MetricTransformations")
    ]
    client.put_metric_filter(
        filterName=name, **{_lower(key): value for key, value in given.items()}
    )
    return name, {}


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _cache(client: Any, name: str, given: dict[str, Any]) -> Made:
    made = client.create_replication_group(ReplicationGroupId=name[:40].lower(), **given)
    host = f"{name.lower()}.cache.emulator"
    return made["ReplicationGroup"]["ReplicationGroupId"], {"PrimaryEndPoint.Address": host}


def _cache_subnets(client: Any, name: str, given: dict[str, Any]) -> Made:
    client.create_cache_subnet_group(
        CacheSubnetGroupName=name,
        CacheSubnetGroupDescription=given["Description"],
        SubnetIds=given["SubnetIds"],
    )
    return name, {}


def _firewall(client: Any, name: str, given: dict[str, Any]) -> Made:
    made = client.create_web_acl(**given)["Summary"]
    return "|".join((made["Name"], made["Id"], given["Scope"])), {"Arn": made["ARN"]}


def _firewall_on(client: Any, name: str, given: dict[str, Any]) -> Made:
    client.associate_web_acl(**given)
    return given["ResourceArn"], {}


def _firewall_log(client: Any, name: str, given: dict[str, Any]) -> Made:
    client.put_logging_configuration(LoggingConfiguration=given)
    return given["ResourceArn"], {}


def _scaling(client: Any, name: str, given: dict[str, Any]) -> Made:
    client.register_scalable_target(**given)
    return f"{given['ResourceId']}|{given['ScalableDimension']}|ecs", {}


def _scaling_policy(client: Any, name: str, given: dict[str, Any]) -> Made:
    resource, dimension, namespace = given.pop("ScalingTargetId").split("|")
    target = {"ServiceNamespace": namespace, "ResourceId": resource, "ScalableDimension": dimension}
    return client.put_scaling_policy(**given, **target)["PolicyARN"], {}


def _provider(client: Any, name: str, given: dict[str, Any]) -> Made:
    # The request wants a fingerprint, which IAM itself no longer looks at for GitHub.
    made = client.create_open_id_connect_provider(
        Url=given["Url"], ClientIDList=given["ClientIdList"], ThumbprintList=["0" * 40]
    )
    return made["OpenIDConnectProviderArn"], {}


def _bucket_policy(client: Any, name: str, given: dict[str, Any]) -> Made:
    client.put_bucket_policy(Bucket=given["Bucket"], Policy=json.dumps(given["PolicyDocument"]))
    return given["Bucket"], {}


def _topic_policy(client: Any, name: str, given: dict[str, Any]) -> Made:
    for topic in given["Topics"]:
        client.set_topic_attributes(
            TopicArn=topic,
            AttributeName="Policy",
            AttributeValue=json.dumps(given["PolicyDocument"]),
        )
    return name, {}


def _settings(client: Any, name: str, given: dict[str, Any]) -> Made:
    client.create_db_parameter_group(
        DBParameterGroupName=name.lower(),
        DBParameterGroupFamily=given["Family"],
        Description=given["Description"],
    )
    parameters = [
        {"ParameterName": key, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
        for key, value in given["Parameters"].items()
    ]
    client.modify_db_parameter_group(DBParameterGroupName=name.lower(), Parameters=parameters)
    return name.lower(), {}


def _subnets(client: Any, name: str, given: dict[str, Any]) -> Made:
    client.create_db_subnet_group(DBSubnetGroupName=name.lower(), **given)
    return name.lower(), {}


def _database(client: Any, name: str, given: dict[str, Any]) -> Made:
    if "AllocatedStorage" in given:
        given["AllocatedStorage"] = int(given["AllocatedStorage"])
    given.setdefault("DBInstanceIdentifier", name.lower())
    groups = given.pop("VPCSecurityGroups", None)
    if groups:
        given["VpcSecurityGroupIds"] = groups
    if "SourceDBInstanceIdentifier" in given:
        made = client.create_db_instance_read_replica(**given)["DBInstance"]
    else:
        made = client.create_db_instance(**given)["DBInstance"]
    return made["DBInstanceIdentifier"], {"Endpoint.Address": made["Endpoint"]["Address"]}


def _cluster_settings(client: Any, name: str, given: dict[str, Any]) -> Made:
    client.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=name.lower(),
        DBParameterGroupFamily=given["Family"],
        Description=given["Description"],
    )
    return name.lower(), {}


def _cluster(client: Any, name: str, given: dict[str, Any]) -> Made:
    made = client.create_db_cluster(**given)["DBCluster"]
    return made["DBClusterIdentifier"], {"Endpoint.Address": made["Endpoint"]}


def _schedule(client: Any, name: str, given: dict[str, Any]) -> Made:
    ecs = given["Target"]["EcsParameters"]
    network = ecs["NetworkConfiguration"].pop("AwsvpcConfiguration")
    ecs["NetworkConfiguration"] = {"awsvpcConfiguration": network}
    client.create_schedule(**given)
    return given["Name"], {}


def _vault(client: Any, name: str, given: dict[str, Any]) -> Made:
    lock = given.pop("LockConfiguration")
    made = client.create_backup_vault(**given)
    client.put_backup_vault_lock_configuration(BackupVaultName=given["BackupVaultName"], **lock)
    return given["BackupVaultName"], {"BackupVaultArn": made["BackupVaultArn"]}


def _plan(client: Any, name: str, given: dict[str, Any]) -> Made:
    plan = given["BackupPlan"]
    rules = []
    for rule in plan.pop("BackupPlanRule"):
        named = {"TargetBackupVaultName": rule.pop("TargetBackupVault")}
        rules.append({**rule, **named})
    made = client.create_backup_plan(BackupPlan={**plan, "Rules": rules})
    return made["BackupPlanId"], {}


MADE: dict[str, tuple[str, Maker]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ("application-autoscaling", _scaling),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("application-autoscaling", _scaling_policy),
    "AWS::Backup::BackupPlan": ("backup", _plan),
    "AWS::Backup::BackupVault": ("backup", _vault),
    "AWS::CertificateManager::Certificate": ("acm", _certificate),
    "AWS::CloudWatch::Alarm": ("cloudwatch", _alarm),
    "AWS::EC2::EIPAssociation": ("ec2", machine.elastic_address),
    # moto's CloudFormation wants an image beside a launch template.
    "AWS::EC2::Instance": ("ec2", machine.instance),
    # moto claims to know it, makes nothing, and says that it did.
    "AWS::EC2::SubnetRouteTableAssociation": ("ec2", _association),
    "AWS::ElastiCache::ReplicationGroup": ("elasticache", _cache),
    "AWS::ElastiCache::SubnetGroup": ("elasticache", _cache_subnets),
    "AWS::IAM::OIDCProvider": ("iam", _provider),
    "AWS::Logs::MetricFilter": ("logs", _metric_filter),
    "AWS::RDS::DBCluster": ("rds", _cluster),
    "AWS::RDS::DBClusterParameterGroup": ("rds", _cluster_settings),
    # moto knows these three, but hands objects to the first in place of the others' names.
    "AWS::RDS::DBInstance": ("rds", _database),
    "AWS::RDS::DBParameterGroup": ("rds", _settings),
    "AWS::RDS::DBSubnetGroup": ("rds", _subnets),
    "AWS::S3::BucketPolicy": ("s3", _bucket_policy),
    "AWS::SNS::TopicPolicy": ("sns", _topic_policy),
    "AWS::Scheduler::Schedule": ("scheduler", _schedule),
    "AWS::SecretsManager::RotationSchedule": ("secretsmanager", _rotation),
    "AWS::SecretsManager::Secret": ("secretsmanager", _secret),
    "AWS::WAFv2::LoggingConfiguration": ("wafv2", _firewall_log),
    "AWS::WAFv2::WebACL": ("wafv2", _firewall),
    "AWS::WAFv2::WebACLAssociation": ("wafv2", _firewall_on),
}


class _Extension(CloudFormationModel):
    """A resource that a request of ours made."""

    kind = ""

    def __init__(self, physical_id: str, attributes: dict[str, str]) -> None:
        self.physical_resource_id = physical_id
        self.attributes = attributes

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        return "Larder::Extension"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return True

    def get_cfn_attribute(self, attribute: str) -> str:
        """What `!GetAtt` gives; moto asks for the first part of a name with a dot alone."""
        [value] = [v for name, v in self.attributes.items() if name.startswith(attribute)]
        return value

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, *where: Any, **more: Any
    ) -> _Extension:
        service, make = MADE[cls.kind]
        given = resolved(_values(cloudformation_json["Properties"]))
        return cls(*make(client(service, os.environ["AWS_ENDPOINT_URL"]), resource_name, given))

    @classmethod
    def update_from_cloudformation_json(cls, original_resource: Any, **more: Any) -> Any:
        return original_resource


def _values(given: Any) -> Any:
    """Plain values, without what a condition left out; moto leaves numbers as the template has."""
    if isinstance(given, dict):
        return {name: _values(one) for name, one in given.items() if one is not None}
    if isinstance(given, list):
        return [_values(one) for one in given]
    return given


def extend() -> None:
    """Teach moto's CloudFormation the types of `MADE`; once in a process."""
    known = parsing.get_model_map()
    names = parsing.get_name_type_map()
    for kind in MADE:
        known[kind] = type("Extension", (_Extension,), {"kind": kind})
        names[kind] = ""
    balancing = "AWS::ElasticLoadBalancingV2::"
    _complete(known[balancing + "LoadBalancer"], _of_balancer)
    _complete(known[balancing + "TargetGroup"], _of_targets)
    _remember_defaults()
    forgetful.extend()
    protection.extend()


def _remember_defaults() -> None:
    """`UsePreviousValue` of a parameter that was left to its default; moto has no such value."""
    backend = models.CloudFormationBackend
    plain = backend._resolve_update_parameters
    if getattr(backend, "completed", False):
        return

    def resolve(self: Any, instance: Any, incoming_params: Any) -> Any:
        for name, declared in instance.template_dict.get("Parameters", {}).items():
            if "Default" in declared:
                instance.parameters.setdefault(name, declared["Default"])
        return plain(self, instance, incoming_params)

    backend._resolve_update_parameters = resolve  # type: ignore[method-assign]
    backend.completed = True  # type: ignore[attr-defined]


def _of_balancer(balancer: Any) -> dict[str, str]:
    name = balancer.arn.partition(":loadbalancer/")[2]
    return {"LoadBalancerFullName": name, "CanonicalHostedZoneID": "ZHURV8PSTC4K8"}


def _of_targets(group: Any) -> dict[str, str]:
    return {"TargetGroupFullName": group.arn.rpartition(":")[2]}


def _complete(kind: Any, more: Callable[[Any], dict[str, str]]) -> None:
    """Attributes that moto's CloudFormation does not give by itself."""
    plain = getattr(kind, "get_cfn_attribute", None)
    if getattr(kind, "completed", False):
        return

    def attribute(self: Any, name: str) -> Any:
        known = more(self)
        return known[name] if name in known or plain is None else plain(self, name)

    kind.has_cfn_attr = classmethod(lambda cls, attr: True)
    kind.get_cfn_attribute = attribute
    kind.completed = True
