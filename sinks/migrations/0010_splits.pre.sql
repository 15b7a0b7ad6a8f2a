-- Shifts with several cost codes: their parts, and what is worked for each job and cost code by these parts.

ALTER TABLE protiv.cost_codes ADD COLUMN stated_by text CHECK (stated_by IN ('list', 'shift'));
ALTER TABLE protiv.time_entries
  ADD COLUMN double_overtime_minutes bigint,
  ADD COLUMN pto_minutes bigint,
  ADD COLUMN approved_at timestamptz CHECK (approved_at > '0001-01-02Z' AND approved_at < '9999-12-31Z'),
  ADD COLUMN split_cost_code_ids text[] NOT NULL DEFAULT '{}',
  ADD COLUMN split_minutes bigint[] NOT NULL DEFAULT '{}',
  DROP CONSTRAINT time_entries_link_status_check,
  ADD CONSTRAINT time_entries_link_status_check CHECK (link_status IN ('linked', 'split', 'waiting-for-job',
    'waiting-for-cost-code', 'waiting-for-user', 'general', 'uncoded', 'several-codes', 'ambiguous-code')),
  ADD CONSTRAINT time_entries_split_is_paired CHECK (cardinality(split_cost_code_ids) = cardinality(split_minutes));

COMMENT ON COLUMN protiv.cost_codes.stated_by IS 'list: a budget''s list of cost codes states it; shift: only shifts name it. Null in what was written before.';
COMMENT ON COLUMN protiv.time_entries.cost_code_id IS 'The cost code; null unless exactly one is meant. Of a shift that is split, split_cost_code_ids has them.';
COMMENT ON COLUMN protiv.time_entries.total_minutes IS 'Minutes of regular time, overtime and double overtime; null while clocked in and nothing is stated.';
COMMENT ON COLUMN protiv.time_entries.double_overtime_minutes IS 'Minutes of double overtime; null while clocked in and nothing is stated.';
COMMENT ON COLUMN protiv.time_entries.pto_minutes IS 'Minutes of paid absence, no part of total_minutes; null where none is stated.';
COMMENT ON COLUMN protiv.time_entries.approved_at IS 'When it was approved; null where it is not approved or no time is stated.';
COMMENT ON COLUMN protiv.time_entries.split_cost_code_ids IS 'The cost codes of a shift that is split, by ascending id; empty for every other one.';
COMMENT ON COLUMN protiv.time_entries.split_minutes IS 'Whole minutes of each of split_cost_code_ids, in its order; they add up to total_minutes.';
COMMENT ON COLUMN protiv.time_entries.link_status IS 'linked, split, waiting-for-job, waiting-for-cost-code, waiting-for-user, general, uncoded, several-codes or ambiguous-code; never null on a live row.';

CREATE OR REPLACE VIEW protiv.current_cost_codes WITH (security_invoker = true) AS
  SELECT company_id, cost_code_id, version, observed_at, code, name, title, category, active, updated_at, stated_by
  FROM protiv.cost_codes WHERE deleted_at IS NULL;

CREATE OR REPLACE VIEW protiv.current_time_entries WITH (security_invoker = true) AS
  SELECT company_id, time_entry_id, version, observed_at, job_id, job_name, user_id, user_name, cost_code_id,
    cost_code_title, started_at, ended_at, time_zone, work_date, break_minutes, regular_minutes, overtime_minutes,
    total_minutes, hourly_cost, labor_cost, approved, notes, tags, link_status, link_detail, updated_at,
    double_overtime_minutes, pto_minutes, approved_at, split_cost_code_ids, split_minutes
  FROM protiv.time_entries WHERE deleted_at IS NULL;

-- Costs are shared in millionths, exactly: div and mod of numerics do not round. Whose remainder is largest gets the
-- next millionth that is left, of equal ones the smaller id; shorter ids are smaller, as they have no leading zeros.
CREATE VIEW protiv.time_entry_splits WITH (security_invoker = true) AS
  SELECT company_id, time_entry_id, job_id, user_id, work_date, cost_code_id, cost_code_title, total_minutes AS minutes,
    labor_cost, link_status, job_name, user_name, ended_at, approved
  FROM protiv.time_entries
  WHERE deleted_at IS NULL AND cardinality(split_minutes) = 0
  UNION ALL
  SELECT t.company_id, t.time_entry_id, t.job_id, t.user_id, t.work_date, part.cost_code_id,
    (SELECT code.title FROM protiv.cost_codes AS code
     WHERE code.company_id = t.company_id AND code.cost_code_id = part.cost_code_id), part.minutes,
    part.labor_cost, t.link_status, t.job_name, t.user_name, t.ended_at, t.approved
  FROM protiv.time_entries AS t
  CROSS JOIN LATERAL (
    SELECT cost_code_id, minutes, (sign(t.labor_cost) * 0.000001 * (whole + CASE WHEN
        row_number() OVER (ORDER BY remainder DESC, length(cost_code_id), cost_code_id)
        <= abs(t.labor_cost) * 1000000 - sum(whole) OVER () THEN 1 ELSE 0 END))::numeric(18,6) AS labor_cost
    FROM (
      SELECT cost_code_id, minutes, div(abs(t.labor_cost) * 1000000 * weight, sum(weight) OVER ()) AS whole,
        mod(abs(t.labor_cost) * 1000000 * weight, sum(weight) OVER ()) AS remainder
      FROM (
        -- A cost without minutes is shared evenly.
        SELECT each.cost_code_id, each.minutes,
          CASE WHEN t.total_minutes = 0 THEN 1 ELSE each.minutes END::numeric AS weight
        FROM unnest(t.split_cost_code_ids, t.split_minutes) AS each (cost_code_id, minutes)
      ) AS weighted
    ) AS shared
  ) AS part
  WHERE t.deleted_at IS NULL AND cardinality(t.split_minutes) > 0;

