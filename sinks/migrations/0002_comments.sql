-- What every table and column of a canonical record means, its unit, and what null says.

COMMENT ON TABLE protiv.jobs IS 'Jobs, from topic protiv.jobs.';
COMMENT ON TABLE protiv.users IS 'Workers and other users, from topic protiv.users.';
COMMENT ON TABLE protiv.cost_codes IS 'Cost codes, from topic protiv.cost-codes.';
COMMENT ON TABLE protiv.budgets IS 'Budgets, one row a job and cost code, from topic protiv.budgets.';
COMMENT ON TABLE protiv.time_entries IS 'Worked shifts, from topic protiv.time-entries.';

-- Columns that mean the same in all five tables.
DO $$
DECLARE
  meaning record;
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['jobs', 'users', 'cost_codes', 'budgets', 'time_entries'] LOOP
    FOR meaning IN SELECT * FROM (VALUES
      ('company_id', 'Protiv''s id of the company.'),
      ('version', 'True as of at least this version of the company. Never decreases; a record applies only if its (version, source_generation, source_offset) is higher than the row''s.'),
      ('observed_at', 'When it was read from Buildertrend, or, on a deleted row, when it was seen to be gone.'),
      ('deleted_at', 'When it was seen to be gone from Buildertrend; null while it is there. The other columns of a deleted row hold what was last said, and are null if nothing was.'),
      ('source_generation', 'Which creation of the topic the row''s record came from (protiv.sink_offsets.generation).'),
      ('source_offset', 'Offset of the row''s record in its partition: decides between records of one version.'),
      ('updated_at', 'When the sink last changed the row: start of the transaction that did.')
    ) AS meanings (column_name, comment) LOOP
      EXECUTE format('COMMENT ON COLUMN protiv.%I.%I IS %L', name, meaning.column_name, meaning.comment);
    END LOOP;
  END LOOP;
END $$;

COMMENT ON COLUMN protiv.jobs.job_id IS 'Buildertrend''s id of the job, as text; 0 is the company''s General pseudo-job.';
COMMENT ON COLUMN protiv.jobs.name IS 'Name as Buildertrend shows it.';
COMMENT ON COLUMN protiv.jobs.number IS 'Job number; null where none is stated.';
COMMENT ON COLUMN protiv.jobs.status IS 'open, closed, warranty, presale or unknown.';
COMMENT ON COLUMN protiv.jobs.street IS 'Street address; null where none is stated.';
COMMENT ON COLUMN protiv.jobs.opened_on IS 'Local day on which the job was opened; null where none is stated.';
COMMENT ON COLUMN protiv.jobs.starts_on IS 'Local day of the actual start, else of the projected one; null where neither is stated.';
COMMENT ON COLUMN protiv.jobs.projected_close_on IS 'Local day of the projected completion; null where none is stated.';
COMMENT ON COLUMN protiv.jobs.is_general IS 'True for the company''s General pseudo-job.';

COMMENT ON COLUMN protiv.users.user_id IS 'Buildertrend''s id of the user, as text.';
COMMENT ON COLUMN protiv.users.name IS 'Whole name.';
COMMENT ON COLUMN protiv.users.first_name IS 'First name; null where none is stated.';
COMMENT ON COLUMN protiv.users.last_name IS 'Last name; null where none is stated.';
COMMENT ON COLUMN protiv.users.email IS 'E-mail address; null where none is stated. Personal data.';
COMMENT ON COLUMN protiv.users.phone IS 'Phone number as written; null where none is stated. Personal data.';
COMMENT ON COLUMN protiv.users.role IS 'Role in Buildertrend; null where none is stated.';
COMMENT ON COLUMN protiv.users.active IS 'Whether the user is active; null where it is not stated.';
COMMENT ON COLUMN protiv.users.hourly_cost IS 'Dollars an hour; null where none is stated.';

