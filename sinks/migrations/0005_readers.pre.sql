-- Readers that are bound to companies, an index for what changed since, and why hours are not linked.

CREATE TABLE protiv.reader_companies (
  role_name  name NOT NULL,
  company_id text NOT NULL,
  PRIMARY KEY (role_name, company_id)
);
COMMENT ON TABLE protiv.reader_companies IS
  'The companies that a role may read. A role without a row here may read the company that it sets in protiv.company_id, whichever that is.';
COMMENT ON COLUMN protiv.reader_companies.role_name IS 'The role that signs in, or that a session changes to.';
COMMENT ON COLUMN protiv.reader_companies.company_id IS 'A company that it may read.';

ALTER TABLE protiv.reader_companies ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON protiv.reader_companies FOR SELECT TO protiv_reader
  USING (role_name IN (current_user, session_user));
GRANT SELECT ON protiv.reader_companies TO protiv_reader;

-- Both names count: who signed in stays bound after SET ROLE, and a pool's sessions are bound by the role they change to.
CREATE FUNCTION protiv.reader_company() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT wanted.company_id
  FROM (SELECT nullif(current_setting('protiv.company_id', true), '')) AS wanted (company_id)
  WHERE NOT EXISTS (SELECT FROM protiv.reader_companies AS bound
                    WHERE bound.role_name IN (current_user, session_user)
                    GROUP BY bound.role_name HAVING NOT bool_or(bound.company_id = wanted.company_id))
$$;
COMMENT ON FUNCTION protiv.reader_company() IS
  'The company whose rows this session may read: the one in the setting protiv.company_id, if the role is not bound to others; else null, and no row is seen.';
GRANT EXECUTE ON FUNCTION protiv.reader_company() TO protiv_reader;

-- Asked once a query, not once a row.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['jobs', 'users', 'cost_codes', 'budgets', 'time_entries'] LOOP
    EXECUTE format(
      'ALTER POLICY one_company ON protiv.%I USING (company_id = (SELECT protiv.reader_company()))', name);
    EXECUTE format('CREATE INDEX %I ON protiv.%I (company_id, updated_at)', name || '_changed', name);
  END LOOP;
END $$;

CREATE OR REPLACE VIEW protiv.job_labor WITH (security_invoker = true) AS
  SELECT
    company_id, job_id, cost_code_id,
    max(job_name) AS job_name,
    max(cost_code_title) AS cost_code_title,
    round(sum(budgeted_minutes) / 60, 4) AS budgeted_hours,
    sum(budgeted_dollars) AS budgeted_dollars,
    round(coalesce(sum(actual_minutes), 0) / 60, 4) AS actual_hours,
    coalesce(sum(actual_minutes), 0) AS actual_minutes,
    coalesce(sum(labor_cost), 0) AS actual_dollars,
    sum(shifts)::bigint AS shifts,
    sum(open_shifts)::bigint AS open_shifts,
    sum(shifts_without_cost)::bigint AS shifts_without_cost,
    round(coalesce(sum(actual_minutes) FILTER (WHERE link_status <> 'linked'), 0) / 60, 4) AS hours_not_linked,
    coalesce(jsonb_object_agg(link_status, round(coalesce(actual_minutes, 0) / 60, 4))
      FILTER (WHERE link_status <> 'linked'), '{}') AS hours_not_linked_by_status
  FROM (
    SELECT company_id, job_id, cost_code_id, job_name, cost_code_title,
      budgeted_minutes::numeric, coalesce(revised_amount, original_amount) AS budgeted_dollars,
      NULL::text AS link_status, NULL::numeric AS actual_minutes, NULL::numeric AS labor_cost,
      0 AS shifts, 0 AS open_shifts, 0 AS shifts_without_cost
    FROM protiv.current_budgets
    UNION ALL
    SELECT company_id, job_id, cost_code_id, max(job_name), max(cost_code_title),
      NULL, NULL, link_status, sum(total_minutes)::numeric, sum(labor_cost),
      count(*), count(*) FILTER (WHERE ended_at IS NULL),
      count(*) FILTER (WHERE ended_at IS NOT NULL AND labor_cost IS NULL)
    FROM protiv.current_time_entries
    GROUP BY company_id, job_id, cost_code_id, link_status
  ) AS both_sides
  GROUP BY company_id, job_id, cost_code_id;
COMMENT ON COLUMN protiv.job_labor.hours_not_linked_by_status IS
  'Why hours are not linked: an object of link_status and hours, as {"waiting-for-job": 7.5}; empty when all are linked.';
