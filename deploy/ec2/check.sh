#!/bin/sh
# The units by systemd, which says what is wrong and returns 0: any word of it counts. How open they
# are by systemd as well. deploy/nginx/check.sh looks at nginx.conf.
set -eu
sh -n deploy/ec2/user-data.sh
# What systemd reads as EnvironmentFile: comments, and a name and its value a line.
if grep -nvE '^(#.*|[A-Za-z_][A-Za-z0-9_]*=.*|)$' deploy/*/*.env.example; then
    exit 1
fi
if [ "$(uname)" != Linux ]; then
    echo "not looked at: systemd is Linux's"
    exit 0
fi
if ! command -v systemd-analyze >/dev/null; then
    echo "systemd-analyze is missing. On Debian: apt-get install systemd"
    exit 1
fi
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
checkout=$PWD
for unit in deploy/ec2/*.service; do
    # Where it will be installed there is nothing here: verified is what would be started there.
    sed -e "s#^ExecStart=/opt/larder/.venv/bin/python#ExecStart=$(command -v true)#" \
        -e "s#=/opt/larder\$#=$checkout#" -e '/^Documentation=/d' "$unit" >"$copy/${unit##*/}"
done
said=$(systemd-analyze verify --man=no --recursive-errors=no "$copy"/*.service 2>&1) || true
if [ -n "$said" ]; then
    echo "$said"
    exit 1
fi
for unit in "$copy"/*.service; do
    # From 0 (nothing is possible) to 100; without any of the directives it is 96.
    systemd-analyze security --offline=true --threshold=25 "$unit" >"$copy/said" || {
        tail -n 1 "$copy/said"
        exit 1
    }
done
echo "Not checked here: the user data on a machine, and anything of AWS."