COMMENT ON COLUMN protiv.cost_codes.cost_code_id IS 'Buildertrend''s id of the cost code, as text.';
COMMENT ON COLUMN protiv.cost_codes.code IS 'The code without trailing dots; null where the title has none.';
COMMENT ON COLUMN protiv.cost_codes.name IS 'The title without the code.';
COMMENT ON COLUMN protiv.cost_codes.title IS 'As Buildertrend shows it.';
COMMENT ON COLUMN protiv.cost_codes.category IS 'Category; null where none is stated.';
COMMENT ON COLUMN protiv.cost_codes.active IS 'Whether it may be used; null where it is not stated.';

COMMENT ON COLUMN protiv.budgets.budget_id IS '<job_id>:<cost_code_id>.';
COMMENT ON COLUMN protiv.budgets.job_id IS 'The job.';
COMMENT ON COLUMN protiv.budgets.job_name IS 'The job''s name; null until the job is there.';
COMMENT ON COLUMN protiv.budgets.cost_code_id IS 'The cost code.';
COMMENT ON COLUMN protiv.budgets.cost_code_title IS 'The cost code''s title, else what the budget''s own row says.';
COMMENT ON COLUMN protiv.budgets.category IS 'Category; null where none is stated.';
COMMENT ON COLUMN protiv.budgets.original_amount IS 'Dollars budgeted at first; null where nothing states it.';
COMMENT ON COLUMN protiv.budgets.revised_amount IS 'Dollars budgeted with approved changes; null where nothing states it.';
COMMENT ON COLUMN protiv.budgets.budgeted_minutes IS 'Minutes budgeted, from worksheet lines counted in hours; null where nothing states them (not zero).';

COMMENT ON COLUMN protiv.time_entries.time_entry_id IS 'Buildertrend''s id of the shift, as text.';
COMMENT ON COLUMN protiv.time_entries.job_id IS 'The job; 0 is General.';
COMMENT ON COLUMN protiv.time_entries.job_name IS 'The job''s name, else what the shift''s own row says.';
COMMENT ON COLUMN protiv.time_entries.user_id IS 'The worker.';
COMMENT ON COLUMN protiv.time_entries.user_name IS 'The worker''s name, else what the shift''s own row says. Personal data.';
COMMENT ON COLUMN protiv.time_entries.cost_code_id IS 'The cost code; null unless exactly one is named.';
COMMENT ON COLUMN protiv.time_entries.cost_code_title IS 'The cost code''s title, else what the shift''s own row says; several are joined with ''; ''.';
COMMENT ON COLUMN protiv.time_entries.started_at IS 'Start; never null on a live row.';
COMMENT ON COLUMN protiv.time_entries.ended_at IS 'End; null while clocked in.';
COMMENT ON COLUMN protiv.time_entries.time_zone IS 'The company''s IANA time zone, in which the local times were read.';
COMMENT ON COLUMN protiv.time_entries.work_date IS 'Local day of the start; never null on a live row.';
COMMENT ON COLUMN protiv.time_entries.break_minutes IS 'Minutes of unpaid break; null where none is stated.';
COMMENT ON COLUMN protiv.time_entries.regular_minutes IS 'Minutes of regular time; null while clocked in and nothing is stated.';
COMMENT ON COLUMN protiv.time_entries.overtime_minutes IS 'Minutes of overtime; null while clocked in and nothing is stated.';
COMMENT ON COLUMN protiv.time_entries.total_minutes IS 'Minutes of regular time and overtime; null while clocked in and nothing is stated.';
COMMENT ON COLUMN protiv.time_entries.hourly_cost IS 'Dollars an hour; null where none is stated.';
COMMENT ON COLUMN protiv.time_entries.labor_cost IS 'Dollars of labor for the shift; null where no hourly cost is stated.';
COMMENT ON COLUMN protiv.time_entries.approved IS 'Whether the shift is approved; null where it is not stated.';
COMMENT ON COLUMN protiv.time_entries.notes IS 'Free text; null where none. Personal data.';
COMMENT ON COLUMN protiv.time_entries.tags IS 'Free tags; empty where none.';
COMMENT ON COLUMN protiv.time_entries.link_status IS 'linked, waiting-for-job, waiting-for-cost-code, waiting-for-user, general, uncoded, several-codes or ambiguous-code; never null on a live row.';
COMMENT ON COLUMN protiv.time_entries.link_detail IS 'For people: what is waited for, or what was noted; null where nothing.';
