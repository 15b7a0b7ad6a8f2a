-- Views for readers. All run with the rights and the tenant of whoever asks (security_invoker).

CREATE VIEW protiv.current_jobs WITH (security_invoker = true) AS
  SELECT company_id, job_id, version, observed_at, name, number, status, street, opened_on, starts_on,
    projected_close_on, is_general, updated_at
  FROM protiv.jobs WHERE deleted_at IS NULL;

CREATE VIEW protiv.current_users WITH (security_invoker = true) AS
  SELECT company_id, user_id, version, observed_at, name, first_name, last_name, email, phone, role, active,
    hourly_cost, updated_at
  FROM protiv.users WHERE deleted_at IS NULL;

CREATE VIEW protiv.current_cost_codes WITH (security_invoker = true) AS
  SELECT company_id, cost_code_id, version, observed_at, code, name, title, category, active, updated_at
  FROM protiv.cost_codes WHERE deleted_at IS NULL;

CREATE VIEW protiv.current_budgets WITH (security_invoker = true) AS
  SELECT company_id, budget_id, version, observed_at, job_id, job_name, cost_code_id, cost_code_title, category,
    original_amount, revised_amount, budgeted_minutes, updated_at
  FROM protiv.budgets WHERE deleted_at IS NULL;

CREATE VIEW protiv.current_time_entries WITH (security_invoker = true) AS
  SELECT company_id, time_entry_id, version, observed_at, job_id, job_name, user_id, user_name, cost_code_id,
    cost_code_title, started_at, ended_at, time_zone, work_date, break_minutes, regular_minutes, overtime_minutes,
    total_minutes, hourly_cost, labor_cost, approved, notes, tags, link_status, link_detail, updated_at
  FROM protiv.time_entries WHERE deleted_at IS NULL;

CREATE VIEW protiv.job_labor WITH (security_invoker = true) AS
  SELECT
    company_id, job_id, cost_code_id,
    max(job_name) AS job_name,
    max(cost_code_title) AS cost_code_title,
    round(sum(budgeted_minutes) / 60, 4) AS budgeted_hours,
    sum(budgeted_dollars) AS budgeted_dollars,
    round(coalesce(sum(actual_minutes), 0) / 60, 4) AS actual_hours,
    coalesce(sum(actual_minutes), 0) AS actual_minutes,
    coalesce(sum(labor_cost), 0) AS actual_dollars,
    count(*) FILTER (WHERE is_shift) AS shifts,
    count(*) FILTER (WHERE is_open) AS open_shifts,
    count(*) FILTER (WHERE is_shift AND NOT is_open AND labor_cost IS NULL) AS shifts_without_cost,
    round(coalesce(sum(actual_minutes) FILTER (WHERE NOT is_linked), 0) / 60, 4) AS hours_not_linked
  FROM (
    SELECT company_id, job_id, cost_code_id, job_name, cost_code_title,
      budgeted_minutes::numeric, coalesce(revised_amount, original_amount) AS budgeted_dollars,
      NULL::numeric AS actual_minutes, NULL::numeric AS labor_cost,
      false AS is_shift, false AS is_open, true AS is_linked
    FROM protiv.current_budgets
    UNION ALL
    SELECT company_id, job_id, cost_code_id, job_name, cost_code_title,
      NULL, NULL, total_minutes::numeric, labor_cost,
      true, ended_at IS NULL, link_status = 'linked'
    FROM protiv.current_time_entries
  ) AS both_sides
  GROUP BY company_id, job_id, cost_code_id;

COMMENT ON VIEW protiv.current_jobs IS 'Jobs that are in Buildertrend now (not deleted).';
COMMENT ON VIEW protiv.current_users IS 'Users that are in Buildertrend now (not deleted).';
COMMENT ON VIEW protiv.current_cost_codes IS 'Cost codes that are in Buildertrend now (not deleted).';
COMMENT ON VIEW protiv.current_budgets IS 'Budgets that are in Buildertrend now (not deleted).';
COMMENT ON VIEW protiv.current_time_entries IS 'Shifts that are in Buildertrend now (not deleted).';
COMMENT ON VIEW protiv.job_labor IS 'Budget against work, one row a company, job and cost code, over all time. Shifts without one cost code are in the rows whose cost_code_id is null.';
COMMENT ON COLUMN protiv.job_labor.company_id IS 'Protiv''s id of the company.';
COMMENT ON COLUMN protiv.job_labor.job_id IS 'The job; 0 is General.';
COMMENT ON COLUMN protiv.job_labor.cost_code_id IS 'The cost code; null for shifts that name none or several.';
COMMENT ON COLUMN protiv.job_labor.job_name IS 'The job''s name; null where neither a budget nor a shift states it.';
COMMENT ON COLUMN protiv.job_labor.cost_code_title IS 'One of the titles that the budget and the shifts show.';
COMMENT ON COLUMN protiv.job_labor.budgeted_hours IS 'Hours budgeted; null where nothing states them (not zero).';
COMMENT ON COLUMN protiv.job_labor.budgeted_dollars IS 'Dollars budgeted: the revised amount, else the original one; null where neither is stated.';
COMMENT ON COLUMN protiv.job_labor.actual_hours IS 'Hours worked, regular and overtime; shifts still open count what is stated so far.';
COMMENT ON COLUMN protiv.job_labor.actual_minutes IS 'The same in minutes, exact.';
COMMENT ON COLUMN protiv.job_labor.actual_dollars IS 'Dollars of labor of the shifts that have a cost; see shifts_without_cost.';
COMMENT ON COLUMN protiv.job_labor.shifts IS 'Count of shifts, open ones included.';
COMMENT ON COLUMN protiv.job_labor.open_shifts IS 'Count of shifts whose worker is still clocked in.';
COMMENT ON COLUMN protiv.job_labor.shifts_without_cost IS 'Count of ended shifts whose labor cost is not known: actual_dollars lacks them.';
COMMENT ON COLUMN protiv.job_labor.hours_not_linked IS 'Hours of shifts whose link_status is not linked.';

-- The columns of current_* mean what they mean in their tables.
DO $$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT v.relname AS view_name, a.attname AS column_name, col_description(t.oid, b.attnum) AS comment
    FROM pg_class v
    JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
    JOIN pg_class t ON t.relnamespace = v.relnamespace AND 'current_' || t.relname = v.relname
    JOIN pg_attribute b ON b.attrelid = t.oid AND b.attname = a.attname
    WHERE v.relnamespace = 'protiv'::regnamespace
  LOOP
    EXECUTE format('COMMENT ON COLUMN protiv.%I.%I IS %L', found.view_name, found.column_name, found.comment);
  END LOOP;
END $$;
