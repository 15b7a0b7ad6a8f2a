-- name: known
-- Not of jobs with a budget that a crash or a set-back left in doubt: those are read by the next read.
SELECT job_id, report_row, budget, shifts_version, read_at, fruitless FROM integration.budget_reads AS b
WHERE company_id = %(company_id)s AND NOT EXISTS (
    SELECT FROM integration.source_state AS s
    WHERE s.company_id = b.company_id AND s.entity = 'budgets' AND s.parent_id = b.job_id::text
      AND substring(s.fingerprint FROM 1 FOR 16) = ANY(%(in_doubt)s::bytea[]));

-- name: shifts
-- The newest version of each job's shifts.
SELECT job_id, max(version) FROM integration.source_state
WHERE company_id = %(company_id)s AND entity = 'time-entries' AND job_id IS NOT NULL GROUP BY job_id;

-- name: codes
-- Cost codes that a list states; those that only shifts name are incomplete records.
SELECT entity_id FROM integration.source_state
WHERE company_id = %(company_id)s AND entity = 'cost-codes' AND length(fingerprint) = 16
  AND fingerprint <> ALL(%(in_doubt)s::bytea[]);

-- name: put
INSERT INTO integration.budget_reads AS b (company_id, job_id, report_row, budget, shifts_version, read_at, fruitless)
SELECT %(company_id)s, r.job_id, r.report_row, r.budget, r.shifts_version, %(read_at)s, r.fruitless
FROM unnest(%(job_ids)s::bigint[], %(report_rows)s::bytea[], %(budgets)s::bytea[], %(shifts_versions)s::bigint[],
    %(fruitless)s::integer[]) AS r(job_id, report_row, budget, shifts_version, fruitless)
ON CONFLICT (company_id, job_id) DO UPDATE
SET report_row = excluded.report_row, budget = excluded.budget, shifts_version = excluded.shifts_version,
    read_at = excluded.read_at, fruitless = excluded.fruitless;

-- name: forget
DELETE FROM integration.budget_reads WHERE company_id = %(company_id)s AND job_id = ANY(%(job_ids)s::bigint[]);
