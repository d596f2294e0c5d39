#!/bin/sh
# Checks each main file of nginx. Without nginx's Lua module
# deadline.conf is empty.
set -eu
sh -n deploy/nginx/sidecar.sh
if ! command -v nginx >/dev/null; then
    echo "nginx is missing. On Debian: apt-get install nginx-light libnginx-mod-http-lua"
    exit 1
fi
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
lua=/etc/nginx/modules-enabled/50-mod-http-lua.conf
for main in deploy/nginx/sidecar.conf deploy/ec2/nginx.conf \
    deploy/elasticbeanstalk/bundle/.platform/nginx/nginx.conf; do
    rm -rf "$copy/nginx"
    mkdir -p "$copy/nginx/larder"
    cp deploy/nginx/larder/* "$copy/nginx/larder"
    sed -i "s#/etc/nginx/larder#$copy/nginx/larder#" "$copy/nginx/larder/deadline.conf"
    if [ ! -e "$lua" ]; then
        : >"$copy/nginx/larder/deadline.conf"
    fi
    # Users and folders are those of its machine, not of this one.
    sed -e '/^user /d' -e "s#/tmp/#$copy/#" -e "s#/var/log/nginx#$copy#" \
        -e "s#^pid .*#pid $copy/pid;#" "$main" >"$copy/nginx/main.conf"
    nginx -t -q -e stderr -c "$copy/nginx/main.conf"
done
echo "Not checked here: what it answers; tests/system/deploy/test_front*.py ask it."
