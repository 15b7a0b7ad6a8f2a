-- name: server
SELECT current_setting('server_version_num')::int AS version, current_user::text AS role, clock_timestamp() AS at;

-- name: applied
-- Migrations of both schemas; none where the schema is not there.
SELECT table_schema::text FROM information_schema.tables
WHERE table_name = 'schema_migrations' AND table_schema IN ('integration', 'protiv');

-- name: applied_integration
SELECT name, checksum FROM integration.schema_migrations;

-- name: applied_protiv
SELECT name, checksum FROM protiv.schema_migrations;

-- name: rights
-- What the service roles that exist here must be allowed, and are not; and who else reads sealed secrets.
SELECT r.role, r.relation, r.privilege
FROM (VALUES
    ('protiv_poller', 'integration.connections', 'UPDATE'), ('protiv_poller', 'integration.commands', 'INSERT'),
    ('protiv_poller', 'integration.source_state', 'DELETE'), ('protiv_poller', 'integration.credentials', 'SELECT'),
    ('protiv_poller', 'integration.entity_reads', 'INSERT'),
    ('protiv_sink', 'protiv.time_entries', 'INSERT'), ('protiv_sink', 'protiv.sink_offsets', 'UPDATE'),
    ('protiv_console', 'integration.connections', 'INSERT'), ('protiv_console', 'integration.entity_reads', 'SELECT'),
    ('protiv_console', 'integration.held_deletions', 'SELECT'), ('protiv_console', 'protiv.time_entries', 'SELECT'),
    ('protiv_console', 'protiv.sink_offsets', 'SELECT'), ('protiv_reader', 'protiv.current_time_entries', 'SELECT')
) AS r(role, relation, privilege)
JOIN pg_roles AS p ON p.rolname = r.role
WHERE NOT has_table_privilege(p.oid, r.relation, r.privilege);

-- name: secret_readers
SELECT rolname::text FROM pg_roles
WHERE rolname IN ('protiv_sink', 'protiv_console', 'protiv_reader')
  AND has_column_privilege(oid, 'integration.credentials', 'sealed', 'SELECT');

-- name: service_roles
SELECT count(*) FROM pg_roles WHERE rolname IN ('protiv_poller', 'protiv_sink', 'protiv_console');

-- name: hidden
-- Roles that are for every company, with a table whose policies hide rows from them.
SELECT r.rolname::text, c.relname::text FROM pg_roles AS r CROSS JOIN pg_class AS c
WHERE r.rolname IN ('protiv_sink', 'protiv_console') AND NOT r.rolsuper AND NOT r.rolbypassrls
  AND c.relnamespace = 'protiv'::regnamespace AND c.relkind IN ('r', 'p') AND c.relrowsecurity
  AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND r.oid = ANY(p.polroles))
ORDER BY 1, 2;

-- name: readers
SELECT count(*) FROM pg_roles WHERE rolname = 'protiv_reader';
