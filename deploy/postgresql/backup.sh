#!/bin/sh
# Run in the container `primary` (docs/deployment.md):
#     sh /etc/postgresql/backup.sh make >larder.dump       while the shop is open
#     sh /etc/postgresql/backup.sh restore <larder.dump    while nobody is connected to it
# The database that was there stays, as larder_before_…; when anything fails, under its own name.
set -eu
PGHOST=/var/run/postgresql
PGUSER=postgres
PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export PGHOST PGUSER PGPASSWORD
fresh=larder_restored

run() { # $1 statements; several of them are one transaction
    psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --dbname=postgres --command="$1"
}

case ${1-} in
make)
    exec pg_dump --format=custom larder
    ;;
restore)
    run "DROP DATABASE IF EXISTS $fresh"
    run "CREATE DATABASE $fresh OWNER larder_owner TEMPLATE template0"
    # `migrate` gives the rights anew.
    pg_restore --exit-on-error --no-owner --no-privileges --role=larder_owner --dbname="$fresh"
    run "ALTER DATABASE larder RENAME TO larder_before_$(date -u +%Y%m%d%H%M%S);
         ALTER DATABASE $fresh RENAME TO larder"
    ;;
*)
    echo "backup.sh: make or restore" >&2
    exit 2
    ;;
esac
