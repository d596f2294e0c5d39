-- Run once, by start.sh, in a new cluster. The server's role and the read-only one are made by
-- `manage.py prepare`, as larder_owner.
-- Passwords are in the statements: whatever the settings are, this session logs none of them.
SET log_statement = none;
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;
CREATE ROLE larder_owner LOGIN CREATEROLE PASSWORD :'owner_password';
-- It passes this on to the server's role, which tells of the replicas at /metrics.
GRANT pg_monitor TO larder_owner WITH ADMIN OPTION;
CREATE ROLE larder_replication LOGIN REPLICATION PASSWORD :'replication_password';
CREATE DATABASE larder OWNER larder_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
SELECT pg_create_physical_replication_slot('larder_replica');
