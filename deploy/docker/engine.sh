#!/bin/sh
# Whether a container engine answers, and has the required version; one line that says what to do
# where it does not:
#     sh deploy/docker/engine.sh [compose]
# DOCKER names the engine's command. An engine's own message says which flag it does not know, or
# which socket it did not find, and not what to do.
docker=${DOCKER:-docker}
if ! $docker info >/dev/null 2>&1; then
    echo "No container engine answers ('$docker info'): start it, or name another one (DOCKER=podman)." >&2
    echo "Without one: make run, make migrate, make test." >&2
    exit 1
fi
if [ "${1:-}" = compose ] && ! $docker compose version >/dev/null 2>&1; then
    echo "'$docker' has no compose: install its compose plugin, version 2.24 or later." >&2
    exit 1
fi