COMMENT ON VIEW protiv.time_entry_splits IS 'Current shifts by cost code: a row a shift and cost code, and one with no cost code for a shift that means none or whose minutes cannot be told apart. Minutes and labor cost of a shift''s rows add up to the shift''s.';
COMMENT ON COLUMN protiv.time_entry_splits.company_id IS 'Protiv''s id of the company.';
COMMENT ON COLUMN protiv.time_entry_splits.time_entry_id IS 'Buildertrend''s id of the shift, as text.';
COMMENT ON COLUMN protiv.time_entry_splits.job_id IS 'The job; 0 is General.';
COMMENT ON COLUMN protiv.time_entry_splits.user_id IS 'The worker.';
COMMENT ON COLUMN protiv.time_entry_splits.work_date IS 'Local day of the start.';
COMMENT ON COLUMN protiv.time_entry_splits.cost_code_id IS 'The cost code; null where the shift means none or its minutes cannot be told apart.';
COMMENT ON COLUMN protiv.time_entry_splits.cost_code_title IS 'The cost code''s title; of a part of a split, null until the cost code was read.';
COMMENT ON COLUMN protiv.time_entry_splits.minutes IS 'Minutes worked under the cost code: regular time, overtime and double overtime; null while clocked in and nothing is stated.';
COMMENT ON COLUMN protiv.time_entry_splits.labor_cost IS 'Dollars of labor of these minutes, exact to the millionth; null where the shift''s is.';
COMMENT ON COLUMN protiv.time_entry_splits.link_status IS 'The shift''s link_status.';
COMMENT ON COLUMN protiv.time_entry_splits.job_name IS 'The job''s name, else what the shift''s own row says.';
COMMENT ON COLUMN protiv.time_entry_splits.user_name IS 'The worker''s name, else what the shift''s own row says. Personal data.';
COMMENT ON COLUMN protiv.time_entry_splits.ended_at IS 'End of the shift; null while clocked in.';
COMMENT ON COLUMN protiv.time_entry_splits.approved IS 'Whether the shift is approved; null where it is not stated.';
GRANT SELECT ON protiv.time_entry_splits TO protiv_reader;

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
    round(coalesce(sum(actual_minutes) FILTER (WHERE link_status NOT IN ('linked', 'split')), 0) / 60, 4)
      AS hours_not_linked,
    coalesce(jsonb_object_agg(link_status, round(coalesce(actual_minutes, 0) / 60, 4))
      FILTER (WHERE link_status NOT IN ('linked', 'split')), '{}') AS hours_not_linked_by_status
  FROM (
    SELECT company_id, job_id, cost_code_id, job_name, cost_code_title,
      budgeted_minutes::numeric, coalesce(revised_amount, original_amount) AS budgeted_dollars,
      NULL::text AS link_status, NULL::numeric AS actual_minutes, NULL::numeric AS labor_cost,
      0 AS shifts, 0 AS open_shifts, 0 AS shifts_without_cost
    FROM protiv.current_budgets
    UNION ALL
    SELECT company_id, job_id, cost_code_id, max(job_name), max(cost_code_title),
      NULL, NULL, link_status, sum(minutes)::numeric, sum(labor_cost),
      count(*), count(*) FILTER (WHERE ended_at IS NULL),
      count(*) FILTER (WHERE ended_at IS NOT NULL AND labor_cost IS NULL)
    FROM protiv.time_entry_splits
    GROUP BY company_id, job_id, cost_code_id, link_status
  ) AS both_sides
  GROUP BY company_id, job_id, cost_code_id;
COMMENT ON VIEW protiv.job_labor IS 'Budget against work, one row a company, job and cost code, over all time. Shifts that are split count by their parts; those that mean no cost code, or whose minutes cannot be told apart, are in the rows whose cost_code_id is null.';
COMMENT ON COLUMN protiv.job_labor.cost_code_id IS 'The cost code; null for shifts that mean none, or several without saying the minutes of each.';
COMMENT ON COLUMN protiv.job_labor.actual_hours IS 'Hours worked: regular time, overtime and double overtime; shifts still open count what is stated so far.';
COMMENT ON COLUMN protiv.job_labor.shifts IS 'Count of shifts, open ones included; one that is split counts in the row of each of its cost codes.';
COMMENT ON COLUMN protiv.job_labor.hours_not_linked IS 'Hours of shifts whose link_status is neither linked nor split.';

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
    WHERE v.relnamespace = 'protiv'::regnamespace AND t.relname IN ('cost_codes', 'time_entries')
  LOOP
    EXECUTE format('COMMENT ON COLUMN protiv.%I.%I IS %L', found.view_name, found.column_name, found.comment);
  END LOOP;
END $$;
