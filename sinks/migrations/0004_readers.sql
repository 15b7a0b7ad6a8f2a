-- Readers see one company: the one in the setting protiv.company_id, and none without it. The owner of the tables,
-- as which the sink writes, is not bound by the policies.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'protiv_reader') THEN
    CREATE ROLE protiv_reader NOLOGIN;
  END IF;
EXCEPTION
  -- Roles belong to the whole server: another database's migration may have been first by a moment.
  WHEN duplicate_object OR unique_violation THEN NULL;
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'The role protiv_reader does not exist and this role may not create it: have an administrator run CREATE ROLE protiv_reader NOLOGIN.';
END $$;

GRANT USAGE ON SCHEMA protiv TO protiv_reader;
GRANT SELECT ON
  protiv.jobs, protiv.users, protiv.cost_codes, protiv.budgets, protiv.time_entries,
  protiv.current_jobs, protiv.current_users, protiv.current_cost_codes, protiv.current_budgets,
  protiv.current_time_entries, protiv.job_labor
TO protiv_reader;

-- After SET LOCAL the setting is '' and not null: both mean no company.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['jobs', 'users', 'cost_codes', 'budgets', 'time_entries'] LOOP
    EXECUTE format('ALTER TABLE protiv.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY one_company ON protiv.%I FOR SELECT TO protiv_reader '
      'USING (company_id = nullif(current_setting(''protiv.company_id'', true), ''''))', name);
  END LOOP;
END $$;
