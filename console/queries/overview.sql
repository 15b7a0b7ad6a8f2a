-- name: read_only
-- One snapshot for the whole overview, and no way to change anything.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: time_limit
SET LOCAL statement_timeout = '20s';

-- name: ping
SELECT 1;

-- name: leased
-- The companies that a poller is at work on.
SELECT company_id FROM integration.connections WHERE lease_expires_at > now();

-- name: stored_is_readable
-- Whether all the views and the tables behind them are there and this role may read them.
SELECT count(*) = 10 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'protiv'
  AND c.relname IN ('jobs', 'users', 'cost_codes', 'budgets', 'time_entries', 'current_jobs', 'current_users',
    'current_cost_codes', 'current_budgets', 'current_time_entries')
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT');

-- name: tenant
-- A role bound by row-level security sees the rows of this company only, and none without it.
SELECT set_config('protiv.company_id', %(company_id)s, true);

-- name: stored
SELECT
    (SELECT count(*) FROM protiv.current_jobs WHERE company_id = %(company_id)s) AS jobs,
    (SELECT count(*) FROM protiv.current_users WHERE company_id = %(company_id)s) AS users,
    (SELECT count(*) FROM protiv.current_cost_codes WHERE company_id = %(company_id)s) AS cost_codes,
    (SELECT count(*) FROM protiv.current_budgets WHERE company_id = %(company_id)s) AS budgets,
    (SELECT count(*) FROM protiv.current_time_entries WHERE company_id = %(company_id)s) AS time_entries;
