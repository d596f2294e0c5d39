#!/bin/sh
# The files of the cluster by the programs that read them; compose.yaml by its schema.
set -eu
"$PYTHON" -m check_jsonschema --builtin-schema vendor.compose-spec deploy/patroni/compose.yaml
for script in deploy/patroni/*.sh; do
    sh -n "$script"
done
if ${DOCKER:-docker} compose version >/dev/null 2>&1; then
    SECRETS=$(mktemp -d)
    export SECRETS
    trap 'rm -rf "$SECRETS"' EXIT
    sh deploy/patroni/secrets.sh "$SECRETS"
    ${DOCKER:-docker} compose --file deploy/patroni/compose.yaml config --quiet
else
    echo "compose config: not looked at, there is no '${DOCKER:-docker} compose' here"
fi
if [ "$(uname)" != Linux ]; then
    echo "the programs: not looked at, this is not Linux"
    exit 0
fi
for program in etcd patroni haproxy pgbouncer systemd-analyze; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is missing. On Debian: apt-get install etcd-server patroni python3-etcd haproxy pgbouncer systemd"
        exit 1
    fi
done
copy=$(mktemp -d)
trap 'rm -rf "$copy" ${SECRETS:+"$SECRETS"}' EXIT
for unit in patroni larder-disk-guard; do
    sed '/^Documentation=/d' "deploy/patroni/systemd/$unit.service" >"$copy/$unit.service"
done
for unit in etcd pgbouncer; do
    sed '/^Documentation=/d' "/lib/systemd/system/$unit.service" >"$copy/$unit.service"
    mkdir "$copy/$unit.service.d"
    cp deploy/patroni/systemd/restart.conf "$copy/$unit.service.d/"
done
said=$(systemd-analyze verify --man=no --recursive-errors=no "$copy"/*.service 2>&1) || true
if [ -n "$said" ]; then
    echo "$said"
    exit 1
fi
for unit in patroni larder-disk-guard; do
    systemd-analyze security --offline=true --threshold=25 "$copy/$unit.service" >"$copy/said" || {
        tail -n 1 "$copy/said"
        exit 1
    }
done
# The names of the machines are this one's.
sed 's/ db[123]:/ 127.0.0.1:/' deploy/patroni/haproxy.cfg >"$copy/haproxy.cfg"
haproxy -c -q -f "$copy/haproxy.cfg"
echo "Not checked here: the image and the containers (docs/how-to/deploy/patroni.md has a run); make proof PROOF=cluster runs the programs as processes."
