"""Reads each type of resource from its service, not from CloudFormation."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3

Look = Callable[[Any, str], Any]
"""From a client and a physical id to what is there; anything false or raised: it is not."""


def _of_ec2(request: str, wanted: str, found: str) -> tuple[str, Look]:
    return "ec2", lambda client, id: getattr(client, request)(**{wanted: [id]})[found]


def _routes(client: Any, id: str) -> list[Any]:
    table, _, target = id.partition("~")
    [found] = client.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    return [one for one in found["Routes"] if one.get("DestinationCidrBlock") == target]


def _associations(client: Any, id: str) -> list[Any]:
    wanted = [{"Name": "association.route-table-association-id", "Values": [id]}]
    return list(client.describe_route_tables(Filters=wanted)["RouteTables"])


def _for_readers(client: Any, id: str) -> list[Any]:
    """The group's rules for addresses: in the emulator the rule goes by the group's id."""
    wanted = [{"Name": "group-id", "Values": [id]}]
    rules = client.describe_security_group_rules(Filters=wanted)["SecurityGroupRules"]
    return [one for one in rules if not one["IsEgress"] and "CidrIpv4" in one]


def _attachments(client: Any, id: str) -> list[Any]:
    wanted = [{"Name": "attachment.vpc-id", "Values": [id]}]
    return list(client.describe_internet_gateways(Filters=wanted)["InternetGateways"])


def _service(client: Any, id: str) -> list[Any]:
    cluster = id.split("/")[1]
    found = client.describe_services(cluster=cluster, services=[id])["services"]
    return [one for one in found if one["status"] == "ACTIVE"]


def _log_group(client: Any, id: str) -> list[Any]:
    found = client.describe_log_groups(logGroupNamePrefix=id)["logGroups"]
    return [one for one in found if one["logGroupName"] == id]


def _alias(client: Any, id: str) -> list[Any]:
    return [one for one in client.list_aliases()["Aliases"] if one["AliasName"] == id]


def _record(client: Any, id: str) -> list[Any]:
    zones = [zone["Id"] for zone in client.list_hosted_zones()["HostedZones"]]
    records = [
        record
        for zone in zones
        for record in client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    ]
    return [one for one in records if one["Name"].rstrip(".") == id and "AliasTarget" in one]


def _firewall(client: Any, id: str) -> Any:
    name, number, scope = id.split("|")
    return client.get_web_acl(Name=name, Id=number, Scope=scope)["WebACL"]


def _scaling(client: Any, id: str) -> Any:
    resource, dimension, namespace = id.split("|")
    found = client.describe_scalable_targets(ServiceNamespace=namespace, ResourceIds=[resource])
    return [one for one in found["ScalableTargets"] if one["ScalableDimension"] == dimension]


def _scaling_policy(client: Any, id: str) -> Any:
    found = client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    return [one for one in found if one["PolicyARN"] == id]


def _rotation(client: Any, id: str) -> Any:
    found = client.describe_secret(SecretId=id)
    # The emulator takes rules in days for enabled ones, and ours are windows.
    return found.get("RotationLambdaARN")


def _metric_filter(client: Any, id: str) -> Any:
    return client.describe_metric_filters(filterNamePrefix=id)["metricFilters"]


def _topic_policy(client: Any, id: str) -> Any:
    topics = [one["TopicArn"] for one in client.list_topics()["Topics"]]
    policies = [
        json.loads(client.get_topic_attributes(TopicArn=one)["Attributes"]["Policy"])
        for one in topics
    ]
    # Each topic has a default one from the start; ours lets services publish.
    return [one for one in policies if "Service" in one["Statement"][0]["Principal"]]


def _permission(client: Any, id: str) -> Any:
    return json.loads(client.get_policy(FunctionName=id)["Policy"])["Statement"]


_balancing = "AWS::ElasticLoadBalancingV2::"
LOOKS: dict[str, tuple[str, Look]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ("application-autoscaling", _scaling),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("application-autoscaling", _scaling_policy),
    "AWS::Backup::BackupPlan": ("backup", lambda c, id: c.get_backup_plan(BackupPlanId=id)),
    "AWS::Backup::BackupVault": (
        "backup",
        lambda c, id: c.describe_backup_vault(BackupVaultName=id),
    ),
    "AWS::CertificateManager::Certificate": (
        "acm",
        lambda c, id: c.describe_certificate(CertificateArn=id)["Certificate"],
    ),
    "AWS::CloudWatch::Alarm": (
        "cloudwatch",
        lambda c, id: c.describe_alarms(AlarmNames=[id])["MetricAlarms"],
    ),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch",
        lambda c, id: json.loads(c.get_dashboard(DashboardName=id)["DashboardBody"]),
    ),
    "AWS::EC2::EIP": _of_ec2("describe_addresses", "PublicIps", "Addresses"),
    "AWS::EC2::FlowLog": _of_ec2("describe_flow_logs", "FlowLogIds", "FlowLogs"),
    "AWS::EC2::InternetGateway": _of_ec2(
        "describe_internet_gateways", "InternetGatewayIds", "InternetGateways"
    ),
    "AWS::EC2::NatGateway": _of_ec2("describe_nat_gateways", "NatGatewayIds", "NatGateways"),
    "AWS::EC2::Route": ("ec2", _routes),
    "AWS::EC2::RouteTable": _of_ec2("describe_route_tables", "RouteTableIds", "RouteTables"),
    "AWS::EC2::SecurityGroup": _of_ec2("describe_security_groups", "GroupIds", "SecurityGroups"),
    "AWS::EC2::SecurityGroupIngress": ("ec2", _for_readers),
    "AWS::EC2::Subnet": _of_ec2("describe_subnets", "SubnetIds", "Subnets"),
    "AWS::EC2::SubnetRouteTableAssociation": ("ec2", _associations),
    "AWS::EC2::VPC": _of_ec2("describe_vpcs", "VpcIds", "Vpcs"),
    "AWS::EC2::VPCEndpoint": _of_ec2("describe_vpc_endpoints", "VpcEndpointIds", "VpcEndpoints"),
    "AWS::EC2::VPCGatewayAttachment": ("ec2", _attachments),
    "AWS::ECR::Repository": (
        "ecr",
        lambda c, id: c.describe_repositories(repositoryNames=[id])["repositories"],
    ),
    "AWS::ECS::Cluster": ("ecs", lambda c, id: c.describe_clusters(clusters=[id])["clusters"]),
    "AWS::ECS::Service": ("ecs", _service),
    "AWS::ECS::TaskDefinition": (
        "ecs",
        lambda c, id: c.describe_task_definition(taskDefinition=id)["taskDefinition"],
    ),
    "AWS::ElastiCache::ReplicationGroup": (
        "elasticache",
        lambda c, id: c.describe_replication_groups(ReplicationGroupId=id)["ReplicationGroups"],
    ),
    "AWS::ElastiCache::SubnetGroup": (
        "elasticache",
        lambda c, id: c.describe_cache_subnet_groups(CacheSubnetGroupName=id)["CacheSubnetGroups"],
    ),
    f"{_balancing}Listener": (
        "elbv2",
        lambda c, id: c.describe_listeners(ListenerArns=[id])["Listeners"],
    ),
    f"{_balancing}ListenerRule": ("elbv2", lambda c, id: c.describe_rules(RuleArns=[id])["Rules"]),
    f"{_balancing}LoadBalancer": (
        "elbv2",
        lambda c, id: c.describe_load_balancers(LoadBalancerArns=[id])["LoadBalancers"],
    ),
    f"{_balancing}TargetGroup": (
        "elbv2",
        lambda c, id: c.describe_target_groups(TargetGroupArns=[id])["TargetGroups"],
    ),
    "AWS::Events::Rule": ("events", lambda c, id: c.describe_rule(Name=id)["EventPattern"]),
    "AWS::IAM::OIDCProvider": (
        "iam",
        lambda c, id: c.get_open_id_connect_provider(OpenIDConnectProviderArn=id)["Url"],
    ),
    "AWS::IAM::ManagedPolicy": (
        "iam",
        lambda c, id: c.get_policy(PolicyArn=id)["Policy"],
    ),
    "AWS::IAM::Role": ("iam", lambda c, id: c.get_role(RoleName=id)["Role"]),
    "AWS::KMS::Alias": ("kms", _alias),
    "AWS::KMS::Key": (
        "kms",
        lambda c, id: c.get_key_rotation_status(KeyId=id)["KeyRotationEnabled"],
    ),
    "AWS::Lambda::Function": (
        "lambda",
        lambda c, id: c.get_function(FunctionName=id)["Configuration"],
    ),
    "AWS::Lambda::Permission": ("lambda", _permission),
    "AWS::Logs::LogGroup": ("logs", _log_group),
    "AWS::Logs::MetricFilter": ("logs", _metric_filter),
    "AWS::RDS::DBCluster": (
        "rds",
        lambda c, id: c.describe_db_clusters(DBClusterIdentifier=id)["DBClusters"],
    ),
    "AWS::RDS::DBClusterParameterGroup": (
        "rds",
        lambda c, id: c.describe_db_cluster_parameter_groups(DBClusterParameterGroupName=id)[
            "DBClusterParameterGroups"
        ],
    ),
    "AWS::RDS::DBInstance": (
        "rds",
        lambda c, id: c.describe_db_instances(DBInstanceIdentifier=id)["DBInstances"],
    ),
    "AWS::RDS::DBParameterGroup": (
        "rds",
        lambda c, id: c.describe_db_parameter_groups(DBParameterGroupName=id)["DBParameterGroups"],
    ),
    "AWS::RDS::DBSubnetGroup": (
        "rds",
        lambda c, id: c.describe_db_subnet_groups(DBSubnetGroupName=id)["DBSubnetGroups"],
    ),
    "AWS::Route53::RecordSet": ("route53", _record),
    "AWS::S3::Bucket": ("s3", lambda c, id: c.get_bucket_encryption(Bucket=id)),
    "AWS::S3::BucketPolicy": ("s3", lambda c, id: c.get_bucket_policy(Bucket=id)["Policy"]),
    "AWS::SNS::Topic": ("sns", lambda c, id: c.get_topic_attributes(TopicArn=id)["Attributes"]),
    "AWS::SNS::TopicPolicy": ("sns", _topic_policy),
    "AWS::Scheduler::Schedule": ("scheduler", lambda c, id: c.get_schedule(Name=id)),
    "AWS::SecretsManager::RotationSchedule": ("secretsmanager", _rotation),
    "AWS::SecretsManager::Secret": (
        "secretsmanager",
        lambda c, id: c.get_secret_value(SecretId=id)["SecretString"],
    ),
    "AWS::WAFv2::LoggingConfiguration": (
        "wafv2",
        lambda c, id: c.get_logging_configuration(ResourceArn=id)["LoggingConfiguration"],
    ),
    "AWS::WAFv2::WebACL": ("wafv2", _firewall),
    "AWS::WAFv2::WebACLAssociation": (
        "wafv2",
        lambda c, id: c.get_web_acl_for_resource(ResourceArn=id)["WebACL"],
    ),
}

GAPS = {
    "AWS::Backup::BackupSelection": "the emulator has backup plans and vaults, but no selections",
    "AWS::ElastiCache::ParameterGroup": "the emulator has no parameter groups of caches",
}
"""What no request makes in the emulator; checked by cfn-lint and checkov alone."""


def look(kind: str, id: str) -> Any:
    """What the service of this type says of the resource; raises what it raises."""
    service, ask = LOOKS[kind]
    return ask(client(service, os.environ["AWS_ENDPOINT_URL"]), id)


@cache
def client(service: str, endpoint: str) -> Any:
    """A client of the emulator that runs; making one takes longer than asking."""
    return boto3.client(service, endpoint_url=endpoint)
