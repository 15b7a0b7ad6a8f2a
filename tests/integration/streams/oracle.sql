-- The canonical state that a log of raw records must end in, from nothing but the log: written from the contract of topics
-- and tables, and not from the code. %(log)s is a JSON array of {topic, id, version, offset, value}; value is null for a
-- tombstone. One row a living entity: topic, id, its raw version, and the canonical record as JSON.
WITH log AS (
  SELECT * FROM jsonb_to_recordset(%(log)s::jsonb) AS r(topic text, id text, version bigint, "offset" bigint, value jsonb)
),
newest AS (
  SELECT DISTINCT ON (topic, id) topic, id, version, value FROM log ORDER BY topic, id, version DESC, "offset" DESC
),
living AS (
  SELECT topic, id, version, (value->>'observed_at')::bigint AS observed_at, value->>'time_zone' AS zone, value->'after' AS row
  FROM newest WHERE value IS NOT NULL AND jsonb_typeof(value) = 'object' AND value->>'op' <> 'DELETE'
),
job AS (
  SELECT id, version, observed_at, row, nullif(row->>'jobName', '') AS name FROM living WHERE topic = 'jobs'
),
worker AS (
  SELECT id, version, observed_at, row,
    coalesce(nullif(concat_ws(' ', nullif(btrim(row->>'firstName'), ''), nullif(btrim(row->>'lastName'), '')), ''),
             row->>'name') AS name
  FROM living WHERE topic = 'users'
),
code AS (
  SELECT id, version, observed_at, row, row->>'title' AS title, row->>'isActive' IS DISTINCT FROM 'false' AS active
  FROM living WHERE topic = 'cost-codes'
),
named AS (  -- the titles that a shift names
  SELECT s.id, n.title, n.place
  FROM living AS s, jsonb_array_elements(s.row->'costCodes') WITH ORDINALITY AS c(entry, place),
    LATERAL (SELECT c.entry->>'costCodeTitle' AS title, c.place) AS n
  WHERE s.topic = 'time-entries'
),
coding AS (
  SELECT s.id, count(n.title) AS titles, string_agg(n.title, '; ' ORDER BY n.place) AS title,
    coalesce(bool_and(n.title = 'Buildertrend Flat Rate'), true) AS is_uncoded
  FROM living AS s LEFT JOIN named AS n USING (id) WHERE s.topic = 'time-entries' GROUP BY s.id, s.row
),
matched AS (  -- active codes come first; inactive ones count only where no active one has the title
  SELECT k.id, count(c.id) AS codes, min(c.id) AS code_id, string_agg(c.id, ', ' ORDER BY c.id) AS ids
  FROM coding AS k
  LEFT JOIN code AS c ON k.titles = 1 AND NOT k.is_uncoded AND c.title = k.title
    AND (c.active OR NOT EXISTS (SELECT FROM code AS o WHERE o.title = k.title AND o.active))
  GROUP BY k.id
),
shift AS (
  SELECT s.id, s.version, s.observed_at, s.zone, s.row, k.titles, k.title, k.is_uncoded, m.codes, m.ids,
    CASE WHEN m.codes = 1 THEN m.code_id END AS code_id,
    j.id IS NOT NULL AS has_job, w.id IS NOT NULL AS has_worker,
    coalesce(j.name, s.row->>'jobName') AS job_name, coalesce(w.name, s.row->>'name') AS user_name,
    (s.row->'timeIn'->>'timeStamp')::timestamp AS starts, (s.row->'timeOut'->>'timeStamp')::timestamp AS ends
  FROM living AS s JOIN coding AS k USING (id) JOIN matched AS m USING (id)
  LEFT JOIN job AS j ON j.id = s.row->>'jobId'
  LEFT JOIN worker AS w ON w.id = s.row->>'userID'
  WHERE s.topic = 'time-entries'
),
judged AS (
  SELECT *, CASE
    WHEN row->>'jobId' = '0' THEN 'general'
    WHEN is_uncoded THEN 'uncoded'
    WHEN titles > 1 THEN 'several-codes'
    WHEN codes > 1 THEN 'ambiguous-code'
    WHEN NOT has_job THEN 'waiting-for-job'
    WHEN NOT has_worker THEN 'waiting-for-user'
    WHEN codes = 0 THEN 'waiting-for-cost-code'
    ELSE 'linked' END AS status
  FROM shift
)
SELECT 'jobs' AS topic, id, version, jsonb_build_object(
    'job_id', id, 'observed_at', observed_at, 'deleted_at', NULL, 'name', name, 'number', row->>'jobNumber',
    'status', CASE (row->>'status')::int
      WHEN 0 THEN 'closed' WHEN 1 THEN 'open' WHEN 3 THEN 'warranty' WHEN 4 THEN 'presale' ELSE 'unknown' END,
    'street', nullif(row->>'street', ''), 'is_general', id = '0',
    'opened_on', (SELECT day - DATE '1970-01-01' FROM (SELECT (row->>'dateOpened')::timestamp::date AS day) AS d
                  WHERE day NOT IN ('0001-01-01', '2006-01-01', '2055-01-01')),
    'starts_on', (SELECT day - DATE '1970-01-01' FROM (
                    SELECT coalesce(row->>'actualStartDate', row->>'projectedStartDate')::timestamp::date AS day) AS d),
    'projected_close_on', (row->>'projectedClosingDate')::timestamp::date - DATE '1970-01-01') AS record
