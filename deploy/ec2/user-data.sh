#!/bin/sh
# User data of the launch templates (docs/how-to/deploy/ec2.md): from Ubuntu 24.04 to a server, or to
# the worker. Put in your repository and a tag; for the worker, ROLE=worker.
set -eu
ROLE=server
REPOSITORY=https://github.com/OWNER/larder
TAG=main

metadata=http://169.254.169.254/latest
token=$(curl -sfX PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/api/token")
AWS_DEFAULT_REGION=$(curl -sf -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/placement/region")
export AWS_DEFAULT_REGION
secret() {
    aws secretsmanager get-secret-value --secret-id "larder/ec2/$1" --query SecretString --output text
}

apt-get update
apt-get install -y git make curl nginx-light libnginx-mod-http-lua python3 python3-venv
# A first start may still be installing the snaps of the image, and refuses others meanwhile.
snap wait system seed.loaded
snap install aws-cli --classic
useradd --system --home-dir /opt/larder --shell /usr/sbin/nologin larder
git clone --depth 1 --branch "$TAG" "$REPOSITORY" /opt/larder
cd /opt/larder
make build
mkdir -p /etc/larder
curl -sfo /etc/larder/rds.pem https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
# Only root reads what follows: systemd, for the units.
umask 077
secret server.env >/etc/larder/server.env
install -m 644 deploy/ec2/larder-server.service deploy/ec2/larder-worker.service \
    deploy/ec2/larder-prepare.service /etc/systemd/system/
systemctl daemon-reload

if [ "$ROLE" = worker ]; then
    secret owner.env >/etc/larder/owner.env
    systemctl start larder-prepare
    systemctl enable --now larder-worker
else
    umask 022
    cp -r deploy/nginx/larder /etc/nginx/
    cp deploy/ec2/nginx.conf /etc/nginx/nginx.conf
    systemctl enable --now larder-server nginx
    nginx -t
    systemctl reload nginx
fi
