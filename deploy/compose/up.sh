#!/bin/sh
# `make up`: secrets, then the whole set by the container engine; the same set as processes where
# none answers. DOCKER names the engine's command (docker, podman), SECRETS the secrets' folder,
# PYTHON an interpreter with Larder's packages.
set -eu
cd "$(dirname "$0")/../.."
docker=${DOCKER:-docker}
PUBLIC_URL=${PUBLIC_URL:-https://localhost}

if ! $docker info >/dev/null 2>&1; then
    echo "No container engine answers ('$docker info'): starting the same programs as processes."
    exec "$PYTHON" -m tools.stack
fi
if ! $docker compose version >/dev/null 2>&1; then
    echo "'$docker' has no compose: install its compose plugin, version 2.24 or later." >&2
    exit 1
fi
host=${PUBLIC_URL#https://}
sh deploy/compose/secrets.sh "$SECRETS" "${host%%[:/]*}"
$docker compose --file deploy/compose/compose.yaml up --build --detach --wait
cat <<END

Larder is at $PUBLIC_URL; its secrets are in $SECRETS.
  Prometheus  http://127.0.0.1:${PROMETHEUS_PORT:-9090}
  Grafana     http://127.0.0.1:${GRAFANA_PORT:-3000}, admin, password in $SECRETS/grafana_password
Somebody for the admin: $docker compose -f deploy/compose/compose.yaml run --rm migrate \\
  python manage.py createsuperuser
END
