#!/bin/sh
# Makes a Debian or Ubuntu machine with the packages prometheus and prometheus-alertmanager watch the
# shop: sh deploy/watching/install.sh FILE, as root, where FILE is aws.yml, heroku.yml or patroni.yml.
# Before: the token in /etc/prometheus/metrics_token, and a receiver in /etc/prometheus/alertmanager.yml.
# With DESTDIR all of this is below that folder, and nothing is started.
set -eu
main=$1
deploy=$(dirname "$0")/..
etc=${DESTDIR:-}/etc
for needed in metrics_token alertmanager.yml; do
    [ -s "$etc/prometheus/$needed" ] || { echo "There is no /etc/prometheus/$needed." >&2; exit 1; }
done
grep -q '^[^#]*_configs:' "$etc/prometheus/alertmanager.yml" ||
    { echo "/etc/prometheus/alertmanager.yml names no receiver: no alarm would be sent." >&2; exit 1; }
# Debian's package has a file whose receivers are addresses of example.org.
! grep -q '^[^#]*[^[:alnum:]#-]example\.\(com\|net\|org\)' "$etc/prometheus/alertmanager.yml" ||
    { echo "/etc/prometheus/alertmanager.yml names an example as a receiver: no alarm would arrive." >&2; exit 1; }
mkdir -p "$etc/prometheus/rules" "$etc/default"
cp "$deploy"/prometheus/rules/*.yml "$etc/prometheus/rules"
cp "$main" "$etc/prometheus/prometheus.yml"
chmod 640 "$etc/prometheus/metrics_token" "$etc/prometheus/alertmanager.yml"
promtool check config "$etc/prometheus/prometheus.yml"
amtool check-config "$etc/prometheus/alertmanager.yml"
# Neither has a log-in: both are for this machine alone.
echo 'ARGS="--web.listen-address=127.0.0.1:9090"' >"$etc/default/prometheus"
echo 'ARGS="--web.listen-address=127.0.0.1:9093 --cluster.listen-address="' >"$etc/default/prometheus-alertmanager"
if [ -z "${DESTDIR:-}" ]; then
    chgrp prometheus "$etc/prometheus/metrics_token" "$etc/prometheus/alertmanager.yml"
    systemctl restart prometheus prometheus-alertmanager
fi
