#!/bin/sh
# The units by systemd, which says what is wrong and returns 0: any word of it counts. How open they
# are by systemd as well. nginx reads its own. Where a program is missing, apt-get has it.
set -eu
if [ "$(uname)" != Linux ]; then
    echo "not looked at: systemd is Linux's"
    exit 0
fi
for program in systemd-analyze nginx; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is missing. On Debian: apt-get install systemd nginx-light"
        exit 1
    fi
done
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
cat >"$copy/nginx.conf" <<END
pid $copy/pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path $copy/body;
    proxy_temp_path $copy/proxy;
    fastcgi_temp_path $copy/fastcgi;
    uwsgi_temp_path $copy/uwsgi;
    scgi_temp_path $copy/scgi;
    include $checkout/deploy/ec2/nginx.conf;
}
END
nginx -t -q -e stderr -c "$copy/nginx.conf"
