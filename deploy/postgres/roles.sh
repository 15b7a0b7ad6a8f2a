#!/bin/sh
# Makes the databases and the login roles, each with the least it needs; the postgres image runs it on an empty volume.
# Elsewhere: run it once as a superuser, with the PG* and POSTGRES_* variables set. What a role may do with tables is in
# grants.sql, which runs after `protiv-buildertrend setup` has made them.
set -eu

psql -X --quiet --set ON_ERROR_STOP=1 --dbname postgres \
    --set owner="$POSTGRES_OWNER_PASSWORD" --set poller="$POSTGRES_POLLER_PASSWORD" \
    --set sink="$POSTGRES_SINK_PASSWORD" --set console="$POSTGRES_CONSOLE_PASSWORD" \
    --set registry="$POSTGRES_REGISTRY_PASSWORD" <<'SQL'
-- Whoever reads schema protiv for one company; see the policies on its tables.
CREATE ROLE protiv_reader NOLOGIN;

-- Owns both schemas: only `setup` signs in as it.
CREATE ROLE protiv_owner LOGIN PASSWORD :'owner';
CREATE ROLE protiv_poller LOGIN PASSWORD :'poller';
-- Writes the rows of every company; row-level security is for readers.
CREATE ROLE protiv_sink LOGIN BYPASSRLS PASSWORD :'sink';
-- Shows every company to operators; it only reads schema protiv.
CREATE ROLE protiv_console LOGIN BYPASSRLS PASSWORD :'console';
CREATE ROLE registry LOGIN PASSWORD :'registry';

CREATE DATABASE protiv OWNER protiv_owner;
CREATE DATABASE registry OWNER registry;
REVOKE CONNECT ON DATABASE protiv, registry FROM PUBLIC;
GRANT CONNECT ON DATABASE protiv TO protiv_poller, protiv_sink, protiv_console, protiv_reader;
SQL
