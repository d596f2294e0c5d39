#!/bin/sh
# Writes prod.env, the settings and passwords of the production set (compose.yaml), and a certificate for
# nginx: sh deploy/prod-env.sh [HOST]. What is there stays. Only its owner reads prod.env.
set -eu
cd "$(dirname "$0")/.."
host=${1:-localhost}
tls=${TLS:-.data/tls}

random() { # letters and digits that need no quoting anywhere
    od -An -N 24 -tx1 /dev/urandom | tr -d ' \n'
}

if [ ! -e prod.env ]; then
    app=$(random) owner=$(random)
    (umask 077 && cat >prod.env.new) <<END
COMPOSE_PROJECT_NAME=larder
COMPOSE_PROFILES=production,replica,watching
DEVELOPMENT=0
# Every setting of .env.example may be here.
ALLOWED_HOSTS=$host
PUBLIC_URL=https://$host
REGISTRATION=closed
CURRENCY=GBP
PICTURES_DIR=/var/lib/larder/pictures
WORKERS=2
DB_POOL_SIZE=8
SECRET_KEY=$(random)$(random)
METRICS_TOKEN=$(random)
GRAFANA_PASSWORD=$(random)
# A database elsewhere (RDS): OWN_DATABASE=0, no profile replica, and its three addresses.
POSTGRES_PASSWORD=$(random)
OWNER_PASSWORD=$owner
REPLICATION_PASSWORD=$(random)
DATABASE_URL=postgresql://larder_app:$app@primary:5432/larder
OWNER_DATABASE_URL=postgresql://larder_owner:$owner@primary:5432/larder
REPLICA_URLS=postgresql://larder_app:$app@replica:5432/larder
END
    mv prod.env.new prod.env
fi

# Self-signed: put one that browsers and apps know in its place. The user of the container reads both.
if [ ! -e "$tls/certificate" ]; then
    mkdir -p "$tls"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
        -subj "/CN=$host" -addext "subjectAltName=DNS:$host,IP:127.0.0.1" \
        -keyout "$tls/key" -out "$tls/certificate" 2>/dev/null
    chmod 444 "$tls/key" "$tls/certificate"
fi
