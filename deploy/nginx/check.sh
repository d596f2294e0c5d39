#!/bin/sh
# Checks each main file of nginx; tools.stack.check checks that of compose. Without nginx's Lua module
# deadline.conf is left out, as in the bundle of Elastic Beanstalk.
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
    if [ ! -e "$lua" ] || ! grep -q deadline "$main"; then
        rm "$copy"/nginx/larder/deadline.*
    fi
    # Users and folders are those of its machine, not of this one.
    sed -e '/^user /d' -e "s#/tmp/#$copy/#" -e "s#/var/log/nginx#$copy#" \
        -e "s#^pid .*#pid $copy/pid;#" "$main" >"$copy/nginx/main.conf"
    nginx -t -q -e stderr -c "$copy/nginx/main.conf"
done
