#!/bin/sh
# Run in the container `primary` (docs/deployment.md):
#     sh /etc/postgresql/backup.sh make >larder.dump       while the shop is open
#     sh /etc/postgresql/backup.sh restore <larder.dump    while nobody is connected to it
#     sh /etc/postgresql/backup.sh forget                  what restores have put aside
# The database that was there stays, as larder_before_…; when anything fails, under its own name,
# and the copy that was to take its place is dropped.
set -eu
PGHOST=/var/run/postgresql
PGUSER=postgres
PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export PGHOST PGUSER PGPASSWORD
fresh=larder_restored

run() { # $1 statements, several of them are one transaction; $2 the database
    psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --tuples-only --no-align \
        --dbname="${2:-postgres}" --command="$1"
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
    # What opened an account then and was ended since must not open it again: as `make restore`
    # does, for the reasons in tools/backup/credentials.py.
    run "UPDATE identity.session SET ended_at = now() WHERE ended_at IS NULL;
         UPDATE identity.key SET ended_at = now() WHERE ended_at IS NULL;
         DELETE FROM identity.password_reset;
         DELETE FROM public.django_session;
         SELECT setval('identity.customer_id_seq', last_value + 1000000)
             FROM identity.customer_id_seq" "$fresh" >/dev/null
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
    echo "backup.sh: make, restore or forget" >&2
    exit 2
    ;;
esac
