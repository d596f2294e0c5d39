#!/bin/sh
# promtool on what is deployed, beside a token as the configuration wants it.
set -eu
cd "$(dirname "$0")"
if ! command -v promtool >/dev/null; then
    echo "promtool is missing. On Debian: apt-get install prometheus"
    exit 1
fi
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r . "$copy"
echo token >"$copy/metrics_token"
sed -i "s#/run/secrets/metrics_token#metrics_token#" "$copy/prometheus.yml"
promtool check config "$copy/prometheus.yml"
promtool test rules "$copy"/tests/*.yml
echo "Not checked here: whether an alarm arrives; tests/system/deploy and make stack do."
