#!/bin/sh
# Run by Patroni on the first node of a new cluster, once: the owner of the tables and its database.
# `manage.py prepare` makes the other roles. $1 is a connection string of the superuser.
set -eu
# Passwords are in the statements: this session logs none of them. One goes with the file, on
# standard input, not on a command line that others see.
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 "$1" <<SQL
SET log_statement = none;
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;
CREATE ROLE larder_owner LOGIN CREATEROLE PASSWORD '$OWNER_PASSWORD';
GRANT pg_monitor TO larder_owner WITH ADMIN OPTION;
CREATE DATABASE larder OWNER larder_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE template1 FROM PUBLIC;
SQL
