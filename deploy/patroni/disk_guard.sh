#!/bin/sh
# Gives the primary away while its disk is nearly full: PostgreSQL would stay primary and refuse writes.
# Runs beside Patroni, with its environment, as a systemd unit of its own. A standby is refused
# by Patroni (412), and so is a switch-over without a synchronous standby.
set -u
minimum=${DISK_GUARD_MEGABYTES:-256}
while sleep 2; do
    free=$(df --output=avail --block-size=1M /var/lib/postgresql | tail -n 1 | tr -dc 0-9)
    [ "${free:-$minimum}" -lt "$minimum" ] || continue
    printf 'user = "%s:%s"\n' "$PATRONI_RESTAPI_USERNAME" "$PATRONI_RESTAPI_PASSWORD" |
        curl --silent --fail --max-time 30 --config - --data "{\"leader\": \"$PATRONI_NAME\"}" \
            http://127.0.0.1:8008/switchover || continue
    echo "disk_guard.sh: $free MB are free; the primary was switched over"
    # Where all disks are full the primary must not move all the time.
    sleep 60
done
