#!/bin/sh
# User data of one EC2 instance, or any machine with Ubuntu 24.04: the production set of compose.yaml.
# Put in your repository, a tag and your host. With a secret `larder/prod.env` in Secrets Manager, which
# the instance's role may read, its text becomes prod.env; otherwise prod.env is made here.
# With RDS, that prod.env has OWN_DATABASE=0 and the three addresses of the database.
set -eu
HOST=shop.example.com
REPOSITORY=https://github.com/OWNER/larder
TAG=main

apt-get update
apt-get install -y git make openssl docker.io docker-buildx docker-compose-v2
# A first start may still be installing the snaps of the image, and refuses others meanwhile.
snap wait system seed.loaded
snap install aws-cli --classic
git clone --depth 1 --branch "$TAG" "$REPOSITORY" /opt/larder
cd /opt/larder
(umask 077 && aws secretsmanager get-secret-value --secret-id larder/prod.env \
    --query SecretString --output text >prod.env) || rm -f prod.env
# After a restart of the machine the engine starts the containers again.
make up HOST="$HOST"
