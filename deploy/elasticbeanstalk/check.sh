#!/bin/sh
# Checks the names of the options and the Procfile, and makes the bundle. deploy/nginx/check.sh checks
# its nginx.conf.
set -eu
folder=deploy/elasticbeanstalk
honcho="$(dirname "$PYTHON")/honcho"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp "$folder/bundle/.ebextensions/larder.config" "$copy/larder.yaml"
"$PYTHON" -m check_jsonschema --schemafile "$folder/options.schema.json" "$copy/larder.yaml"
"$honcho" check --procfile "$folder/bundle/Procfile"
for script in "$folder"/*.sh; do sh -n "$script"; done
if git rev-parse --verify --quiet "HEAD:$folder/bundle" >/dev/null; then
    PYTHON=$PYTHON sh "$folder/bundle.sh" "$copy/larder.zip"
fi
echo "Not checked here: whether the platform accepts the bundle and the options."
