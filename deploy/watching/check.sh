#!/bin/sh
# promtool on each file with the rules, and amtool, through the script that installs them.
set -eu
cd "$(dirname "$0")"
sh -n user-data.sh
for program in promtool amtool; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is missing. On Debian: apt-get install prometheus prometheus-alertmanager"
        exit 1
    fi
done
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
for main in aws.yml heroku.yml patroni.yml; do
    rm -rf "$copy/etc"
    mkdir -p "$copy/etc/prometheus"
    printf token >"$copy/etc/prometheus/metrics_token"
    cp ../alertmanager/alertmanager.yml "$copy/etc/prometheus"
    if DESTDIR=$copy sh install.sh "$main" >/dev/null 2>&1; then
        echo "install.sh accepts a configuration without a receiver"
        exit 1
    fi
    printf '    webhook_configs:\n      - url: https://alerts.shop.test/\n' >>"$copy/etc/prometheus/alertmanager.yml"
    DESTDIR=$copy sh install.sh "$main"
done
echo "Not checked here: user-data.sh on a machine; tests/system/deploy/test_watching.py starts the programs."
