#!/bin/sh
# The options by their documented names, the Procfile by a program that runs such files, nginx's part
# by nginx, and the bundle is made.
set -eu
folder=deploy/elasticbeanstalk
honcho="$(dirname "$PYTHON")/honcho"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp "$folder/bundle/.ebextensions/larder.config" "$copy/larder.yaml"
"$PYTHON" -m check_jsonschema --schemafile "$folder/options.schema.json" "$copy/larder.yaml"
"$honcho" check --procfile "$folder/bundle/Procfile"
for script in "$folder"/*.sh; do sh -n "$script"; done
if command -v nginx >/dev/null; then
    echo "pid $copy/pid; error_log stderr warn; events {} http {
        access_log off; client_body_temp_path $copy/body; proxy_temp_path $copy/proxy;
        fastcgi_temp_path $copy/fastcgi; uwsgi_temp_path $copy/uwsgi; scgi_temp_path $copy/scgi;
        include $PWD/$folder/bundle/.platform/nginx/conf.d/larder.conf; }" >"$copy/nginx.conf"
    nginx -t -q -e stderr -c "$copy/nginx.conf"
else
    echo "nginx -t: not looked at, there is no nginx here"
fi
if git rev-parse --verify --quiet "HEAD:$folder/bundle" >/dev/null; then
    PYTHON=$PYTHON sh "$folder/bundle.sh" "$copy/larder.zip"
fi