FROM job
UNION ALL
SELECT 'users', id, version, jsonb_build_object(
    'user_id', id, 'observed_at', observed_at, 'deleted_at', NULL, 'name', name, 'first_name', row->>'firstName',
    'last_name', row->>'lastName', 'email', row->>'email', 'phone', row->>'phone', 'role', row->>'role',
    'active', row->'isActive',
    'hourly_cost_micros', (translate(row->>'defaultLaborCost', '$,', '')::numeric * 1000000)::bigint)
FROM worker
UNION ALL
SELECT 'cost-codes', id, version, jsonb_build_object(
    'cost_code_id', id, 'observed_at', observed_at, 'deleted_at', NULL, 'title', title, 'category', row->>'category',
    'active', row->'isActive', 'stated_by', 'list',
    'code', substring(title FROM '^\d+(?:\.\d+)*'),
    'name', CASE WHEN title ~ '^\d' THEN substring(title FROM '^[\d.]+\s+(.*)$') ELSE title END)
FROM code
UNION ALL
SELECT 'budgets', b.id, b.version, jsonb_build_object(
    'budget_id', b.id, 'observed_at', b.observed_at, 'deleted_at', NULL, 'job_id', b.row->>'jobId', 'job_name', j.name,
    'cost_code_id', b.row->>'id', 'cost_code_title', coalesce(c.title, nullif(b.row->>'title', '')), 'category', b.row->>'category',
    'original_amount_micros', ((b.row->>'originalBudgetCosts')::numeric * 1000000)::bigint,
    'revised_amount_micros', ((b.row->>'revisedBudgetCosts')::numeric * 1000000)::bigint,
    'budgeted_minutes', (SELECT round(sum((l->>'quantity')::numeric) * 60)::bigint
      FROM jsonb_array_elements(b.row->'worksheetLines') AS l WHERE l->>'unit' = 'HR' AND l->>'lineItemType' IS DISTINCT FROM '5'))
FROM living AS b LEFT JOIN job AS j ON j.id = b.row->>'jobId' LEFT JOIN code AS c ON c.id = b.row->>'id'
WHERE b.topic = 'budgets'
UNION ALL
SELECT 'time-entries', id, version, jsonb_build_object(
    'time_entry_id', id, 'observed_at', observed_at, 'deleted_at', NULL, 'job_id', row->>'jobId', 'job_name', job_name,
    'user_id', row->>'userID', 'user_name', user_name, 'cost_code_id', code_id,
    'cost_code_title', title, 'time_zone', zone,
    'started_at', (extract(epoch FROM starts AT TIME ZONE zone) * 1000000)::bigint,
    'ended_at', (extract(epoch FROM ends AT TIME ZONE zone) * 1000000)::bigint,
    'work_date', starts::date - DATE '1970-01-01',
    'break_minutes', (row->'breakTime'->>'breakTime')::int, 'regular_minutes', (row->>'regularTime')::int,
    'overtime_minutes', (row->>'overTime')::int,
    'double_overtime_minutes', (row->>'doubleOverTime')::int, 'pto_minutes', (row->>'personalTimeOff')::int,
    'total_minutes', CASE WHEN row->>'regularTime' IS NOT NULL OR (row->>'overTime')::int <> 0
        OR (row->>'doubleOverTime')::int <> 0
      THEN coalesce((row->>'regularTime')::int, 0) + coalesce((row->>'overTime')::int, 0)
        + coalesce((row->>'doubleOverTime')::int, 0) END,
    -- No shift of these histories states ids or minutes of its cost codes: none is split.
    'split_cost_code_ids', '[]'::jsonb, 'split_minutes', '[]'::jsonb, 'approved_at', NULL,
    'hourly_cost_micros', (translate(row->>'rate', '$,', '')::numeric * 1000000)::bigint,
    'labor_cost_micros', ((row->'builderCost'->>'value')::numeric * 1000000)::bigint,
    'approved', row->'approvalStatus'->'isApproved', 'notes', nullif(row->>'notes', ''), 'tags', row->'tags',
    'link_status', status,
    'link_detail', CASE status
      WHEN 'several-codes' THEN format('The shift names %%s cost codes and does not state the minutes of each.', titles)
      WHEN 'ambiguous-code' THEN format('The title names the cost codes %%s.', ids)
      WHEN 'waiting-for-job' THEN format('Job %%s has not been read from Buildertrend.', row->>'jobId')
      WHEN 'waiting-for-user' THEN format('User %%s has not been read from Buildertrend.', row->>'userID')
      WHEN 'waiting-for-cost-code' THEN 'No cost code with this title has been read.' END)
FROM judged
