#!/bin/sh
# Makes the secrets of compose.yaml that are not there yet: sh deploy/compose/secrets.sh FOLDER [HOST]
# HOST is the name in the certificate, which is self-signed: put one that browsers and apps know in
# its place. The folder is for its owner alone; the files in it can be read by users who get into
# the containers they are mounted in, where users have other numbers.
set -eu
folder=$1
host=${2:-localhost}
umask 077
receivers=$(cat "$(dirname "$0")/../alertmanager/alertmanager.yml")
mkdir -p "$folder"
cd "$folder"

random() { # $1 bytes, as letters and digits that need no quoting anywhere
    od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'
}

keep() { # $1 name, $2 content: unless it is there
    if [ ! -s "$1" ]; then
        printf '%s' "$2" >"$1.new"
        mv "$1.new" "$1"
    fi
    chmod 444 "$1"
}

derive() { # $1 name, $2 content: always as the passwords are now
    printf '%s' "$2" >"$1.new"
    chmod 444 "$1.new"
    mv -f "$1.new" "$1"
}

keep secret_key "$(random 32)"
for name in postgres owner app replication redis grafana; do
    keep "${name}_password" "$(random 24)"
done
keep metrics_token "$(random 24)"
# Receivers have passwords and secret addresses. The owner writes into this file and the next ones.
keep alertmanager_config "$receivers
"
chmod 644 alertmanager_config
# What a shop may do without: an empty file says so.
for name in secret_key_fallbacks email_url sentry_dsn readonly_password \
    stripe_webhook_secrets signed_payment_secrets; do
    [ -e "$name" ] || : >"$name"
    chmod 644 "$name"
done

app=$(cat app_password)
derive database_url "postgresql://larder_app:$app@pgbouncer:6432/larder"
derive replica_urls "postgresql://larder_app:$app@replica:5432/larder"
derive worker_database_url "postgresql://larder_app:$app@primary:5432/larder"
derive owner_database_url "postgresql://larder_owner:$(cat owner_password)@primary:5432/larder"
derive pgbouncer_users "\"larder_app\" \"$app\""
derive cache_url "redis://:$(cat redis_password)@redis:6379/0"
derive redis_auth "requirepass $(cat redis_password)
"

if [ ! -s tls_certificate ] || [ ! -s tls_key ]; then
    command -v openssl >/dev/null || {
        echo "There is no openssl: install it, or put tls_certificate and tls_key into $folder." >&2
        exit 1
    }
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
        -subj "/CN=$host" -addext "subjectAltName=DNS:$host,IP:127.0.0.1" \
        -keyout tls_key.new -out tls_certificate.new 2>/dev/null
    mv tls_key.new tls_key
    mv tls_certificate.new tls_certificate
    chmod 444 tls_key tls_certificate
fi
