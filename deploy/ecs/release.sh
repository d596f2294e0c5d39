#!/bin/sh
# Releases an image: migrations first, then the servers, which ECS brings back if they are not healthy.
#     sh deploy/ecs/release.sh STACK IMAGE [PARAMETER=VALUE...]
# Parameters of service.yaml that are not named stay as they are.
set -eu
stack=$1 image=$2
shift 2

apply() {
    aws cloudformation deploy --stack-name "$stack" --template-file deploy/ecs/service.yaml \
        --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset --parameter-overrides "$@"
}
output() {
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

# A first release serves nothing yet, so that it needs an image as well.
aws cloudformation describe-stacks --stack-name "$stack" >/dev/null 2>&1 || set -- "Image=$image" Servers=0 "$@"
apply "PrepareImage=$image" "$@"
task=$(aws ecs run-task --cluster "$stack" --task-definition "$stack-prepare" \
    --network-configuration "$(output Network)" --query 'tasks[0].taskArn || failures[0].reason' --output text)
# One wait ends after ten minutes.
case $task in
arn:*) until aws ecs wait tasks-stopped --cluster "$stack" --tasks "$task"; do sleep 10; done ;;
*) echo "prepare did not start: $task" >&2 && exit 1 ;;
esac
status=$(aws ecs describe-tasks --cluster "$stack" --tasks "$task" --query 'tasks[0].containers[0].exitCode' --output text)
[ "$status" = 0 ] || { echo "prepare failed, nothing was released: aws logs tail /larder/$stack" >&2 && exit 1; }
apply "Image=$image" "$@"
