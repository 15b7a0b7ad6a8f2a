-- What each service's role may do; run it as protiv_owner after every `protiv-buildertrend setup`. Repeatable.

-- The poller: everything in schema integration. Its role alone reads sealed secrets.
GRANT USAGE ON SCHEMA integration TO protiv_poller;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA integration TO protiv_poller;
REVOKE INSERT, UPDATE, DELETE ON integration.schema_migrations FROM protiv_poller;
-- Users, sessions and the audit are the console's alone.
REVOKE ALL ON integration.console_users, integration.console_sessions, integration.console_tries,
    integration.audit, integration.audit_outcomes FROM protiv_poller;
-- `keys rotate` runs with this role, and leaves a line; nobody reads or changes one with it.
GRANT INSERT ON integration.audit TO protiv_poller;

-- The console and the commands of the CLI: they write a secret and cannot read one.
GRANT USAGE ON SCHEMA integration TO protiv_console;
GRANT SELECT ON ALL TABLES IN SCHEMA integration TO protiv_console;
REVOKE SELECT ON integration.credentials FROM protiv_console;
GRANT SELECT (company_id, kind, key_id, updated_at), INSERT, UPDATE, DELETE ON integration.credentials TO protiv_console;
GRANT INSERT, UPDATE ON integration.connections TO protiv_console;
GRANT INSERT, UPDATE ON integration.console_users TO protiv_console;
GRANT INSERT ON integration.left_overs TO protiv_console;
GRANT INSERT, UPDATE ON integration.recipes TO protiv_console;
GRANT INSERT, UPDATE, DELETE ON integration.console_sessions, integration.console_tries TO protiv_console;
-- The audit is append only.
REVOKE UPDATE, DELETE, TRUNCATE ON integration.audit, integration.audit_outcomes FROM protiv_console;
GRANT INSERT ON integration.audit, integration.audit_outcomes TO protiv_console;
GRANT USAGE ON SCHEMA protiv TO protiv_console;
GRANT SELECT ON ALL TABLES IN SCHEMA protiv TO protiv_console;

-- The sink: rows and offsets of schema protiv, and nothing of schema integration. It never deletes a row.
GRANT USAGE ON SCHEMA protiv TO protiv_sink;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA protiv TO protiv_sink;
REVOKE INSERT, UPDATE ON protiv.schema_migrations, protiv.reader_companies FROM protiv_sink;

-- Sink and console are for every company. Where roles.sh could not put them past row-level security, these let them;
-- without them the one would be refused and the other would see no row.
DO $$
DECLARE
  protected text;
BEGIN
  FOR protected IN
    SELECT relname FROM pg_class
    WHERE relnamespace = 'protiv'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity
  LOOP
    IF NOT EXISTS (SELECT FROM pg_policies
                   WHERE schemaname = 'protiv' AND tablename = protected AND policyname = 'every_company_to_sink') THEN
      EXECUTE format('CREATE POLICY every_company_to_sink ON protiv.%I TO protiv_sink USING (true) WITH CHECK (true)', protected);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_policies
                   WHERE schemaname = 'protiv' AND tablename = protected AND policyname = 'every_company_to_console') THEN
      EXECUTE format('CREATE POLICY every_company_to_console ON protiv.%I FOR SELECT TO protiv_console USING (true)', protected);
    END IF;
  END LOOP;
END $$;
