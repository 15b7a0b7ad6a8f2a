-- name: links
SELECT link_status, count(*) AS entries, coalesce(sum(total_minutes), 0) AS minutes
FROM protiv.current_time_entries WHERE company_id = %(company_id)s
GROUP BY link_status ORDER BY count(*) DESC, link_status;

-- name: entries
-- The newest linked or split entries of different workers.
SELECT * FROM (
    SELECT DISTINCT ON (user_id) work_date, user_name, job_name, cost_code_title, total_minutes, labor_cost
    FROM protiv.current_time_entries
    WHERE company_id = %(company_id)s AND link_status IN ('linked', 'split') AND ended_at IS NOT NULL
    ORDER BY user_id, started_at DESC
) AS newest ORDER BY work_date DESC, user_name LIMIT 5;

-- name: labor
-- The three jobs with the most hours among those that have budgeted hours. All hours of a job count against its budget,
-- also those of cost codes without one and of shifts without a cost code: as everywhere.
SELECT job_id, max(job_name) AS job_name, sum(budgeted_hours) AS budgeted_hours, sum(actual_hours) AS actual_hours,
    sum(budgeted_dollars) AS budgeted_dollars, sum(actual_dollars) AS actual_dollars
FROM protiv.job_labor WHERE company_id = %(company_id)s
GROUP BY job_id HAVING sum(budgeted_hours) > 0
ORDER BY sum(actual_hours) DESC, job_id LIMIT 3;
