#!/bin/sh
# Django's checks for a production: its environment and nothing of this one, on the database that
# DATABASE_URL and OWNER_DATABASE_URL name. Some checks look into the tables, so they are made.
set -eu
python=$VENV/bin/python
secret=$("$python" -c 'import secrets; print(secrets.token_urlsafe(64))')

in_production() {
    env -i PATH="$PATH" SECRET_KEY="$secret" REGISTRATION=closed \
        EMAIL_URL=smtp+tls://shop:secret@mail.example.com DEFAULT_FROM_EMAIL=shop@example.com \
        ALLOWED_HOSTS=larder.example.com PUBLIC_URL=https://larder.example.com \
        DATABASE_URL="$DATABASE_URL" OWNER_DATABASE_URL="$OWNER_DATABASE_URL" "$@"
}

in_production "$python" manage.py prepare >/dev/null
in_production "$python" manage.py check --deploy --fail-level WARNING --database default
