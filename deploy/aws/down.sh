#!/bin/sh
# Deletes an installation that deploy/aws/run has made, and its database:
#
#     sh deploy/aws/down.sh production
#
# README.md says what stays. A stack that cannot be deleted ends the script, which can be run again.
set -eu
environment=$1
aws sts get-caller-identity >/dev/null
printf 'This deletes the shop %s and its database. Its name again, to go on: ' "$environment"
read -r typed
[ "$typed" = "$environment" ] || { echo "Nothing was deleted: type $environment to delete it." >&2; exit 1; }

# Says why, if it finds nothing. A stack that could not be deleted still names what of it was: to lift
# its protection fails then, and the script goes on.
resource() {
    aws cloudformation describe-stack-resource --stack-name "larder-$environment-$1" \
        --logical-resource-id "$2" --query StackResourceDetail.PhysicalResourceId --output text
}
if balancer=$(resource front Balancer); then
    aws elbv2 modify-load-balancer-attributes --load-balancer-arn "$balancer" \
        --attributes Key=deletion_protection.enabled,Value=false >/dev/null || true
fi
if primary=$(resource database Primary); then
    aws rds modify-db-instance --db-instance-identifier "$primary" \
        --no-deletion-protection --apply-immediately >/dev/null || true
elif cluster=$(resource database Cluster); then
    aws rds modify-db-cluster --db-cluster-identifier "$cluster" \
        --no-deletion-protection --apply-immediately >/dev/null || true
fi
deleted=0
for stack in release backup audit monitoring worker service rotation tasks front cache database alarms network; do
    name=larder-$environment-$stack
    aws cloudformation describe-stacks --stack-name "$name" >/dev/null 2>&1 || continue
    aws cloudformation update-termination-protection --stack-name "$name" \
        --no-enable-termination-protection >/dev/null
    aws cloudformation delete-stack --stack-name "$name"
    aws cloudformation wait stack-delete-complete --stack-name "$name"
    echo "deleted: $name"
    deleted=$((deleted + 1))
done
# The list of released images: a `rollback` of another installation with this name would find these.
aws ssm delete-parameter --name "/larder/$environment/image" 2>/dev/null || true
[ "$deleted" -gt 0 ] || {
    echo "Nothing was deleted: no stack larder-$environment-… is in ${AWS_REGION-the region of the AWS CLI}." \
        "Set AWS_REGION to the region that it was made in." >&2
    exit 1
}
