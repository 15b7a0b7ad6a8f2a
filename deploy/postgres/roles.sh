#!/bin/sh
# Makes the databases and the login roles, each with the least it needs; the postgres image runs it on an empty volume.
# Elsewhere: run it as a superuser, or as an administrator with CREATEROLE and CREATEDB, with the PG* and POSTGRES_*
# variables set. It can be run again: what is there stays, and the passwords become those of the variables. What a role
# may do with tables is in grants.sql, which runs after `protiv-buildertrend setup` has made them.
set -eu

psql -X --quiet --set ON_ERROR_STOP=1 --dbname postgres \
    --set owner="$POSTGRES_OWNER_PASSWORD" --set poller="$POSTGRES_POLLER_PASSWORD" \
    --set sink="$POSTGRES_SINK_PASSWORD" --set console="$POSTGRES_CONSOLE_PASSWORD" \
    --set registry="$POSTGRES_REGISTRY_PASSWORD" <<'SQL'
SELECT r.rolsuper AS is_superuser,
    r.rolsuper OR (r.rolbypassrls AND current_setting('server_version_num')::int >= 160000) AS may_bypass
FROM pg_roles AS r WHERE r.rolname = current_user \gset

-- protiv_reader: whoever reads schema protiv for one company; see the policies on its tables.
-- protiv_owner: owns both schemas; only `setup` signs in as it.
-- protiv_sink writes, and protiv_console shows, the rows of every company: by the policies of grants.sql, and where
-- whoever runs this may say so past row-level security, which is quicker for the sink.
SELECT format('CREATE ROLE %I', wanted.name)
FROM unnest(ARRAY['protiv_reader', 'protiv_owner', 'protiv_poller', 'protiv_sink', 'protiv_console', 'registry'])
    AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) \gexec

ALTER ROLE protiv_owner LOGIN PASSWORD :'owner';
ALTER ROLE protiv_poller LOGIN PASSWORD :'poller';
ALTER ROLE protiv_sink LOGIN PASSWORD :'sink';
ALTER ROLE protiv_console LOGIN PASSWORD :'console';
ALTER ROLE registry LOGIN PASSWORD :'registry';
\if :may_bypass
ALTER ROLE protiv_sink BYPASSRLS;
ALTER ROLE protiv_console BYPASSRLS;
\endif

-- An administrator who is no superuser can give a database to a role only as its member.
\if :is_superuser
\else
SELECT format('GRANT %I TO CURRENT_USER', wanted.name) FROM unnest(ARRAY['protiv_owner', 'registry']) AS wanted (name)
WHERE NOT pg_has_role(wanted.name, 'USAGE') \gexec
\endif

SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''', wanted.name, wanted.owner)
FROM (VALUES ('protiv', 'protiv_owner'), ('registry', 'registry')) AS wanted (name, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = wanted.name) \gexec
REVOKE CONNECT ON DATABASE protiv, registry FROM PUBLIC;
GRANT CONNECT ON DATABASE protiv TO protiv_poller, protiv_sink, protiv_console, protiv_reader;
SQL
