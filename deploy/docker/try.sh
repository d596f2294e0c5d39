#!/bin/sh
# Starts an image in a container engine as production does, does the main job, and stops it:
#     DATABASE_URL=… OWNER_DATABASE_URL=… sh deploy/docker/try.sh IMAGE
# The databases are reached by this machine's own addresses.
set -eu
image=$1
docker=${DOCKER:-docker}
port=${PORT:-8000}
SECRET_KEY=$(od -An -N 32 -tx1 /dev/urandom | tr -d ' \n')
export SECRET_KEY DATABASE_URL OWNER_DATABASE_URL

contained() {
    $docker run --network host --read-only --tmpfs /tmp:mode=1777,size=64m --cap-drop ALL \
        --security-opt no-new-privileges --env SECRET_KEY --env DATABASE_URL --env DEMO=1 \
        --env REGISTRATION=open --env HOST=127.0.0.1 --env PORT="$port" "$@"
}

contained --rm --env OWNER_DATABASE_URL "$image" python manage.py prepare
server=$(contained --detach "$image")
trap '$docker logs "$server" >&2; $docker rm --force "$server" >/dev/null' EXIT
for _ in $(seq 60); do
    [ "$($docker inspect --format '{{.State.Health.Status}}' "$server")" = healthy ] && break
    sleep 1
done
python3 -m tools.smoke "http://127.0.0.1:$port"
$docker stop --time 30 "$server" >/dev/null
status=$($docker inspect --format '{{.State.ExitCode}}' "$server")
[ "$status" = 0 ] || { echo "The server ended with status $status when it was stopped: read its log below." >&2; exit 1; }
