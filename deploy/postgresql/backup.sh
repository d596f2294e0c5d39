#!/bin/sh
# Run in the container `primary` (docs/deploy/index.md):
#     sh /etc/postgresql/backup.sh make >larder.dump       while the shop is open
#     sh /etc/postgresql/backup.sh restore <larder.dump    while no session is connected to it
#     sh /etc/postgresql/backup.sh forget                  the databases that restores replaced
# The database that was there stays, as larder_before_…; when anything fails, under its own name,
# and the copy that was to take its place is dropped.
set -eu
PGHOST=/var/run/postgresql
PGUSER=postgres
PGPASSWORD=$POSTGRES_PASSWORD
export PGHOST PGUSER PGPASSWORD
fresh=larder_restored

run() { # $1 statements, several of them are one transaction
    psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --tuples-only --no-align \
        --dbname=postgres --command="$1"
}

case ${1-} in
make)
    exec pg_dump --format=custom larder
    ;;
restore)
    trap '[ $? = 0 ] || run "DROP DATABASE IF EXISTS $fresh WITH (FORCE)"' EXIT
    run "DROP DATABASE IF EXISTS $fresh WITH (FORCE)"
    run "CREATE DATABASE $fresh OWNER larder_owner TEMPLATE template0"
    # `migrate` gives the rights anew.
    pg_restore --exit-on-error --no-owner --no-privileges --role=larder_owner --dbname="$fresh"
    # What opened an account then and was ended since must not open it again: by this mark
    # `migrate` knows (larder/ops/management/commands/prepare.py), and before it no server has rights here.
    run "COMMENT ON DATABASE $fresh IS 'Restored: manage.py prepare has yet to end log-ins and keys.'"
    run "ALTER DATABASE larder RENAME TO larder_before_$(date -u +%Y%m%d%H%M%S);
         ALTER DATABASE $fresh RENAME TO larder"
    ;;
forget)
    for name in $(run "SELECT datname FROM pg_database WHERE datname ~ '^larder_before_[0-9]+\$'"); do
        run "DROP DATABASE $name"
        echo "$name is gone."
    done
    ;;
*)
    echo "backup.sh: say make, restore or forget" >&2
    exit 2
    ;;
esac
