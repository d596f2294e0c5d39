#!/bin/sh
# User data of the machine that watches the shop (docs/how-to/deploy/watching.md): Ubuntu 24.04. Put in
# your repository and a tag that has your region and names in deploy/watching/aws.yml.
set -eu
REPOSITORY=https://github.com/OWNER/larder
TAG=main

metadata=http://169.254.169.254/latest
token=$(curl -sfX PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/api/token")
AWS_DEFAULT_REGION=$(curl -sf -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/placement/region")
export AWS_DEFAULT_REGION
secret() {
    aws secretsmanager get-secret-value --secret-id "larder/watching/$1" --query SecretString --output text
}

apt-get update
apt-get install -y git prometheus prometheus-alertmanager
# A first start may still be installing the snaps of the image, and refuses others meanwhile.
snap wait system seed.loaded
snap install aws-cli --classic
git clone --depth 1 --branch "$TAG" "$REPOSITORY" /opt/larder
umask 077
secret metrics-token | tr -d '\n' >/etc/prometheus/metrics_token
secret alertmanager.yml >/etc/prometheus/alertmanager.yml
umask 022
sh /opt/larder/deploy/watching/install.sh /opt/larder/deploy/watching/aws.yml
