#!/bin/sh
# Starts PostgreSQL as `primary` or `replica`; an empty data folder is filled first: a primary makes
# roles, database and the replica's slot, a replica copies its primary. Both appear under their
# name only when they are complete, so that a start that was cut short is simply made again.
#
# PGDATA                the data folder; the folder around it must be writable
# POSTGRES_PASSWORD     primary: of the superuser, who may only come from here
# OWNER_PASSWORD        primary: of larder_owner, who owns the tables and makes the other roles
# REPLICATION_PASSWORD  both: of larder_replication
set -eu
umask 077
role=$1
draft=$PGDATA.new
configuration=/etc/postgresql/postgresql.conf
sockets=/var/run/postgresql

make_primary() {
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --pgdata="$draft" --username=postgres --pwfile=/tmp/password \
        --auth=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8 --data-checksums --no-instructions
    # No other session can connect until everything is made.
    pg_ctl start --pgdata="$draft" --wait --silent \
        --options="-c config_file=$configuration -c listen_addresses="
    PGPASSWORD=$POSTGRES_PASSWORD psql --quiet --no-psqlrc --host="$sockets" \
        --username=postgres --set=ON_ERROR_STOP=1 \
        --set=owner_password="$OWNER_PASSWORD" \
        --set=replication_password="$REPLICATION_PASSWORD" \
        --file=/etc/postgresql/roles.sql postgres
    pg_ctl stop --pgdata="$draft" --wait --silent --mode=fast
}

copy_primary() {
    until PGPASSFILE=/tmp/replication.pgpass pg_basebackup --pgdata="$draft" --no-password \
        --dbname='host=primary port=5432 user=larder_replication' --slot=larder_replica \
        --wal-method=stream --checkpoint=fast; do
        echo "start.sh: the primary cannot be copied yet; once more in two seconds" >&2
        rm -rf "$draft"
        sleep 2
    done
    touch "$draft/standby.signal"
}

if [ "$role" = replica ]; then
    printf 'primary:5432:*:larder_replication:%s\n' "$REPLICATION_PASSWORD" \
        >/tmp/replication.pgpass
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    rm -rf "$draft"
    case $role in
    primary) make_primary ;;
    replica) copy_primary ;;
    *) echo "start.sh: say primary or replica, not '$role'" >&2 && exit 2 ;;
    esac
    mv "$draft" "$PGDATA"
fi
set -- -c config_file="$configuration"
# A third of the log's bytes for little work, where the binaries can.
if postgres -D "$PGDATA" "$@" -c wal_compression=lz4 -C wal_compression >/dev/null 2>&1; then
    set -- "$@" -c wal_compression=lz4
fi
exec postgres -D "$PGDATA" "$@"
