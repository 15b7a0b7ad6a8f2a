-- name: source
-- Buildertrend as last read. A shift's hours are known where its row was written with them.
SELECT entity_id, version, local_day AS day, job_id, minutes FROM integration.source_state
WHERE company_id = %(company_id)s AND entity = %(entity)s;

-- name: table_jobs
SELECT job_id AS entity_id, version, NULL::date AS day, NULL AS job_id, NULL::bigint AS minutes
FROM protiv.current_jobs WHERE company_id = %(company_id)s;

-- name: table_users
SELECT user_id AS entity_id, version, NULL::date AS day, NULL AS job_id, NULL::bigint AS minutes
FROM protiv.current_users WHERE company_id = %(company_id)s;

-- name: table_cost_codes
SELECT cost_code_id AS entity_id, version, NULL::date AS day, NULL AS job_id, NULL::bigint AS minutes
FROM protiv.current_cost_codes WHERE company_id = %(company_id)s;

-- name: table_budgets
SELECT budget_id AS entity_id, version, NULL::date AS day, NULL AS job_id, NULL::bigint AS minutes
FROM protiv.current_budgets WHERE company_id = %(company_id)s;

-- name: table_time_entries
SELECT time_entry_id AS entity_id, version, work_date AS day, job_id, total_minutes AS minutes
FROM protiv.current_time_entries WHERE company_id = %(company_id)s;
