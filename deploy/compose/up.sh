#!/bin/sh
# `make up`: secrets, then the whole set by the container engine. DOCKER names the engine's command (docker, podman), SECRETS the secrets' folder,
# PYTHON an interpreter with Larder's packages.
set -eu
cd "$(dirname "$0")/../.."
docker=${DOCKER:-docker}

value() { # $1 name, $2 otherwise: as compose finds it, in the environment or in deploy/compose/.env
    found=$(printenv "$1") || found=$(sed -n "s/^$1=//p" deploy/compose/.env 2>/dev/null | tail -n 1)
    found=${found#[\"\']}
    found=${found%[\"\']}
    echo "${found:-$2}"
}

sh deploy/docker/engine.sh compose
url=$(value PUBLIC_URL https://localhost)
host=${url#https://}
sh deploy/compose/secrets.sh "$SECRETS" "${host%%[:/]*}"
# What the image's labels say. The commit's own time: with the clock's, each start would make every
# container anew.
REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)
CREATED=$(git log -1 --format=%cI 2>/dev/null || echo unknown)
export REVISION CREATED
$docker compose --file deploy/compose/compose.yaml up --build --detach --wait
cat <<END

Larder is at $url; its secrets are in $SECRETS.
  Prometheus  http://127.0.0.1:$(value PROMETHEUS_PORT 9090)
  Alerts      http://127.0.0.1:$(value ALERTMANAGER_PORT 9093)
  Grafana     http://127.0.0.1:$(value GRAFANA_PORT 3000), admin, password in $SECRETS/grafana_password
An account for the admin: $docker compose -f deploy/compose/compose.yaml run --rm migrate \\
  python manage.py createsuperuser
END
grep -q '^ *[a-z]*_configs:' "$SECRETS/alertmanager_config" ||
    echo "Alerts have no receiver yet: name a receiver in $SECRETS/alertmanager_config"
